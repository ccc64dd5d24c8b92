//! Reads a corrected row as its source would.

use crate::domain::record::{Layout, Record, Row};
use crate::sources::csv::rejects::{Rereader, Style};
use crate::sources::{self, sqlite};
use crate::worker::prepare::Ready;

/// Makes records of corrected rows.
pub(super) enum Reader {
    Csv(Rereader),
    Sqlite(sqlite::Rereader),
}

impl Reader {
    pub(super) fn new(sync: &Ready, layout: &Layout) -> Result<Self, String> {
        let wanted = sync.mapping.columns();
        match (&sync.settings.source, layout) {
            (sources::Settings::Csv(settings), Layout::Csv { .. }) => {
                Rereader::new(Style::of(layout), settings, wanted).map(Self::Csv)
            }
            (sources::Settings::Sqlite(settings), Layout::Sqlite { columns }) => {
                sqlite::Rereader::new(columns, settings, wanted).map(Self::Sqlite)
            }
            _ => Err("the sync's source is of another kind now than when these rows were read".to_owned()),
        }
    }

    pub(super) fn read(
        &mut self,
        style: &Style,
        cells: &[Vec<u8>],
        original: &[u8],
        line: u64,
        record: &mut Record,
    ) -> Row {
        match self {
            Self::Csv(rereader) => rereader.read(cells, line, record),
            Self::Sqlite(rereader) => {
                let cells: Vec<String> = cells.iter().map(|cell| style.text(cell)).collect();
                rereader.read(&cells, original, line, record)
            }
        }
    }
}
