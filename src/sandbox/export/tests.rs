use super::*;

fn rows() -> Vec<csv::StringRecord> {
    let bytes = customers_csv();
    let (text, _, malformed) = encoding_rs::WINDOWS_1252.decode(&bytes);
    assert!(!malformed);
    csv::ReaderBuilder::new()
        .delimiter(b';')
        .flexible(true)
        .from_reader(text.as_bytes())
        .records()
        .collect::<Result<_, _>>()
        .unwrap()
}

#[test]
fn the_export_has_what_it_promises() {
    let rows = rows();
    let mut found = Expected { rows: rows.len(), delivered: 0, without_consent: 0, quarantined: 0, refused: 0 };
    for row in &rows {
        let count = if row.len() != HEADER.split(';').count() || row[0].is_empty() {
            &mut found.quarantined
        } else if &row[10] != "J" {
            &mut found.without_consent
        } else if row[3].ends_with("@refused.example") {
            &mut found.refused
        } else {
            &mut found.delivered
        };
        *count += 1;
    }
    assert_eq!(found, EXPECTED);
}

#[test]
fn the_export_is_windows_1252_with_crlf() {
    let bytes = customers_csv();
    assert!(std::str::from_utf8(&bytes).is_err());
    let lines: Vec<_> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    assert_eq!(lines.len(), ROWS + 1);
    assert!(lines.iter().all(|line| line.ends_with(b"\r\n")));
}

#[test]
fn every_name_survives_the_encoding() {
    let text = customers_csv();
    let (text, _, _) = encoding_rs::WINDOWS_1252.decode(&text);
    assert!(!text.contains("&#"), "a character Windows-1252 lacks");
    assert!(text.contains("Élodie") && text.contains("D’Hondt"));
}

#[test]
fn keys_do_not_repeat() {
    let rows = rows();
    let keys: std::collections::HashSet<_> = rows.iter().map(|row| row[0].to_owned()).collect();
    assert_eq!(keys.len(), ROWS);
}
