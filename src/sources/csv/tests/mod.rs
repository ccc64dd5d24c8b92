//! What a user sees of CSV files, on real files.

mod corpus;
mod files;
mod properties;
mod rows;
// Shared with the tests on the binary and with fuzz/.
#[path = "../../../../tests/input/slow.rs"]
mod slow;

use std::fs;
use std::path::Path;

use super::*;
use crate::domain::record::{Cell, Layout, Record, Row};
use crate::domain::time::Timestamp;
use crate::sources::Error;

/// A folder with an export in it, and how it is read.
struct Export {
    dir: tempfile::TempDir,
    settings: Settings,
}

/// What a file gave: each row's line, key, cells (none of a bad row) and fault.
#[derive(Debug, PartialEq)]
struct Read {
    layout: Layout,
    rows: Vec<(u64, String, Result<Vec<String>, String>)>,
}

impl Export {
    fn new(bytes: impl AsRef<[u8]>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("export.csv"), bytes).unwrap();
        let settings = settings(dir.path(), "export.csv");
        Self { dir, settings }
    }

    fn path(&self) -> &Path {
        &self.settings.path
    }

    fn entry(&self) -> Entry {
        list(&self.settings, Timestamp::default()).unwrap().remove(0)
    }

    fn open(&self, wanted: &[&str]) -> Result<CsvFile, Error> {
        let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        CsvFile::open(&self.entry(), &self.settings, &wanted)
    }

    fn read(&self, wanted: &[&str]) -> Result<Read, Error> {
        let mut file = self.open(wanted)?;
        let layout = file.layout().clone();
        let mut rows = Vec::new();
        let mut record = Record::default();
        while let Some(row) = file.next(&mut record)? {
            let cells = match row {
                Row::Good => Ok(cells(&record)),
                Row::Bad(fault) => Err(fault.to_string()),
            };
            rows.push((record.line, record.key().to_owned(), cells));
        }
        let summary = file.finish()?;
        assert_eq!(summary.rows, rows.len() as u64);
        Ok(Read { layout, rows })
    }

    fn refusal(&self, wanted: &[&str]) -> String {
        self.read(wanted).unwrap_err().to_string()
    }
}

fn settings(dir: &Path, shown: &str) -> Settings {
    Settings {
        path: dir.join(shown),
        shown: shown.to_owned(),
        key: "id".to_owned(),
        delimiter: None,
        encoding: None,
        quote: None,
        min_age: std::time::Duration::ZERO,
        require_final_newline: false,
        after: After::Keep,
    }
}

fn cells(record: &Record) -> Vec<String> {
    (0..record.len())
        .map(|place| match record.cell(place) {
            Cell::Text(text) => text.to_owned(),
            other => panic!("a CSV cell is text, not {other:?}"),
        })
        .collect()
}

/// A good row with one cell.
fn good(line: u64, key: &str, cell: &str) -> (u64, String, Result<Vec<String>, String>) {
    (line, key.to_owned(), Ok(vec![cell.to_owned()]))
}

/// A bad row.
fn bad(line: u64, key: &str, fault: &str) -> (u64, String, Result<Vec<String>, String>) {
    (line, key.to_owned(), Err(fault.to_owned()))
}

/// `text` in UTF-16 without a byte order mark.
fn utf16(text: &str, big_endian: bool) -> Vec<u8> {
    text.encode_utf16().flat_map(|unit| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}
