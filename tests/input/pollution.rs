//! A table × everything that happens to it on its way out of a CRM: exactly the table's rows come out, or a refusal.

use std::fs;
use std::path::Path;
use std::time::Duration;

use lead_sync::domain::record::{Cell, Record, Row};
use lead_sync::domain::time::Timestamp;
use lead_sync::sources::csv::{After, CsvFile, Settings, list};

use crate::slow::slow;

const COLUMNS: [&str; 4] = ["id", "name", "town", "note"];
const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];
const LINE_ENDS: [&str; 3] = ["\n", "\r\n", "\r"];
const ENCODINGS: [&str; 7] = ["utf-8", "bom", "utf-16le", "utf-16be", "utf-16 bom", "utf-16be bom", "windows-1252"];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Quoting {
    None,
    Minimal,
    All,
}

/// What is done to the whole file.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Pollution {
    Nothing,
    BlankLines,
    SeparatorLine,
    RaggedRow,
    Nul,
    UnclosedQuote,
    NoFinalLineEnd,
}

const POLLUTIONS: [Pollution; 7] = [
    Pollution::Nothing,
    Pollution::BlankLines,
    Pollution::SeparatorLine,
    Pollution::RaggedRow,
    Pollution::Nul,
    Pollution::UnclosedQuote,
    Pollution::NoFinalLineEnd,
];

/// A row as it was read; `None` for one that is quarantined.
type Good = Option<Vec<String>>;

fn table(quoting: Quoting, delimiter: char, line_end: &str) -> Vec<Vec<String>> {
    let special = if quoting == Quoting::None { String::new() } else { format!("a{delimiter}\"b\"{line_end}c") };
    let cells = |row: usize| {
        vec![format!("k{row}"), format!("Zo\u{eb} {row}"), format!("Li\u{e8}ge {row}"), special.clone() + "\u{e9}nd"]
    };
    (0..6).map(cells).collect()
}

fn line(cells: &[String], quoting: Quoting, delimiter: char) -> String {
    let written = |cell: &String| {
        if quoting == Quoting::All || quoting == Quoting::Minimal && cell.contains([delimiter, '"', '\r', '\n']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.clone()
        }
    };
    cells.iter().map(written).collect::<Vec<_>>().join(&delimiter.to_string())
}

/// The file's text, and the rows that must come out of it.
fn polluted(
    table: &[Vec<String>],
    pollution: Pollution,
    (quoting, delimiter, end): (Quoting, char, &str),
) -> (String, Vec<Good>) {
    let header = line(&COLUMNS.map(str::to_owned), quoting, delimiter);
    let mut text = header + end;
    let mut rows: Vec<Good> = Vec::new();
    for (number, cells) in table.iter().enumerate() {
        match (pollution, number) {
            (Pollution::BlankLines, _) => text += end,
            (Pollution::RaggedRow, 2) => {
                text += &(line(&cells[..2], quoting, delimiter) + end);
                rows.push(None);
            }
            (Pollution::Nul, 2) => {
                text += &(line(&cells.iter().map(|cell| format!("{cell}\0")).collect::<Vec<_>>(), quoting, delimiter)
                    + end);
                rows.push(None);
            }
            _ => {}
        }
        text += &(line(cells, quoting, delimiter) + end);
        rows.push(Some(cells.clone()));
    }
    match pollution {
        Pollution::SeparatorLine => text = format!("sep={delimiter}{end}{text}"),
        Pollution::UnclosedQuote => {
            text = format!("{text}k9{delimiter}\"open{end}k10{delimiter}");
            rows.push(None);
        }
        Pollution::NoFinalLineEnd => text.truncate(text.len() - end.len()),
        _ => {}
    }
    (text, rows)
}

fn encode(text: &str, encoding: &str) -> Vec<u8> {
    match encoding {
        "bom" => format!("\u{feff}{text}").into_bytes(),
        "utf-16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        "utf-16be" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        "utf-16 bom" => format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect(),
        "utf-16be bom" => format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_be_bytes).collect(),
        "windows-1252" => encoding_rs::WINDOWS_1252.encode(text).0.into_owned(),
        _ => text.as_bytes().to_vec(),
    }
}

