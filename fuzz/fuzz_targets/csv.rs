//! CSV intake: any bytes, once as they are, and once as the rows of a file whose form is known, which are checked against a slow reader.
#![no_main]

use std::cell::OnceCell;
use std::fs;
use std::path::Path;
use std::time::Duration;

use lead_sync::domain::record::{Cell, Record, Row};
use lead_sync::domain::time::Timestamp;
use lead_sync::sources::csv::{After, CsvFile, Settings, list};
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/input/slow.rs"]
mod slow;

use slow::{Form, slow};

const HEADER: &[u8] = b"id;first_name\n";

thread_local! {
    static FOLDER: OnceCell<tempfile::TempDir> = const { OnceCell::new() };
}

fuzz_target!(|data: &[u8]| {
    FOLDER.with(|folder| {
        let folder = folder.get_or_init(|| tempfile::tempdir().expect("a folder"));
        let path = folder.path().join("export.csv");
        any(&path, data);
        known(&path, &[HEADER, data].concat());
    });
});

/// One row that was read: line, key, cell; `None` for a bad one.
type Read = (u64, Option<(String, String)>);

fn any(path: &Path, bytes: &[u8]) {
    let Some(rows) = read(path, bytes, None) else { return };
    assert!(rows.is_sorted_by(|a, b| a.0 < b.0), "line numbers rise");
    for (line, good) in rows {
        assert!(line > 1, "the header is no row");
        assert!(good.is_none_or(|(key, _)| !key.trim().is_empty()), "a row without a key is good");
    }
}

/// Every record after the header is a row, and a good one is as the slow reader has it.
fn known(path: &Path, bytes: &[u8]) {
    // What is no part of the plain format: joined files and NUL are dealt with, and limits have their own tests.
    if bytes.windows(3).any(|three| three == b"\xEF\xBB\xBF") || bytes.len() > 64 * 1024 {
        return;
    }
    let Some(rows) = read(path, bytes, Some(b';')) else { return };
    let records = &slow(bytes)[1..];
    assert_eq!(rows.len(), records.len(), "every record is accounted for");
    for ((line, good), record) in rows.into_iter().zip(records) {
        assert_eq!(line, record.line);
        let text = |cell: usize| record.cells.get(cell).and_then(|cell| std::str::from_utf8(cell).ok());
        match good {
            Some((key, cell)) => {
                assert_eq!((record.form, record.cells.len()), (Form::Sound, 2));
                assert_eq!(text(0).map(str::trim), Some(key.as_str()));
                assert_eq!(text(1), Some(cell.as_str()));
            }
            None => {
                let header = record.cells == [b"id".to_vec(), b"first_name".to_vec()];
                let nul = record.bytes.contains(&0);
                let sound = record.form == Form::Sound && record.cells.len() == 2 && !nul && !header;
                let full = text(0).is_some_and(|key| !key.trim().is_empty()) && text(1).is_some();
                assert!(!(sound && full), "a good row is refused");
            }
        }
    }
}

/// `None`: the file is refused.
fn read(path: &Path, bytes: &[u8], delimiter: Option<u8>) -> Option<Vec<Read>> {
    fs::write(path, bytes).expect("a file");
    let settings = Settings {
        path: path.to_path_buf(),
        shown: "export.csv".to_owned(),
        key: "id".to_owned(),
        delimiter,
        encoding: delimiter.map(|_| encoding_rs::UTF_8),
        quote: None,
        min_age: Duration::ZERO,
        require_final_newline: false,
        after: After::Keep,
    };
    let entry = list(&settings, Timestamp::default()).expect("the file is there").remove(0);
    let mut file = CsvFile::open(&entry, &settings, &["first_name".to_owned()]).ok()?;
    let (mut rows, mut record) = (Vec::new(), Record::default());
    while let Some(row) = file.next(&mut record).ok()? {
        let good = (row == Row::Good).then(|| match record.cell(0) {
            Cell::Text(text) => (record.key().to_owned(), text.to_owned()),
            other => panic!("a CSV cell is text, not {other:?}"),
        });
        rows.push((record.line, good));
    }
    let summary = file.finish().ok()?;
    assert_eq!(summary.rows, rows.len() as u64);
    Some(rows)
}
