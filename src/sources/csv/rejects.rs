//! A rejects file: rejected rows in the form of their export, to be corrected in a spreadsheet, and the way back.
//!
//! Columns, order, delimiter, encoding and line ends are the export's; `_reason` and `_line` come last. A row with too many cells goes on in
//! columns without a name between the export's own and those two; one with too few is filled up. Rows of a query are written as UTF-8 with a
//! byte order mark (without it, spreadsheets guess another encoding) and commas.
//!
//! Cells keep their bytes. Only what a spreadsheet would run as a formula gets an apostrophe in front, and so does what looks like such a cell
//! already, so that taking one away brings back what was there.

use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::form::Form;
use super::input::{Decoded, Input};
use super::records::{Raw, Records};
use super::row::{Columns, decode, is_blank};
use super::survey::{Survey, survey};
use super::{RECORD_LIMIT, Settings, header};
use crate::domain::record::{Layout, Record, Row};
use crate::sources::{Error, columns};

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

/// Writes a rejects file.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    style: Style,
    /// Columns before `_reason`.
    width: usize,
}

impl<W: Write> Writer<W> {
    /// Writes the header. `most_cells` is the number of cells in the longest row.
    pub fn new(out: W, style: Style, most_cells: usize) -> io::Result<Self> {
        let width = most_cells.max(style.names.len());
        let mut writer = Self { out, style, width };
        if writer.style.bom {
            writer.write("\u{feff}".as_bytes())?;
        }
        let names: Vec<Vec<u8>> = writer.style.names.iter().map(|name| writer.style.encoded(name)).collect();
        writer.line(names, REASON, LINE)?;
        Ok(writer)
    }

    /// Writes a row; `cells` as from [`Style::cells`].
    pub fn row(&mut self, cells: Vec<Vec<u8>>, reason: &str, line: &str) -> io::Result<()> {
        self.line(cells, reason, line)
    }

    fn line(&mut self, mut cells: Vec<Vec<u8>>, reason: &str, line: &str) -> io::Result<()> {
        cells.resize(self.width, Vec::new());
        cells.extend([self.style.encoded(reason), self.style.encoded(line)]);
        let cells: Vec<Vec<u8>> = cells.iter().map(|cell| harmless(cell)).collect();
        let mut row = self.style.join(&cells);
        row.extend_from_slice(self.style.line_end);
        self.write(&row)
    }

    /// `bytes` are in the encoding of cells.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let encoding = self.style.encoding;
        if encoding == UTF_8 || encoding.is_single_byte() {
            return self.out.write_all(bytes);
        }
        let text = String::from_utf8_lossy(bytes);
        if encoding == UTF_16LE || encoding == UTF_16BE {
            let to_bytes = if encoding == UTF_16LE { u16::to_le_bytes } else { u16::to_be_bytes };
            let units: Vec<u8> = text.encode_utf16().flat_map(to_bytes).collect();
            return self.out.write_all(&units);
        }
        self.out.write_all(&encoding.encode(&text).0)
    }

    /// Gives back what was written to.
    pub fn into_inner(self) -> W {
        self.out
    }
}

/// A row of a rejects file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// Its line in the rejects file.
    pub row: u64,
    /// What `_line` says.
    pub place: String,
    /// `_reason` was emptied: the row is right as it stands.
    pub accepted: bool,
    /// The export's cells as this file writes them, or why there are none.
    cells: Result<Vec<Vec<u8>>, String>,
    /// Of those cells.
    encoding: &'static Encoding,
}

