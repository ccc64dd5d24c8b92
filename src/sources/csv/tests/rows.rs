//! What becomes of single rows.

use std::io::Write;

use super::*;

fn rows(bytes: impl AsRef<[u8]>) -> Vec<(u64, String, Result<Vec<String>, String>)> {
    Export::new(bytes).read(&["name"]).unwrap().rows
}

fn encoding_of(export: &Export) -> String {
    match export.read(&["name"]).unwrap().layout {
        Layout::Csv { encoding, .. } => encoding,
        other @ Layout::Sqlite { .. } => panic!("{other:?}"),
    }
}

#[test]
fn cells_keep_their_blanks_and_names_and_keys_lose_them() {
    assert_eq!(rows(" id ; name \n 7 ; Ann \n"), [good(2, "7", " Ann ")]);
}

#[test]
fn line_ends_may_mix_and_lines_are_counted_in_all_of_them() {
    assert_eq!(
        rows("id;name\r1;a\r\r2;b\n\n3;\"c\rd\r\ne\"\r\n4;f\r5;g"),
        [good(2, "1", "a"), good(4, "2", "b"), good(6, "3", "c\rd\r\ne"), good(9, "4", "f"), good(10, "5", "g"),]
    );
}

#[test]
fn lines_of_white_space_are_blank_lines() {
    assert_eq!(rows("\n \nid;name\n  \n\t\n1;a\n \n"), [good(6, "1", "a")]);
}

#[test]
fn a_separator_line_counts_as_a_line_and_wins_over_detection() {
    assert_eq!(rows("\"sep=|\"\r\nid|name\r\n1|a,b\r\n"), [good(3, "1", "a,b")]);
}

#[test]
fn a_first_letter_beyond_ascii_far_down_the_file_is_still_seen() {
    let mut bytes = b"id;name\n".to_vec();
    for _ in 0..50_000 {
        bytes.extend_from_slice(b"1;Peeters and Sons\n");
    }
    bytes.extend_from_slice(b"2;Andr\xE9\n");
    assert_eq!(rows(&bytes).last(), Some(&good(50_002, "2", "André")));
}

#[test]
fn one_damaged_letter_costs_one_row_and_not_all_the_others() {
    assert_eq!(
        rows(b"id;name\n1;Andr\xC3\xA9\n2;Zo\xEB\n3;C\xC3\xA9line\n"),
        [good(2, "1", "André"), bad(3, "2", "the row is not valid UTF-8"), good(4, "3", "Céline"),]
    );
}

#[test]
fn a_configured_encoding_or_a_mark_makes_other_bytes_bad_rows() {
    let mut export = Export::new(b"id;name\n1;\xE9\xE9\n2;b\n");
    export.settings.encoding = Some(encoding_rs::UTF_8);
    let expected = [bad(2, "1", "the row is not valid UTF-8"), good(3, "2", "b")];
    assert_eq!(export.read(&["name"]).unwrap().rows, expected);
    assert_eq!(rows(b"\xEF\xBB\xBFid;name\n1;\xE9\xE9\n2;b\n"), expected);
}

#[test]
fn bytes_that_windows_1252_leaves_undefined_are_not_guessed_at() {
    assert_eq!(
        rows(b"id;name\n1;\x81ber\n2;\xFCber\n"),
        [bad(2, "1", "the row is not valid windows-1252"), good(3, "2", "über")]
    );
}

#[test]
fn utf_16_is_read_in_both_orders_with_and_without_a_mark() {
    let text = "id\tname\r\n1\tŁukasz\r\n2\t\"a\r\nb\"\r\n";
    for big_endian in [false, true] {
        let name = if big_endian { "utf-16be" } else { "utf-16le" };
        for mark in ["", "\u{FEFF}"] {
            let export = Export::new(utf16(&format!("{mark}{text}"), big_endian));
            assert_eq!(encoding_of(&export), name);
            assert_eq!(export.read(&["name"]).unwrap().rows, [good(2, "1", "Łukasz"), good(3, "2", "a\r\nb")]);
        }
    }
}

#[test]
fn half_a_surrogate_in_utf_16_costs_its_row() {
    let mut bytes = utf16("\u{FEFF}id;name\n1;", false);
    bytes.extend_from_slice(&[0x00, 0xD8]);
    bytes.extend(utf16("\n2;b\n", false));
    assert_eq!(rows(bytes), [bad(2, "1", "the row is not valid UTF-16LE"), good(3, "2", "b")]);
}

