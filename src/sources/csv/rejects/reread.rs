//! Corrected rows, checked as the rows of an export are.

use std::ops::Range;

use super::Style;
use crate::domain::record::{Record, Row};
use crate::sources::columns;
use crate::sources::csv::form::Form;
use crate::sources::csv::records::Raw;
use crate::sources::csv::row::Columns;
use crate::sources::csv::{RECORD_LIMIT, Settings};

/// Takes corrected rows through the checks that a file's rows go through.
pub struct Rereader {
    style: Style,
    columns: Columns,
    text: Vec<u8>,
    cells: Vec<Range<usize>>,
}

impl Rereader {
    /// `wanted` are the columns that the mapping reads, as for [`CsvFile::open`](crate::sources::csv::CsvFile::open). An export that lacks one of them, as
    /// it may when the mapping has changed since, is an error: a sentence.
    pub fn new(style: Style, settings: &Settings, wanted: &[String]) -> Result<Self, String> {
        let mut names_wanted = vec![settings.key.clone()];
        names_wanted.extend_from_slice(wanted);
        let mut places = columns::positions_in_line(&style.names, &names_wanted)?;
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
