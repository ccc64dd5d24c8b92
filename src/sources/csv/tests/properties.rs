//! Whatever an export looks like, its rows come out as they went in; whatever a file holds, no row is read other than it stands there.

use std::io;

use proptest::prelude::*;
use proptest::sample::select;

use super::slow::{self, line_ends, slow};
use super::*;
use crate::sources::csv::form::Form;
use crate::sources::csv::records::Records;

/// A table and how it is written.
#[derive(Debug, Clone)]
struct Table {
    rows: Vec<(Vec<String>, &'static str)>,
    delimiter: char,
    quote_all: bool,
    encoding: &'static str,
    final_line_end: bool,
}

fn cell() -> impl Strategy<Value = String> {
    let letters = ["a", "é", "ü", " ", "\"", ",", ";", "\t", "|", "\r", "\n", "\r\n", "'"];
    prop::collection::vec(select(letters.to_vec()), 0..5).prop_map(|letters| letters.concat())
}

fn table() -> impl Strategy<Value = Table> {
    let line_end = select(vec!["\n", "\r\n", "\r", "\n\n", "\r\n\r\n", "\r\r"]);
    let encoding = select(vec!["utf-8", "bom", "windows-1252", "utf-16le", "utf-16be", "utf-16le bom"]);
    let rows = (1..4_usize).prop_flat_map(move |columns| {
        let row = prop::collection::vec(cell(), columns);
        prop::collection::vec((row, line_end.clone()), 1..6)
    });
    let delimiter = select(vec![',', ';', '\t', '|']);
    (rows, delimiter, any::<bool>(), encoding, any::<bool>()).prop_map(
        |(rows, delimiter, quote_all, encoding, final_line_end)| Table {
            rows,
            delimiter,
            quote_all,
            encoding,
            final_line_end,
        },
    )
}

impl Table {
    fn columns(&self) -> Vec<String> {
        let count = self.rows[0].0.len();
        (0..count).map(|number| format!("column{number}")).collect()
    }

    /// The file, and each row's line.
    fn write(&self) -> (Vec<u8>, Vec<u64>) {
        let mut text = self.line("id", &self.columns()) + self.rows[0].1;
        let mut lines = Vec::new();
        for (number, (cells, line_end)) in self.rows.iter().enumerate() {
            lines.push(1 + line_ends(&text));
            text += &self.line(&format!("key{number}"), cells);
            text += line_end;
        }
        if !self.final_line_end {
            text.truncate(text.trim_end_matches(['\r', '\n']).len());
        }
        (self.encode(&text), lines)
    }

    fn line(&self, key: &str, cells: &[String]) -> String {
        let special = ['"', '\r', '\n', self.delimiter];
        let mut line = key.to_owned();
        for cell in cells {
            line.push(self.delimiter);
            if self.quote_all || cell.contains(special) {
                line.extend(["\"", &cell.replace('"', "\"\""), "\""]);
            } else {
                line += cell;
            }
        }
        line
    }

