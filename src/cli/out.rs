//! Writing to the terminal: a closed pipe (`| head`) is no error, any other result that cannot be written is, and data never drives the
//! terminal.

use std::fmt::Display;
use std::io::{self, Write, stderr, stdout};
use std::path::Path;
use std::sync::OnceLock;

use crate::config::pasted;
pub(super) use crate::domain::reason::shown;

/// Columns of a terminal that prose is fitted into.
const WIDTH: usize = 100;

/// The first line of a result that could not be written. One for the process, as stdout is.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// One line of result on stdout.
pub(super) fn say(line: impl Display) {
    match writeln!(stdout(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => drop(LOST.set(error)),
        _ => {}
    }
}

/// Why a part of the result did not reach stdout, e.g. a full disk behind `> leads.csv`: half a list must not pass for a whole one.
pub(super) fn lost() -> Option<&'static io::Error> {
    LOST.get()
}

/// One line for the person on stderr.
pub(super) fn note(line: impl Display) {
    let _ = writeln!(stderr(), "{line}");
}

/// A question to the person on stderr: the answer is typed beside it.
pub(super) fn prompt(question: impl Display) {
    let _ = write!(stderr(), "{question}").and_then(|()| stderr().flush());
}

/// One JSON document on stdout.
pub(super) fn json(document: &impl serde::Serialize) {
    say(serde_json::to_string_pretty(document).unwrap_or_default());
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
