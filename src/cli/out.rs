//! Writing to the terminal: a closed pipe (`| head`) is no error, and data never drives the terminal.

use std::fmt::Display;
use std::io::{Write, stderr, stdout};
use std::path::Path;

/// Columns of a terminal that prose is fitted into.
const WIDTH: usize = 100;

/// One line of result on stdout.
pub(super) fn say(line: impl Display) {
    let _ = writeln!(stdout(), "{line}");
}

/// One line for the person on stderr.
pub(super) fn note(line: impl Display) {
    let _ = writeln!(stderr(), "{line}");
}

/// Data as it may be shown: control characters, which could drive a terminal, become `�`.
pub(super) fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The command that the person typed, so that a printed one works when it is pasted.
pub(super) fn program() -> String {
    std::env::args_os().next().map_or_else(|| env!("CARGO_PKG_NAME").to_owned(), |name| pasted(Path::new(&name)))
}

/// A path as a POSIX shell reads it.
pub(super) fn pasted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "/._-+,@%:=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.into_owned()
    } else {
        format!("'{}'", shown(&text).replace('\'', r"'\''"))
    }
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

/// Columns aligned with two spaces between them; the last one is left as long as it is.
pub(super) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) {
    let mut widths = head.map(|title| title.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    say(line(head.to_vec()));
    for row in rows {
        say(line(row.iter().map(String::as_str).collect()));
    }
}
