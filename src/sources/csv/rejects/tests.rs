use proptest::prelude::*;

use super::*;
use crate::domain::record::{Record, Row, RowFault};
use crate::sources::csv::{After, Settings};

fn style(encoding: &str, delimiter: u8) -> Style {
    Style::of(&Layout::Csv {
        header: vec!["id".to_owned(), "=naam".to_owned()],
        delimiter,
        quote: b'"',
        encoding: encoding.to_owned(),
        bom: false,
        crlf: true,
    })
}

/// What the rejects file holds, and what is read from it once `edit` has been at it.
fn through(style: &Style, rows: &[Vec<Vec<u8>>], edit: impl Fn(Vec<u8>) -> Vec<u8>) -> Vec<Correction> {
    let most = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut writer = Writer::new(Vec::new(), style.clone(), most).unwrap();
    for (line, row) in rows.iter().enumerate() {
        writer.row(row.clone(), "because", &(line + 2).to_string()).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rejects.csv");
    std::fs::write(&path, edit(writer.into_inner())).unwrap();
    read(&path, style).unwrap()
}

fn row(cells: &[&[u8]]) -> Vec<Vec<u8>> {
    cells.iter().map(|cell| cell.to_vec()).collect()
}

proptest! {
    #[test]
    fn whatever_the_cells_hold_they_come_back_byte_for_byte(
        cells in prop::collection::vec(prop::collection::vec(prop_oneof![any::<u8>(), Just(b'\''), Just(b'='), Just(b'"'), Just(b';')], 0..6), 2),
    ) {
        // Line ends inside cells and bytes that Windows-1252 does not know are kept, too. A row of empty cells is none.
        let style = style("windows-1252", b';');
        let rows = vec![cells, row(&[b"\xE9", b"\xE8"])];
        let read = through(&style, &rows, |file| file);
        let back: Vec<_> = read.iter().zip(&rows).map(|(correction, row)| correction.cells(row, &style).unwrap()).collect();
        prop_assert_eq!(back, rows);
    }
}

#[test]
fn what_a_spreadsheet_would_run_is_made_harmless() {
    let style = style("utf-8", b';');
    let mut writer = Writer::new(Vec::new(), style, 2).unwrap();
    writer.row(row(&[b"1", b"=1+1"]), "-", "2").unwrap();
    writer.row(row(&[b"2", b"'=x"]), "r", "3").unwrap();
    let text = String::from_utf8(writer.into_inner()).unwrap();
    assert_eq!(text, "id;'=naam;_reason;_line\r\n1;'=1+1;'-;2\r\n2;''=x;r;3\r\n");
}

#[test]
fn rows_with_too_many_or_too_few_cells_keep_all_of_them() {
    let style = style("utf-8", b',');
    let read = through(&style, &[row(&[b"1", b"a", b"b", b"c"]), row(&[b"2"]), row(&[b"3", b"x"])], |file| {
        assert!(file.starts_with(b"id,'=naam,,,_reason,_line\r\n1,a,b,c,because,2\r\n2,,,,because,3\r\n"));
        file
    });
    let cells: Vec<_> = read.iter().map(|correction| correction.cells(&[], &style).unwrap()).collect();
    assert_eq!(cells, [row(&[b"1", b"a", b"b", b"c"]), row(&[b"2", b""]), row(&[b"3", b"x"])]);
}

#[test]
fn a_spreadsheet_may_save_in_another_encoding_with_another_delimiter_and_fill_up_rows() {
    let style = style("windows-1252", b';');
    let read = through(&style, &[row(&[b"1", b"Ren\xE9"])], |_| {
        "\u{feff}id,=naam,_reason,_line,,\n1,René,,2,,\n,,,,,\n".as_bytes().to_vec()
    });
    assert_eq!(read.len(), 1);
    assert_eq!((read[0].row, read[0].place.as_str(), read[0].accepted), (2, "2", true));
    assert_eq!(read[0].cells(&[], &style), Ok(row(&[b"1", b"Ren\xE9"])));
}

#[test]
fn an_untouched_cell_keeps_its_bytes_even_if_they_look_like_another_encoding() {
    let style = style("windows-1252", b';');
    let original = row(&[b"1", "Ã©".as_bytes()]);
    let read = through(&style, std::slice::from_ref(&original), |file| file);
    assert_eq!(read[0].cells(&original, &style), Ok(original));
}

#[test]
fn a_character_that_the_export_cannot_write_is_said() {
    let style = style("windows-1252", b';');
    let read = through(&style, &[], |_| "id;=naam;_reason;_line\n1;Łukasz;;2\n".as_bytes().to_vec());
    assert!(read[0].cells(&[], &style).unwrap_err().contains("windows-1252"));
}

#[test]
fn utf_16_comes_back_as_it_was() {
    let layout = |bom| Layout::Csv {
        header: vec!["id".to_owned()],
        delimiter: b'\t',
        quote: b'"',
        encoding: "utf-16le".to_owned(),
        bom,
        crlf: false,
    };
    for bom in [false, true] {
        let style = Style::of(&layout(bom));
        let read = through(&style, &[row(&["é€".as_bytes()])], |file| {
            assert_eq!(file.starts_with(b"\xFF\xFE"), bom);
            file
        });
        assert_eq!(read[0].cells(&[], &style), Ok(row(&["é€".as_bytes()])));
    }
}

#[test]
fn a_file_with_other_columns_is_refused() {
    let style = style("utf-8", b';');
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.csv");
    for (file, reason) in [
        ("id;=naam\n1;a\n", "last two columns"),
        ("=naam;id;_reason;_line\n", "not those of the export"),
        ("id;=naam;more;_reason;_line\n", "not those of the export"),
        ("", "empty"),
        ("PK\u{3}\u{4}", "save it as CSV"),
    ] {
        std::fs::write(&path, file).unwrap();
        let error = read(&path, &style).unwrap_err().to_string();
        assert!(error.contains(reason), "{file:?}: {error}");
    }
}

#[test]
fn a_corrected_row_is_checked_as_a_row_of_the_export_is() {
    let settings = Settings {
        path: "x.csv".into(),
        shown: "x.csv".to_owned(),
        key: "id".to_owned(),
        delimiter: None,
        encoding: None,
        quote: None,
        min_age: std::time::Duration::ZERO,
        require_final_newline: false,
        after: After::Keep,
    };
    let mut rereader = Rereader::new(style("windows-1252", b';'), &settings, &["=naam".to_owned()]).unwrap();
    let mut record = Record::default();
    assert_eq!(rereader.read(&row(&[b" 7 ", b"Ren\xE9;"]), 9, &mut record), Row::Good);
    assert_eq!((record.key(), record.line, record.raw.as_slice()), ("7", 9, &b" 7 ;\"Ren\xE9;\""[..]));
    assert_eq!(record.cell(0), crate::domain::record::Cell::Text("René;"));
    let empty_key = Row::Bad(RowFault::EmptyKey { column: "id".to_owned() });
    assert_eq!(rereader.read(&row(&[b" ", b"x"]), 9, &mut record), empty_key);
    assert!(matches!(rereader.read(&row(&[b"7", b"x", b"y"]), 9, &mut record), Row::Bad(RowFault::Ragged { .. })));
    assert_eq!(rereader.read(&row(&[b"id", b"=naam"]), 9, &mut record), Row::Bad(RowFault::RepeatedHeader));
}