/// The rows; the refusal's text if there is one.
fn read(path: &Path, bytes: &[u8]) -> Result<Vec<Good>, String> {
    fs::write(path, bytes).unwrap();
    let settings = Settings {
        path: path.to_path_buf(),
        shown: "export.csv".to_owned(),
        key: "id".to_owned(),
        delimiter: None,
        encoding: None,
        quote: None,
        min_age: Duration::ZERO,
        require_final_newline: false,
        after: After::Keep,
    };
    let entry = list(&settings, Timestamp::default()).unwrap().remove(0);
    let wanted = COLUMNS.map(str::to_owned);
    let mut file = CsvFile::open(&entry, &settings, &wanted).map_err(|error| error.to_string())?;
    let (mut rows, mut record) = (Vec::new(), Record::default());
    while let Some(row) = file.next(&mut record).map_err(|error| error.to_string())? {
        rows.push((row == Row::Good).then(|| {
            let cell = |place| match record.cell(place) {
                Cell::Text(text) => text.to_owned(),
                other => panic!("a CSV cell is text, not {other:?}"),
            };
            (0..COLUMNS.len()).map(cell).collect()
        }));
    }
    file.finish().map_err(|error| error.to_string())?;
    Ok(rows)
}

#[test]
fn every_polluted_table_gives_exactly_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export.csv");
    for delimiter in DELIMITERS {
        for quoting in [Quoting::None, Quoting::Minimal, Quoting::All] {
            for end in LINE_ENDS {
                let table = table(quoting, delimiter, end);
                for pollution in POLLUTIONS {
                    let (text, expected) = polluted(&table, pollution, (quoting, delimiter, end));
                    for encoding in ENCODINGS {
                        let read = read(&path, &encode(&text, encoding));
                        let case = format!("{delimiter:?} {quoting:?} {end:?} {pollution:?} {encoding}");
                        assert_eq!(read.as_ref(), Ok(&expected), "{case}");
                    }
                }
            }
        }
    }
}

/// A file of this many rows, a kilobyte or so, cut at every byte: what comes out of each piece is right, or the file is refused.
/// `text` gives what is left of the text in a piece.
fn cut_at_every_byte(encoding: &str, rows: usize, text: impl Fn(&[u8]) -> Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export.csv");
    let mut refused = 0;
    for quoting in [Quoting::None, Quoting::Minimal, Quoting::All] {
        let base = table(quoting, ';', "\r\n");
        let table: Vec<_> = base.iter().cycle().take(rows).cloned().collect();
        let whole = encode(&polluted(&table, Pollution::Nothing, (quoting, ';', "\r\n")).0, encoding);
        for length in 0..whole.len() {
            let cut = &whole[..length];
            let Ok(rows) = read(&path, cut) else {
                refused += 1;
                continue;
            };
            let records = slow(&text(cut)).len().saturating_sub(1);
            let case = format!("{encoding} {quoting:?} cut at {length}");
            assert_eq!(rows.len(), records, "{case}: a row is not accounted for");
            for (number, row) in rows.iter().enumerate() {
                match row {
                    Some(row) if number + 1 < records => assert_eq!(row, &table[number], "{case}"),
                    // A last cell may be cut where no one can see it.
                    Some(row) => {
                        let whole = &table[number];
                        assert_eq!(row[..3], whole[..3], "{case}");
                        assert!(whole[3].starts_with(&row[3]), "{case}: {row:?}");
                    }
                    None => assert_eq!(number + 1, records, "{case}: a whole row is refused"),
                }
            }
        }
        assert!(refused < whole.len(), "{encoding} {quoting:?}: nothing was read");
        refused = 0;
    }
}

/// The code units of a piece, as UTF-8; half a one at its end is a character that nobody knows.
fn units(cut: &[u8], unit: fn([u8; 2]) -> u16) -> Vec<u8> {
    let units: Vec<u16> = cut.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
    let half = if cut.len().is_multiple_of(2) { "" } else { "\u{fffd}" };
    (String::from_utf16_lossy(&units).trim_start_matches('\u{feff}').to_owned() + half).into_bytes()
}

#[test]
fn a_file_in_utf_8_cut_at_any_byte_never_gives_a_wrong_row() {
    cut_at_every_byte("utf-8", 20, <[u8]>::to_vec);
}

#[test]
fn a_file_in_utf_16_cut_at_any_byte_never_gives_a_wrong_row() {
    cut_at_every_byte("utf-16le", 6, |cut| units(cut, u16::from_le_bytes));
    cut_at_every_byte("utf-16be", 6, |cut| units(cut, u16::from_be_bytes));
    cut_at_every_byte("utf-16 bom", 6, |cut| units(cut, u16::from_le_bytes));
    cut_at_every_byte("utf-16be bom", 6, |cut| units(cut, u16::from_be_bytes));
}