    fn encode(&self, text: &str) -> Vec<u8> {
        match self.encoding {
            "windows-1252" => encoding_rs::WINDOWS_1252.encode(text).0.into_owned(),
            "utf-16le" => utf16(text, false),
            "utf-16be" => utf16(text, true),
            "utf-16le bom" => utf16(&format!("\u{FEFF}{text}"), false),
            "bom" => format!("\u{FEFF}{text}").into_bytes(),
            _ => text.as_bytes().to_vec(),
        }
    }
}

proptest! {
    #[test]
    fn every_row_comes_out_as_it_went_in(table in table()) {
        let (bytes, lines) = table.write();
        let columns = table.columns();
        let wanted: Vec<&str> = columns.iter().map(String::as_str).collect();
        let read = Export::new(&bytes).read(&wanted).unwrap().rows;
        let expected: Vec<_> = table
            .rows
            .iter()
            .zip(lines)
            .enumerate()
            .map(|(number, ((cells, _), line))| (line, format!("key{number}"), Ok(cells.clone())))
            .collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn records_are_cut_as_a_slow_reader_cuts_them(
        letters in prop::collection::vec(select(b"ab;\"\"\r\n".to_vec()), 0..40),
        step in 1..4_usize,
    ) {
        let mut records = Records::new(Dribble(&letters, step), b';', b'"');
        let mut read = Vec::new();
        while records.advance().unwrap() {
            let raw = records.current();
            let cells = raw.cells.iter().map(|cell| raw.text[cell.clone()].to_vec()).collect();
            let form = match raw.form {
                Form::Sound => slow::Form::Sound,
                Form::Unclosed => slow::Form::Unclosed,
                Form::Malformed(cell) => slow::Form::Malformed(cell),
                Form::TooLong => panic!("nothing here is too long"),
            };
            read.push(slow::Slow { line: raw.line, bytes: raw.bytes.to_vec(), cells, form });
        }
        prop_assert_eq!(&read, &slow(&letters));

        let mut library = csv::ReaderBuilder::new();
        let library = library.delimiter(b';').has_headers(false).flexible(true);
        let expected: Vec<Vec<Vec<u8>>> = library
            .from_reader(&letters[..])
            .into_byte_records()
            .map(|record| record.unwrap().iter().map(<[u8]>::to_vec).collect())
            .collect();
        let cells: Vec<Vec<Vec<u8>>> = read.into_iter().map(|record| record.cells).collect();
        prop_assert_eq!(cells, expected);
    }
}

/// Hands out `.1` bytes at a time.
struct Dribble<'a>(&'a [u8], usize);

impl io::Read for Dribble<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        (&mut self.0).take(self.1 as u64).read(into)
    }
}

#[test]
fn a_file_cut_at_any_byte_never_gives_a_wrong_row_but_for_its_last_cell() {
    let text = "id;name;town\r\n1;\"Andr\u{e9} \"\"x\"\"\";Li\u{e8}ge\r\n2;\"Zo\u{eb}\r\ny\";\"Sint-Jans, \u{e9}\"\r\n3;b;\u{e9}t\u{e9}\r\n";
    for encoding in ["utf-8", "bom", "windows-1252", "utf-16le bom"] {
        let table = Table { rows: Vec::new(), delimiter: ';', quote_all: false, encoding, final_line_end: true };
        let whole = table.encode(text);
        let expected = Export::new(&whole).read(&["name", "town"]).unwrap().rows;
        assert_eq!(expected.len(), 3);
        for length in 0..whole.len() {
            let Ok(read) = Export::new(&whole[..length]).read(&["name", "town"]) else {
                continue;
            };
            let complete = read.rows.len().saturating_sub(1);
            for (number, row) in read.rows.iter().enumerate() {
                let Ok(cells) = &row.2 else {
                    assert_eq!(number, complete, "{encoding} cut at {length}: {row:?}");
                    continue;
                };
                let whole = expected[number].2.as_ref().unwrap();
                assert_eq!(row.1, expected[number].1);
                assert_eq!(cells[0], whole[0], "{encoding} cut at {length}");
                if number < complete {
                    assert_eq!(cells[1], whole[1], "{encoding} cut at {length}");
                }
            }
        }
    }
}

#[test]
fn rows_come_out_as_they_went_in_over_many_buffers() {
    let mut file = String::from("id;name\n");
    let name = |number: usize| match number % 3 {
        0 => "x".repeat(number % 700),
        1 => format!("\"{}\"", "y\"\";\n".repeat(number % 200)),
        _ => String::new(),
    };
    for number in 0..20_000 {
        file.extend([&number.to_string(), ";", &name(number), "\n"]);
    }
    let read = Export::new(&file).read(&["name"]).unwrap().rows;
    let mut line = 2;
    assert_eq!(read.len(), 20_000);
    for (number, row) in read.iter().enumerate() {
        let written = name(number);
        let expected = written.trim_matches('"').replace("\"\"", "\"");
        assert_eq!(*row, good(line, &number.to_string(), &expected));
        line += 1 + line_ends(&written);
    }
}
