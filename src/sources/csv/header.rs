//! The first line of a file: what it says about the rest, and what it gives away about a file that is none.

use std::io::{self, Read};

use encoding_rs::Encoding;

use super::form::Form;
use super::records::Records;
use super::row;
use super::{COLUMN_LIMIT, RECORD_LIMIT};
use crate::sources::columns;

/// Delimiters that are tried, the more usual one first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// What a file is whose first bytes (text as UTF-8) are no CSV, and what to do about it.
pub(super) fn not_csv(head: &[u8]) -> Option<&'static str> {
    let begins = |magic: &[u8]| head.starts_with(magic);
    let text = head.trim_ascii_start();
    let tag = |tag: &[u8]| text.get(..tag.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(tag));
    if begins(b"PK\x03\x04") {
        Some("it is an Excel workbook (.xlsx) or another zip file; save it as CSV")
    } else if begins(b"\xD0\xCF\x11\xE0") {
        Some("it is an old Excel workbook (.xls); save it as CSV")
    } else if begins(b"SQLite format 3\0") {
        Some("it is a SQLite database; configure the source as kind = \"sqlite\"")
    } else if tag(b"<!doctype") || tag(b"<html") || tag(b"<head") || tag(b"<body") {
        Some("it is a web page, perhaps a login page that the export job saved; log the job in again")
    } else if tag(b"<?xml") {
        Some("it is XML; export as CSV")
    } else if is_json(text) {
        Some("it is JSON; export as CSV")
    } else if tag(b"%PDF-") {
        Some("it is a PDF; export as CSV")
    } else {
        None
    }
}

/// An object, or a list of them: their first line is a lead, which would else be shown as the columns that were found.
fn is_json(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"[").unwrap_or(text).trim_ascii_start();
    text.strip_prefix(b"{").is_some_and(|inside| matches!(inside.trim_ascii_start().first(), Some(b'"' | b'}')))
}

/// Excel's hint line `sep=;`, also in quotes: its length without the line end, and the delimiter.
pub(super) fn separator_hint(head: &[u8]) -> Option<(usize, u8)> {
    let end = memchr::memchr2(b'\r', b'\n', head)?;
    let line = head.get(..end)?;
    let bare = match line {
        [b'"', inner @ .., b'"'] => inner,
        line => line,
    };
    match bare {
        [s, e, p, b'=', delimiter] if [*s, *e, *p].eq_ignore_ascii_case(b"sep") && delimiter.is_ascii() => {
            Some((end, *delimiter))
        }
        _ => None,
    }
}

/// The delimiter whose header has all of `wanted`, else the one that is most frequent outside quotes, else the comma.
pub(super) fn delimiter(head: &[u8], quote: u8, encoding: &'static Encoding, wanted: &[String]) -> u8 {
    let mut best = (0, b',');
    for delimiter in DELIMITERS {
        let mut records = Records::new(head, delimiter, quote);
        if !matches!(find(&mut records), Ok(true)) {
            continue;
        }
        if !wanted.is_empty()
            && let Ok(names) = names(&records, encoding)
            && columns::positions_in_line(&names, wanted).is_ok()
        {
            return delimiter;
        }
        let count = records.current().cells.len();
        if count > best.0 {
            best = (count, delimiter);
        }
    }
    best.1
}

/// Goes to the header, over blank lines; false if there is none.
pub(super) fn find<R: Read>(records: &mut Records<R>) -> io::Result<bool> {
    while records.advance()? {
        if !row::is_blank(&records.current()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The columns' names, trimmed, or why the header is none.
pub(super) fn names<R: Read>(records: &Records<R>, encoding: &'static Encoding) -> Result<Vec<String>, String> {
    let header = records.current();
    match header.form {
        Form::Sound => {}
        Form::TooLong => {
            return Err(format!("its first line is longer than {RECORD_LIMIT} bytes; is it a CSV file?"));
        }
        Form::Unclosed => {
            return Err("a quote opened in its header never closes; export it again".to_owned());
        }
        Form::Malformed(cell) => {
            return Err(format!("text follows a closing quote in cell {} of its header; export it again", cell + 1));
        }
    }
    if header.cells.len() > COLUMN_LIMIT {
        return Err(format!("it has more than {COLUMN_LIMIT} columns; export only those that are needed"));
    }
    if memchr::memchr(0, header.bytes).is_some() {
        return Err("its header holds NUL characters; the file is damaged, export it again".to_owned());
    }
    let mut names = Vec::with_capacity(header.cells.len());
    for cell in header.cells {
        let mut name = String::new();
        let bytes = header.text.get(cell.clone()).unwrap_or_default();
        if !row::decode(encoding, bytes, &mut name) {
            return Err(format!(
                "its header is not valid {}; set the source's `encoding`, or leave it out to have it detected",
                encoding.name().to_ascii_lowercase()
            ));
        }
        names.push(name.trim().to_owned());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_separator_line_is_known_with_and_without_quotes() {
        assert_eq!(separator_hint(b"sep=;\r\nid"), Some((5, b';')));
        assert_eq!(separator_hint(b"\"sep=;\"\nid"), Some((7, b';')));
        assert_eq!(separator_hint(b"SEP=\t\rid"), Some((5, b'\t')));
        assert_eq!(separator_hint(b"sep=;;\nid"), None);
        assert_eq!(separator_hint(b"sep;id\n1"), None);
    }

    #[test]
    fn the_delimiter_that_gives_the_wanted_columns_wins_over_a_more_frequent_one() {
        let wanted = ["id".to_owned(), "name".to_owned()];
        let head = b"id|name|a,b,c,d,e\n";
        let find = |wanted: &[String]| delimiter(head, b'"', encoding_rs::UTF_8, wanted);
        assert_eq!(find(&wanted), b'|');
        assert_eq!(find(&["town".to_owned()]), b',');
    }
}