#[test]
fn gzip_of_several_members_is_one_file() {
    let mut bytes = Vec::new();
    for part in ["id;name\n1;a\n", "2;b\n"] {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(part.as_bytes()).unwrap();
        bytes.extend(gzip.finish().unwrap());
    }
    assert_eq!(rows(&bytes), [good(2, "1", "a"), good(3, "2", "b")]);
    bytes.truncate(bytes.len() - 3);
    let refusal = Export::new(&bytes).refusal(&["name"]);
    assert!(refusal.contains("gzip"), "{refusal}");
}

#[test]
fn bad_rows_are_named_by_what_is_wrong_and_the_next_row_is_read() {
    let ragged = |cells, hint| format!("the row has {cells}, the header has 2; {hint}");
    assert_eq!(
        rows("id;name\n;a\n1;b;c\n2;b;\n3\n4;\"x\\\";y\";z\n5;\"x\"y\n6;a\0\nid;name\n7;\"ok\"\n"),
        [
            bad(2, "", "the key column 'id' is empty"),
            bad(3, "1", &ragged("3 cells", "a cell may hold the delimiter without quotes around it")),
            bad(4, "2", &ragged("3 cells", "it ends with a delimiter too many")),
            bad(5, "3", &ragged("1 cell", "a cell may hold a line break without quotes around it")),
            bad(6, "4", &ragged("4 cells", "a backslash does not escape a quote in CSV, a second quote does")),
            bad(7, "5", "text follows a closing quote in cell 2 of this row of 1 line"),
            bad(8, "6", "column 'name' holds a NUL character"),
            bad(9, "id", "the row repeats the header; were two exports joined?"),
            good(10, "7", "ok"),
        ]
    );
}

#[test]
fn cells_and_rows_that_are_far_too_long_are_bad_rows_in_constant_memory() {
    let cell = "x".repeat(65_537);
    let line = "y".repeat(3 * RECORD_LIMIT);
    let lines = "z\r\n".repeat(RECORD_LIMIT);
    let export = Export::new(format!("id;name\n1;{cell}\n2;{line}\n3;\"{lines}\"\n4;d\n"));
    let lines = u64::try_from(RECORD_LIMIT).unwrap();
    let taken_in = "the row is longer than 262144 bytes; it is 262145 lines long: a quote that belongs to no other may have taken in the rows after it";
    assert_eq!(
        export.read(&["name"]).unwrap().rows,
        [
            bad(2, "1", "the cell is longer than 65536 bytes"),
            bad(3, "", "the row is longer than 262144 bytes"),
            bad(4, "", taken_in),
            good(5 + lines, "4", "d"),
        ]
    );
    let mut file = export.open(&["name"]).unwrap();
    let mut record = Record::default();
    while file.next(&mut record).unwrap().is_some() {
        assert!(record.raw.len() <= RECORD_LIMIT);
    }
}

#[test]
fn a_quote_that_never_closes_says_how_many_lines_it_took() {
    let rest = "3;c\n".repeat(200_000);
    assert_eq!(
        rows(format!("id;name\n1;a\n2;\"b\n{rest}")),
        [
            good(2, "1", "a"),
            bad(3, "", "a quote opened in this row never closes; it swallowed the rest of the file (200001 lines)"),
        ]
    );
    assert_eq!(rows("id;name\n2;\"b\n3;c\n").first().unwrap().1, "2");
}

#[test]
fn a_row_that_two_stray_quotes_made_of_several_says_how_many_lines_it_took() {
    let text = "id,name,mail,city\n3,\"Cid,c@x.be,x\n4,Dirk,d@x.be,x\n5,E\",e@x.be\n6,Fien,f@x.be,x\n";
    let found = rows(text);
    let reason = found[0].2.clone().unwrap_err();
    assert!(reason.contains("it is 3 lines long: a quote"), "{reason}");
    assert_eq!(found[1].0, 5);
}

#[test]
fn a_row_keeps_its_own_bytes() {
    let export = Export::new(b"id;name\r\n1;\"Andr\xE9\r\n\"\"x\"\"\"\r\n2;b\r\n");
    let mut file = export.open(&["name"]).unwrap();
    let mut record = Record::default();
    file.next(&mut record).unwrap();
    assert_eq!(record.raw, b"1;\"Andr\xE9\r\n\"\"x\"\"\"");
    assert_eq!(cells(&record), ["André\r\n\"x\""]);
    file.next(&mut record).unwrap();
    assert_eq!(record.raw, b"2;b");
}

#[test]
fn a_byte_order_mark_between_joined_files_is_no_part_of_a_key() {
    assert_eq!(
        rows("\u{FEFF}id;name\n1;a\n\u{FEFF}2;b\n\u{FEFF}\"3\";\"c\"\n"),
        [good(2, "1", "a"), good(3, "2", "b"), good(4, "3", "c")]
    );
}
