//! A rejects file: rejected rows in the form of their export, to be corrected in a spreadsheet, and the way back.
//!
//! Columns, order, delimiter, encoding and line ends are the export's; `_reason` and `_line` come last. A row with too many cells goes on in
//! columns without a name between the export's own and those two; one with too few is filled up. Rows of a query are written as UTF-8 with a
//! byte order mark (without it, spreadsheets guess another encoding) and commas.
//!
//! Cells keep their bytes. Only what a spreadsheet would run as a formula gets an apostrophe in front, and so does what looks like such a cell
//! already, so that taking one away brings back what was there.

mod correction;
mod reread;
#[cfg(test)]
mod tests;
mod write;

use encoding_rs::{Encoding, UTF_8};

use crate::domain::record::Layout;

pub use correction::{Correction, read};
pub use reread::Rereader;
pub use write::Writer;

/// Column of the reason. Emptied, it says that the row is right as it stands.
const REASON: &str = "_reason";
/// Column of the line in the export: what the row is found again by.
const LINE: &str = "_line";

/// What a spreadsheet runs as a formula begins with one of these (OWASP, CSV Injection).
const FORMULA: [u8; 7] = [b'=', b'+', b'-', b'@', b'\t', b'\r', b'\n'];

/// How an export writes its cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Style {
    names: Vec<String>,
    delimiter: u8,
    quote: u8,
    /// Of the file.
    encoding: &'static Encoding,
    bom: bool,
    line_end: &'static [u8],
    /// Rows are kept as JSON arrays.
    query: bool,
}

impl Style {
    /// The style of an export.
    pub fn of(layout: &Layout) -> Self {
        match layout {
            Layout::Csv { header, delimiter, quote, encoding, bom, crlf } => Self {
                names: header.clone(),
                delimiter: *delimiter,
                quote: *quote,
                encoding: Encoding::for_label(encoding.as_bytes()).unwrap_or(UTF_8),
                bom: *bom,
                line_end: if *crlf { b"\r\n" } else { b"\n" },
                query: false,
            },
            Layout::Sqlite { columns } => Self {
                names: columns.clone(),
                delimiter: b',',
                quote: b'"',
                encoding: UTF_8,
                bom: true,
                line_end: b"\r\n",
                query: true,
            },
        }
    }

    /// The names of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The encoding of cells: the file's if each of its characters is one byte, else UTF-8.
    fn cell_encoding(&self) -> &'static Encoding {
        if self.encoding.is_single_byte() { self.encoding } else { UTF_8 }
    }

    /// The cells of a row as the ledger keeps it, in the encoding of cells. A row whose form is broken is cut as well as can be.
    pub fn cells(&self, record: &[u8]) -> Vec<Vec<u8>> {
        if self.query {
            let values: Vec<serde_json::Value> = serde_json::from_slice(record).unwrap_or_default();
            return values.iter().map(|value| crate::sources::sqlite::shown(value).into_bytes()).collect();
        }
        let mut reader = csv_core::ReaderBuilder::new().delimiter(self.delimiter).quote(self.quote).build();
        let mut text = vec![0; record.len() + 1];
        let mut ends = vec![0; memchr::memchr_iter(self.delimiter, record).count() + 2];
        let (_, read, written, found) = reader.read_record(record, &mut text, &mut ends);
        let rest = text.get_mut(written..).unwrap_or_default();
        let (_, _, _, last) =
            reader.read_record(record.get(read..).unwrap_or_default(), rest, ends.get_mut(found..).unwrap_or_default());
        let mut from = 0;
        let cell = |end: &usize| {
            let cell = text.get(from..*end).unwrap_or_default().to_vec();
            from = *end;
            cell
        };
        ends.iter().take(found + last).map(cell).collect()
    }

    /// The text of a cell; what the encoding does not know is U+FFFD.
    pub fn text(&self, cell: &[u8]) -> String {
        self.cell_encoding().decode_without_bom_handling(cell).0.into_owned()
    }

    /// The row as the ledger keeps one of a CSV file.
    fn join(&self, cells: &[Vec<u8>]) -> Vec<u8> {
        let mut row = Vec::new();
        for (place, cell) in cells.iter().enumerate() {
            if place > 0 {
                row.push(self.delimiter);
            }
            self.quoted(cell, &mut row);
        }
        row
    }

    fn quoted(&self, cell: &[u8], into: &mut Vec<u8>) {
        let needs = |byte: &u8| [self.delimiter, self.quote, b'\r', b'\n'].contains(byte);
        if !cell.iter().any(needs) {
            into.extend_from_slice(cell);
            return;
        }
        into.push(self.quote);
        for byte in cell {
            if *byte == self.quote {
                into.push(self.quote);
            }
            into.push(*byte);
        }
        into.push(self.quote);
    }

    /// Text in the encoding of cells; a character that it does not have becomes `?`.
    fn encoded(&self, text: &str) -> Vec<u8> {
        let encoding = self.cell_encoding();
        let mut bytes = Vec::with_capacity(text.len());
        let mut one = [0; 4];
        for c in text.chars() {
            let (encoded, _, unknown) = encoding.encode(c.encode_utf8(&mut one));
            bytes.extend_from_slice(if unknown { b"?" } else { &encoded });
        }
        bytes
    }
}

/// A cell with an apostrophe in front if a spreadsheet would run it, or if it would lose one on the way back.
fn harmless(cell: &[u8]) -> Vec<u8> {
    let mut safe = Vec::with_capacity(cell.len() + 1);
    if after_apostrophes(cell).is_some_and(|first| FORMULA.contains(first)) {
        safe.push(b'\'');
    }
    safe.extend_from_slice(cell);
    safe
}

/// What [`harmless`] was given.
fn restored(cell: &[u8]) -> &[u8] {
    match cell {
        [b'\'', rest @ ..] if after_apostrophes(rest).is_some_and(|first| FORMULA.contains(first)) => rest,
        cell => cell,
    }
}

fn after_apostrophes(cell: &[u8]) -> Option<&u8> {
    cell.iter().find(|byte| **byte != b'\'')
}