impl Correction {
    /// The cells in the export's encoding of cells, or why they cannot be had. A cell with the bytes of the `original` one was not touched and
    /// is that one, whatever encoding the file seems to be in. What was added to fill up a row is left out where it is empty.
    pub fn cells(&self, original: &[Vec<u8>], style: &Style) -> Result<Vec<Vec<u8>>, String> {
        let found = self.cells.as_ref().map_err(Clone::clone)?;
        let mut cells = Vec::with_capacity(found.len());
        for (place, cell) in found.iter().enumerate() {
            let untouched = original.get(place) == Some(cell);
            cells.push(if untouched { cell.clone() } else { recoded(cell, self.encoding, style.cell_encoding())? });
        }
        while cells.len() > style.names.len() && cells.last().is_some_and(Vec::is_empty) {
            cells.pop();
        }
        Ok(cells)
    }
}

/// Reads a rejects file that was written in this style, or saved by a spreadsheet in another encoding or with another delimiter.
pub fn read(path: &Path, style: &Style) -> Result<Vec<Correction>, Error> {
    let shown = path.display().to_string();
    let refused = |reason: String| Error::Refused { file: shown.clone(), reason };
    let trouble = |cause: io::Error| Error::Io { action: "read", path: shown.clone(), cause };
    let (mut input, _) = Input::open(path).map_err(trouble)?;
    let survey = survey(&mut input, None).map_err(trouble)?;
    let mut input = input.rewound().map_err(trouble)?;
    io::copy(&mut io::Read::take(&mut input, survey.bom as u64), &mut io::sink()).map_err(trouble)?;
    let encoding = encoding_of(&survey, style);
    let cell_encoding = if encoding.is_single_byte() { encoding } else { UTF_8 };

    let mut records = Records::new(Decoded::new(input, encoding), style.delimiter, style.quote);
    let head = records.peek().map_err(trouble)?;
    if let Some(reason) = header::not_csv(head) {
        return Err(refused(reason.to_owned()));
    }
    let hint = header::separator_hint(head);
    if let Some((length, _)) = hint {
        records.skip(length);
    }
    let ours = [REASON.to_owned(), LINE.to_owned()];
    let head = records.peek().map_err(trouble)?;
    let delimiter = hint.map_or_else(|| header::delimiter(head, style.quote, cell_encoding, &ours), |(_, byte)| byte);
    records.use_delimiter(delimiter);
    if !header::find(&mut records).map_err(trouble)? {
        return Err(refused("it is empty".to_owned()));
    }
    let names = header::names(&records, cell_encoding).map_err(refused)?;
    let width = width(&names, style).map_err(refused)?;
    let mut corrections = Vec::new();
    while records.advance().map_err(trouble)? {
        let raw = records.current();
        if !is_blank(&raw) && raw.cells.iter().any(|cell| !cell.is_empty()) {
            corrections.push(correction(&raw, width, cell_encoding));
        }
    }
    Ok(corrections)
}

/// A byte order mark and text that is UTF-8 speak for themselves. What is neither was left in the export's encoding, or a spreadsheet saved it
/// in that of western Europe.
fn encoding_of(survey: &Survey, style: &Style) -> &'static Encoding {
    let own = style.encoding;
    let guessed = survey.bom == 0 && survey.encoding == WINDOWS_1252;
    if guessed && own != UTF_8 && own != UTF_16LE && own != UTF_16BE { own } else { survey.encoding }
}

/// The number of columns before `_reason`, if the header is that of a rejects file of this export.
fn width(names: &[String], style: &Style) -> Result<usize, String> {
    let used = names.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
    let names = names.get(..used).unwrap_or_default();
    let Some((own, [reason, line])) = names.split_last_chunk() else {
        return Err(format!("its header lacks {REASON} and {LINE}; only a file of `rejects export` can be imported"));
    };
    if reason != REASON || line != LINE {
        return Err(format!(
            "its last two columns are not {REASON} and {LINE}: leave the columns as `rejects export` wrote them"
        ));
    }
    let same = own.len() >= style.names.len()
        && own
            .iter()
            .zip(&style.names)
            .all(|(found, name)| restored(found.as_bytes()) == style.text(&style.encoded(name)).as_bytes())
        && own.iter().skip(style.names.len()).all(String::is_empty);
    if same {
        Ok(own.len())
    } else {
        Err("its columns are not those of the export: leave them as `rejects export` wrote them".to_owned())
    }
}

