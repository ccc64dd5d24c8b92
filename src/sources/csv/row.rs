//! From the bytes of a record to the cells that the mapping asked for.

use std::ops::Range;

use encoding_rs::{DecoderResult, Encoding, UTF_8, WINDOWS_1252};
use memchr::memchr;

use super::RECORD_LIMIT;
use super::form::Form;
use super::records::Raw;
use crate::domain::record::{Cell, Record, RowFault};
use crate::sources::CELL_LIMIT;

/// The columns of a file, and which of them are read.
pub(super) struct Columns {
    /// All names, trimmed.
    pub(super) names: Vec<String>,
    /// Place of the key.
    pub(super) key: usize,
    /// Places of the columns that the mapping reads, in its order.
    pub(super) wanted: Vec<usize>,
    /// UTF-8 or a single-byte encoding; rows in any other arrive as UTF-8.
    pub(super) encoding: &'static Encoding,
    /// The file's encoding, as a message names it.
    pub(super) file_encoding: &'static Encoding,
    /// The quote byte.
    pub(super) quote: u8,
    /// The header's own line.
    pub(super) header: Vec<u8>,
    /// Room for a cell.
    pub(super) scratch: String,
}

impl Columns {
    /// Fills `record`, whose line and raw row are set already, from `raw`.
    ///
    /// A bad row gets its key, too, where that can be read: it is how a person finds the row.
    pub(super) fn fill(&mut self, raw: &Raw<'_>, record: &mut Record) -> Result<(), RowFault> {
        self.fill_key(raw, record);
        check_form(raw)?;
        let text = self.text(raw)?;
        if let Some(at) = memchr(0, raw.text) {
            let cell = raw.cells.iter().position(|cell| at < cell.end);
            return Err(RowFault::Nul { column: self.name(cell.unwrap_or_default()) });
        }
        self.check_cells(raw)?;
        if record.key().is_empty() {
            return Err(RowFault::EmptyKey { column: self.name(self.key) });
        }
        if raw.bytes == self.header {
            return Err(RowFault::RepeatedHeader);
        }
        for place in &self.wanted {
            let range = raw.cells.get(*place).cloned().unwrap_or_default();
            let cell = if let Some(text) = text {
                text.get(range)
            } else {
                decode(self.encoding, cell(raw, *place), &mut self.scratch);
                Some(self.scratch.as_str())
            };
            record.push(Cell::Text(cell.unwrap_or_default()));
        }
        Ok(())
    }

    fn fill_key(&mut self, raw: &Raw<'_>, record: &mut Record) {
        let readable = match raw.form {
            Form::Sound => raw.cells.len(),
            Form::Malformed(cell) => cell,
            Form::Unclosed => raw.cells.len().saturating_sub(1),
            Form::TooLong => 0,
        };
        if self.key < readable && decode(self.encoding, cell(raw, self.key), &mut self.scratch) {
            record.set_key(&self.scratch);
        }
    }

    /// The row as text if it is UTF-8, nothing if its cells are to be decoded one by one.
    fn text<'a>(&mut self, raw: &Raw<'a>) -> Result<Option<&'a str>, RowFault> {
        if self.encoding == UTF_8 || raw.text.is_ascii() {
            return match std::str::from_utf8(raw.text) {
                Ok(text) => Ok(Some(text)),
                Err(_) => Err(self.undecodable()),
            };
        }
        if decode(self.encoding, raw.text, &mut self.scratch) { Ok(None) } else { Err(self.undecodable()) }
    }

    fn undecodable(&self) -> RowFault {
        RowFault::Undecodable { encoding: self.file_encoding.name() }
    }

    fn check_cells(&self, raw: &Raw<'_>) -> Result<(), RowFault> {
        let (found, expected) = (raw.cells.len(), self.names.len());
        if found == expected {
            return Ok(());
        }
        let surplus_is_empty = || {
            let mut surplus = raw.cells.iter().skip(expected);
            surplus.all(Range::is_empty)
        };
        let hint = if memmem(raw.bytes, &[b'\\', self.quote]) {
            "; a backslash does not escape a quote in CSV, a second quote does"
        } else if raw.lines > 1 {
            ""
        } else if found < expected {
            "; a cell may hold a line break without quotes around it"
        } else if surplus_is_empty() {
            "; it ends with a delimiter too many"
        } else {
            "; a cell may hold the delimiter without quotes around it"
        };
        Err(RowFault::Ragged { found, expected, hint, lines: raw.lines })
    }

    /// The column's name, or its number where it has none.
    fn name(&self, place: usize) -> String {
        match self.names.get(place) {
            Some(name) if !name.is_empty() => name.clone(),
            _ => (place + 1).to_string(),
        }
    }
}

fn check_form(raw: &Raw<'_>) -> Result<(), RowFault> {
    match raw.form {
        Form::Unclosed => Err(RowFault::UnclosedQuote { lines: raw.lines }),
        Form::Malformed(cell) => Err(RowFault::MalformedQuote { cell: cell + 1, lines: raw.lines }),
        Form::TooLong => Err(RowFault::TooLong { what: "row", limit: RECORD_LIMIT, lines: raw.lines }),
        Form::Sound if raw.text.len() > CELL_LIMIT && raw.cells.iter().any(|cell| cell.len() > CELL_LIMIT) => {
            Err(RowFault::TooLong { what: "cell", limit: CELL_LIMIT, lines: raw.lines })
        }
        Form::Sound => Ok(()),
    }
}

/// A line of nothing but white space.
pub(super) fn is_blank(raw: &Raw<'_>) -> bool {
    raw.cells.len() == 1 && raw.form == Form::Sound && raw.bytes.trim_ascii().is_empty()
}

fn cell<'a>(raw: &Raw<'a>, place: usize) -> &'a [u8] {
    let range = raw.cells.get(place).cloned().unwrap_or_default();
    raw.text.get(range).unwrap_or_default()
}

fn memmem(haystack: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(haystack, needle).is_some()
}

/// Replaces `into` with the text of `bytes`; false if the encoding does not know some of them.
///
/// The five bytes that Windows-1252 leaves undefined are not known either, although WHATWG makes them control characters: they are a sign
/// of another code page, such as DOS 850 or Mac Roman, in which many a letter would come out as another one.
pub(super) fn decode(encoding: &'static Encoding, bytes: &[u8], into: &mut String) -> bool {
    into.clear();
    if encoding == UTF_8 || bytes.is_ascii() {
        return match std::str::from_utf8(bytes) {
            Ok(text) => {
                into.push_str(text);
                true
            }
            Err(_) => false,
        };
    }
    if encoding == WINDOWS_1252 && bytes.iter().any(|byte| matches!(byte, 0x81 | 0x8D | 0x8F | 0x90 | 0x9D)) {
        return false;
    }
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let Some(length) = decoder.max_utf8_buffer_length_without_replacement(bytes.len()) else {
        return false;
    };
    into.reserve(length);
    let (result, _) = decoder.decode_to_string_without_replacement(bytes, into, true);
    result == DecoderResult::InputEmpty
}
