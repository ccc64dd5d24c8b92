//! A row of a source, as the mapping sees it.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::count::count;

/// One cell, borrowed from its [`Record`]. CSV knows text only; SQLite has all four.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// SQL NULL. An empty CSV cell is `Text("")`.
    Null,
    /// Text, as it stood in the source: not trimmed.
    Text(&'a str),
    /// A 64-bit integer.
    Integer(i64),
    /// A 64-bit float.
    Real(f64),
}

#[derive(Debug, Clone, PartialEq)]
enum Slot {
    Null,
    Text(Range<usize>),
    Integer(i64),
    Real(f64),
}

/// A key as leads have it, however a file, a person or an address writes it: without the white space around it.
pub fn trimmed_key(text: &str) -> &str {
    text.trim()
}

/// One row with its origin. A reader fills the same `Record` again for every row, so that reading allocates nothing per row.
///
/// `cells` are the columns the mapping asked for, in the order it asked for them; `raw` is the whole original row.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// Line of the record's first line in the file, the header's first line being 1; for SQLite the number of the row, from 1.
    pub line: u64,
    /// The original row without its line end, for the rejects file: the file's own bytes, except that UTF-16 is kept as UTF-8.
    /// For SQLite: a JSON array of the values.
    pub raw: Vec<u8>,
    key: String,
    text: String,
    slots: Vec<Slot>,
}

impl Record {
    /// Empties the record for the next row.
    pub fn clear(&mut self) {
        self.line = 0;
        self.raw.clear();
        self.key.clear();
        self.text.clear();
        self.slots.clear();
    }

    /// The row's key, trimmed. Empty only in a row that is reported as bad.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Sets the key; white space around it is dropped (DESIGN: keys are trimmed, values are not).
    pub fn set_key(&mut self, key: &str) {
        self.key.clear();
        self.key.push_str(trimmed_key(key));
    }

    /// Appends the next cell.
    pub fn push(&mut self, cell: Cell<'_>) {
        let slot = match cell {
            Cell::Null => Slot::Null,
            Cell::Integer(number) => Slot::Integer(number),
            Cell::Real(number) => Slot::Real(number),
            Cell::Text(text) => {
                let start = self.text.len();
                self.text.push_str(text);
                Slot::Text(start..self.text.len())
            }
        };
        self.slots.push(slot);
    }

    /// The number of cells.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// True if no cell was pushed.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The cell at `index` of the columns that were asked for; `Null` past the end.
    pub fn cell(&self, index: usize) -> Cell<'_> {
        match self.slots.get(index) {
            None | Some(Slot::Null) => Cell::Null,
            Some(Slot::Integer(number)) => Cell::Integer(*number),
            Some(Slot::Real(number)) => Cell::Real(*number),
            Some(Slot::Text(range)) => Cell::Text(self.text.get(range.clone()).unwrap_or_default()),
        }
    }
}

/// What [`Record`] holds after a read.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    /// A row that can be mapped.
    Good,
    /// A row to quarantine: `line` and `raw` are set, `key` where it could be read; the cells are not to be used.
    Bad(RowFault),
}

/// Why a row never becomes a lead. Displays as one sentence that holds no value of the row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    /// More or fewer cells than the header has.
    #[error("the row has {}, the header has {expected}{hint}{}", count(*.found as u64, "cell"), taken_in(*.lines))]
    Ragged {
        /// Cells in the row.
        found: usize,
        /// Cells in the header.
        expected: usize,
        /// A guess at the cause, beginning with a separator, or empty.
        hint: &'static str,
        /// Lines that the row spans.
        lines: u64,
    },
    /// The key column is empty or blank.
    #[error("the key column '{column}' is empty")]
    EmptyKey {
        /// The configured key column.
        column: String,
    },
    /// The row holds a NUL character.
    #[error("column '{column}' holds a NUL character")]
    Nul {
        /// The column, or its number where the header names none.
        column: String,
    },
    /// Bytes that the file's encoding does not know.
    #[error("the row is not valid {encoding}")]
    Undecodable {
        /// The encoding in force.
        encoding: &'static str,
    },
    /// A quote that never closes took in the rest of the file.
    #[error("a quote opened in this row never closes; it swallowed the rest of the file ({lines} lines)")]
    UnclosedQuote {
        /// Lines from the record's first to the end of the file.
        lines: u64,
    },
    /// Text after a closing quote.
    #[error("text follows a closing quote in cell {cell} of this row of {lines} line{}", if *.lines == 1 { "" } else { "s" })]
    MalformedQuote {
        /// Number of the cell, from 1.
        cell: usize,
        /// Lines that the row spans: many if an earlier quote took them in.
        lines: u64,
    },
    /// The header again, as in exports that were joined.
    #[error("the row repeats the header; were two exports joined?")]
    RepeatedHeader,
    /// A cell or the row is over the limit.
    #[error("the {what} is longer than {limit} bytes{}", taken_in(*.lines))]
    TooLong {
        /// `row` or `cell`.
        what: &'static str,
        /// The limit in bytes.
        limit: usize,
        /// Lines that the row spans.
        lines: u64,
    },
    /// A binary value in a SQLite column.
    #[error("column '{column}' holds a BLOB; select text or numbers")]
    Blob {
        /// The column.
        column: String,
    },
    /// The same file has an earlier, different row with this key.
    #[error("line {first_line} of the same file has the same key with other values; the first one counts")]
    RepeatedKey {
        /// Line of the row that counts.
        first_line: u64,
    },
    /// The same query gave an earlier, different row with this key.
    #[error("row {first_row} of the same query has the same key with other values; the first one counts")]
    RepeatedKeyOfQuery {
        /// Number of the row that counts.
        first_row: u64,
    },
}

/// What follows the fault of a row of so many lines.
fn taken_in(lines: u64) -> String {
    match lines {
        0 | 1 => String::new(),
        lines => {
            format!("; it is {lines} lines long: a quote that belongs to no other may have taken in the rows after it")
        }
    }
}

/// How a source writes its rows: enough to write a rejects file in the same form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Layout {
    /// A CSV file.
    Csv {
        /// The header cells as text.
        header: Vec<String>,
        /// The delimiter byte.
        delimiter: u8,
        /// The quote byte.
        quote: u8,
        /// The file's encoding, WHATWG name in lower case: `utf-8`, `windows-1252`, `utf-16le`, `utf-16be`.
        encoding: String,
        /// The file begins with a byte order mark.
        bom: bool,
        /// The header ends with CR LF.
        crlf: bool,
    },
    /// A SQLite query.
    Sqlite {
        /// Names of the query's columns.
        columns: Vec<String>,
    },
}

impl Layout {
    /// Whether a row kept in this layout has the same cells, in the same columns, when it is read in `other`. The encoding tells only of text
    /// beyond ASCII; mark and line ends are the file's, not the row's.
    pub fn reads_alike(&self, record: &[u8], other: &Self) -> bool {
        match (self, other) {
            (
                Self::Csv { header, delimiter, quote, encoding, .. },
                Self::Csv { header: names, delimiter: cut, quote: around, encoding: written, .. },
            ) => header == names && delimiter == cut && quote == around && (encoding == written || record.is_ascii()),
            (Self::Sqlite { .. }, Self::Sqlite { .. }) => self == other,
            (Self::Csv { .. }, Self::Sqlite { .. }) | (Self::Sqlite { .. }, Self::Csv { .. }) => false,
        }
    }
}