fn correction(raw: &Raw<'_>, width: usize, encoding: &'static Encoding) -> Correction {
    let mut found: Vec<&[u8]> = raw.cells.iter().map(|cell| raw.text.get(cell.clone()).unwrap_or_default()).collect();
    while found.len() > width + 2 && found.last().is_some_and(|cell| cell.is_empty()) {
        found.pop();
    }
    let text = |place: usize| {
        let cell = found.get(place).copied().unwrap_or_default();
        encoding.decode_without_bom_handling(cell).0.trim().to_owned()
    };
    Correction {
        row: raw.line,
        place: text(width + 1),
        accepted: text(width).is_empty(),
        cells: cells(raw, &found, width),
        encoding,
    }
}

fn cells(raw: &Raw<'_>, found: &[&[u8]], width: usize) -> Result<Vec<Vec<u8>>, String> {
    if raw.form != Form::Sound {
        return Err("its quotes are broken; save the file as CSV again".to_owned());
    }
    if found.len() != width + 2 {
        return Err(format!("it has {} cells, the header has {}", found.len(), width + 2));
    }
    Ok(found.iter().take(width).map(|cell| restored(cell).to_vec()).collect())
}

fn recoded(cell: &[u8], from: &'static Encoding, to: &'static Encoding) -> Result<Vec<u8>, String> {
    if from == to || cell.is_ascii() {
        return Ok(cell.to_vec());
    }
    let mut text = String::new();
    if !decode(from, cell, &mut text) {
        return Err(format!("it is not valid {}", from.name()));
    }
    let (bytes, _, unknown) = to.encode(&text);
    if unknown {
        return Err(format!("it holds a character that the export's encoding, {}, does not have", to.name()));
    }
    Ok(bytes.into_owned())
}

/// Takes corrected rows through the checks that a file's rows go through.
pub struct Rereader {
    style: Style,
    columns: Columns,
    text: Vec<u8>,
    cells: Vec<Range<usize>>,
}

impl Rereader {
    /// `wanted` are the columns that the mapping reads, as for [`CsvFile::open`](super::CsvFile::open). An export that lacks one of them, as
    /// it may when the mapping has changed since, is an error: a sentence.
    pub fn new(style: Style, settings: &Settings, wanted: &[String]) -> Result<Self, String> {
        let mut names_wanted = vec![settings.key.clone()];
        names_wanted.extend_from_slice(wanted);
        let mut places = columns::positions(&style.names, &names_wanted)?;
        let key = places.remove(0);
        let header = style.join(&style.names.iter().map(|name| style.encoded(name)).collect::<Vec<_>>());
        let columns = Columns {
            names: style.names.clone(),
            key,
            wanted: places,
            encoding: style.cell_encoding(),
            file_encoding: style.encoding,
            quote: style.quote,
            header,
            scratch: String::new(),
        };
        Ok(Self { style, columns, text: Vec::new(), cells: Vec::new() })
    }

    /// Fills `record` as if the export held this row in `line`.
    pub fn read(&mut self, cells: &[Vec<u8>], line: u64, record: &mut Record) -> Row {
        self.text.clear();
        self.cells.clear();
        for cell in cells {
            let start = self.text.len();
            self.text.extend_from_slice(cell);
            self.cells.push(start..self.text.len());
        }
        let bytes = self.style.join(cells);
        let form = if bytes.len() > RECORD_LIMIT { Form::TooLong } else { Form::Sound };
        let raw = Raw { line, lines: 1, bytes: &bytes, text: &self.text, cells: &self.cells, form };
        record.clear();
        record.line = line;
        let read = self.columns.fill(&raw, record);
        record.raw = bytes;
        match read {
            Ok(()) => Row::Good,
            Err(fault) => Row::Bad(fault),
        }
    }
}

#[cfg(test)]
mod tests;
