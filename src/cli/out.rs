//! Writing to the terminal: a closed pipe (`| head`) is no error, any other result that cannot be written is, and data never drives the
//! terminal.
//!
//! Results go to stdout, and what a person should know to stderr. Where nobody sits, all of stderr is the log: whoever collects it finds
//! nothing in it that is not in the log's format.

use std::fmt::Display;
use std::io::{self, Write, stderr, stdout};
use std::path::Path;
use std::sync::OnceLock;

use rustix::fs::FileType;
use rustix::io::Errno;
use tracing::Level;

use super::Exit;
use crate::config::pasted;
use crate::domain::reason::drives_display;
pub(super) use crate::domain::reason::shown;
use crate::telemetry;

/// Columns of a terminal that prose is fitted into.
const WIDTH: usize = 100;

/// The first line of a result that could not be written. One for the process, as stdout is.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// Set where nobody sits before stderr. One for the process, as stderr is.
static UNATTENDED: OnceLock<()> = OnceLock::new();

/// From now on what goes to stderr goes there through the log.
pub(super) fn nobody_sits_here() {
    let _ = UNATTENDED.set(());
}

/// One line of result on stdout.
pub(super) fn say(line: impl Display) {
    match writeln!(stdout(), "{line}") {
        Err(error) if !nobody_reads(&error) => drop(LOST.set(error)),
        _ => {}
    }
}

/// The reader of stdout has gone: of a pipe, or of a terminal, which after a hang-up refuses to be written to with EIO (POSIX.1, "General
/// Terminal Interface", 11.1.10 Modem Disconnect). For a file EIO is a disk that fails. A terminal that is gone no longer says
/// that it is one, but it still is a device.
fn nobody_reads(error: &io::Error) -> bool {
    let is_device = || {
        rustix::fs::fstat(stdout())
            .is_ok_and(|about| FileType::from_raw_mode(about.st_mode) == FileType::CharacterDevice)
    };
    error.kind() == io::ErrorKind::BrokenPipe || error.raw_os_error() == Some(Errno::IO.raw_os_error()) && is_device()
}

/// Why a part of the result did not reach stdout, e.g. a full disk behind `> leads.csv`: half a list must not pass for a whole one.
pub(super) fn lost() -> Option<&'static io::Error> {
    LOST.get()
}

/// What happens, for the person or the log.
pub(super) fn inform(text: impl Display) {
    tell(Level::INFO, "", text);
}

/// What the person should look at soon.
pub(super) fn warn(text: impl Display) {
    tell(Level::WARN, "warning: ", text);
}

/// Why the program ends without having done its work. What passes by itself needs nobody at once.
pub(super) fn fail(exit: Exit, text: impl Display) {
    let level = if matches!(exit, Exit::Held | Exit::Deferred) { Level::WARN } else { Level::ERROR };
    tell(level, "lead-sync: ", text);
}

/// What a run has to say.
pub(super) fn notice(level: Level, text: &str) {
    tell(level, "", shown(text));
}

/// `mark` says to a person what the log says by its level.
fn tell(level: Level, mark: &str, text: impl Display) {
    match UNATTENDED.get() {
        Some(()) => telemetry::say(level, &text.to_string()),
        None => note(format!("{mark}{text}")),
    }
}

/// A word to the person who gave the command, on stderr. Names of files and words of servers are in it: only line ends are left as they are, so that
/// who has data of one line calls [`shown`] first.
pub(super) fn note(text: impl Display) {
    let text = text.to_string();
    let lines: Vec<String> = text.split('\n').map(shown).collect();
    let _ = writeln!(stderr(), "{}", lines.join("\n"));
}

/// A question to the person on stderr: the answer is typed beside it.
pub(super) fn prompt(question: impl Display) {
    let _ = write!(stderr(), "{question}").and_then(|()| stderr().flush());
}

/// One JSON document on stdout.
pub(super) fn json(document: &impl serde::Serialize) {
    say(inert(&serde_json::to_string_pretty(document).unwrap_or_default()));
}

/// The same JSON document with what [`drives_display`] escaped: JSON itself asks that of the characters below U+0020 only (RFC 8259
/// section 7), and a terminal obeys others, too. Such characters stand in strings, but for the line ends between values.
fn inert(document: &str) -> String {
    let escaped = |text: String, c: char| match c {
        '\n' => text + "\n",
        c if drives_display(c) => text + &format!("\\u{:04x}", u32::from(c)),
        c => text + c.encode_utf8(&mut [0; 4]),
    };
    document.chars().fold(String::with_capacity(document.len()), escaped)
}

/// The command that the person typed, so that a printed one works when it is pasted.
pub(super) fn program() -> String {
    std::env::args_os().next().map_or_else(|| env!("CARGO_PKG_NAME").to_owned(), |name| pasted(Path::new(&name)))
}

/// A key as the last argument of a command to be pasted.
pub(super) fn pasted_key(key: &str) -> String {
    let key = pasted(Path::new(key));
    // An option that the command knows would be taken as one.
    if key.starts_with("--") || key.len() == 2 && key.starts_with('-') { format!("-- {key}") } else { key }
}

/// `text` after `head`, broken between words where a line would pass [`WIDTH`]; lines after the first begin below its first word.
pub(super) fn paragraph(head: &str, text: &str) {
    let indent = head.chars().count();
    let mut line = head.to_owned();
    let mut filled = indent;
    for word in text.split(' ') {
        let length = word.chars().count();
        if filled > indent && filled + 1 + length > WIDTH {
            say(line.trim_end());
            line = " ".repeat(indent);
            filled = indent;
        } else if filled > indent {
            line.push(' ');
            filled += 1;
        }
        line.push_str(word);
        filled += length;
    }
    say(line.trim_end());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_document_drives_no_terminal_and_means_the_same() {
        let document = serde_json::json!({ "a\u{9b}31m": ["\u{1b}[2J\u{7f}", "\u{202e}é漢\n"] });
        let text = inert(&serde_json::to_string_pretty(&document).unwrap());
        assert!(!text.contains(|c| c != '\n' && drives_display(c)), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), document);
    }
}
