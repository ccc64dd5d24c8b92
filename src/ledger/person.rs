//! All that is held on one person: what is told to them, and erased on their request.

use std::collections::BTreeMap;

use encoding_rs::{Encoding, UTF_8};
use rusqlite::{Connection, OptionalExtension, params};

use super::query::{Filter, Told, lead_row};
use super::{Kept, Ledger, Result};
use crate::domain::record::Layout;

/// Whom a request is about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'s> {
    /// The CRM's id of the person's row.
    pub key: &'s str,
    /// Only in this sync.
    pub sync: Option<&'s str>,
    /// The key column of each sync that has one by its configuration: where a row that another one took in has its key. The first one of a
    /// sync that is not named.
    pub columns: &'s BTreeMap<String, String>,
}

/// All that is held on a person in one sync, or of one row in quarantine.
#[derive(Debug, Clone)]
pub struct Person {
    /// State and history.
    pub told: Told,
    /// What is kept until the lead is settled.
    pub held: Option<Held>,
    /// The row is somebody else's and took the person's row in, by a quote that belongs to no other.
    pub of_others: bool,
}

/// The content of an unsettled lead or quarantined row.
#[derive(Debug, Clone)]
pub struct Held {
    /// The JSON body; `None` if the row never became one.
    pub payload: Option<String>,
    /// The original row.
    pub record: Vec<u8>,
    /// How it is written.
    pub layout: Layout,
}

impl Ledger {
    /// All that is held on a person: each lead and each row in quarantine of this key, and then the rows of others that took one of theirs in.
    pub fn person(&self, subject: &Subject<'_>) -> Result<Vec<Person>> {
        let filter =
            Filter { key: Some(subject.key.to_owned()), sync: subject.sync.map(str::to_owned), ..Filter::default() };
        let own = self.told(&filter)?.into_iter().map(|(kept, told)| (kept, told, false));
        let others = self.of_others(subject).map_err(|error| self.error(&error))?;
        own.chain(others.into_iter().map(|(kept, told)| (kept, told, true)))
            .map(|(kept, told, of_others)| {
                let held = self.held(kept).map_err(|error| self.error(&error))?;
                Ok(Person { told, held, of_others })
            })
            .collect()
    }

    fn of_others(&self, subject: &Subject<'_>) -> rusqlite::Result<Vec<(Kept, Told)>> {
        let sql = "SELECT s.name, q.key, 'rejected', NULL, NULL, 0, NULL, q.reason, o.path || ':' || q.line,
                          strftime('%Y-%m-%dT%H:%M:%fZ', q.updated_at / 1000.0, 'unixepoch')
                     FROM quarantine q JOIN sync s ON s.id = q.sync JOIN origin o ON o.id = q.origin WHERE q.id = ?1";
        let mut found = Vec::new();
        for (sync, name) in syncs(&self.db, subject.sync)? {
            for row in taken_in_by(&self.db, (sync, &name), subject)? {
                let lead = self.db.query_row(sql, [row], lead_row)?;
                let told = Told { lead, possibly_sent_twice: false, next_at: None, history: Vec::new() };
                found.push((Kept::Quarantined(row), told));
            }
        }
        Ok(found)
    }

    fn held(&self, kept: Kept) -> rusqlite::Result<Option<Held>> {
        let (sql, number) = match kept {
            Kept::Lead(number) => (
                "SELECT nullif(c.payload, ''), c.record, coalesce(y.json, o.layout) FROM content c JOIN lead l ON l.id = c.lead
                   JOIN origin o ON o.id = l.origin LEFT JOIN layout y ON y.id = c.layout WHERE c.lead = ?1",
                number,
            ),
            Kept::Quarantined(number) => (
                "SELECT NULL, q.record, coalesce(y.json, o.layout) FROM quarantine q JOIN origin o ON o.id = q.origin
                   LEFT JOIN layout y ON y.id = q.layout WHERE q.id = ?1",
                number,
            ),
        };
        let read = self.db.query_row(sql, [number], |row| {
            let layout = super::rejects::layout(&row.get::<_, String>(2)?)?;
            Ok(Held { payload: row.get(0)?, record: row.get(1)?, layout })
        });
        read.optional()
    }
}

/// Number and name of each sync, or of the one named.
pub(super) fn syncs(db: &Connection, name: Option<&str>) -> rusqlite::Result<Vec<(i64, String)>> {
    let mut statement = db.prepare("SELECT id, name FROM sync WHERE ?1 IS NULL OR name = ?1 ORDER BY name")?;
    statement.query_map([name], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Quarantined rows of others in this sync that took a row of the person in.
pub(super) fn taken_in_by(
    db: &Connection,
    (sync, name): (i64, &str),
    subject: &Subject<'_>,
) -> rusqlite::Result<Vec<i64>> {
    let sql = "SELECT q.id, q.record, coalesce(y.json, o.layout) FROM quarantine q JOIN origin o ON o.id = q.origin
                 LEFT JOIN layout y ON y.id = q.layout
                WHERE q.sync = ?1 AND q.key <> ?2 ORDER BY q.id";
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query(params![sync, subject.key])?;
    let column = subject.columns.get(name).map(String::as_str);
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let layout = super::rejects::layout(&row.get::<_, String>(2)?)?;
        if has_row_of(&row.get::<_, Vec<u8>>(1)?, &layout, column, subject.key) {
            found.push(row.get(0)?);
        }
    }
    Ok(found)
}

/// True if one of the record's lines begins a row of this key: the key stands in the key column, as a line is cut without regard to quotes, one of
/// which is astray, or with regard to them. In another column it is a number like any other. A row of a database takes no other in.
fn has_row_of(record: &[u8], layout: &Layout, column: Option<&str>, key: &str) -> bool {
    let Layout::Csv { header, delimiter, quote, encoding, .. } = layout else { return false };
    let place = column.and_then(|column| header.iter().position(|name| name.trim() == column)).unwrap_or(0);
    let encoding = Encoding::for_label(encoding.as_bytes()).filter(|known| known.is_single_byte()).unwrap_or(UTF_8);
    let is_key = |cell: &[u8]| encoding.decode_without_bom_handling(cell).0.trim() == key;
    let ends = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let mut begin = 0;
    record.split(ends).any(|line| {
        let row = record.get(begin..).unwrap_or_default();
        begin += line.len() + 1;
        let plain = line.split(|byte| byte == delimiter).nth(place).unwrap_or_default();
        let unquoted: Vec<u8> = plain.iter().copied().filter(|byte| byte != quote).collect();
        is_key(&unquoted) || is_key(&quoted_cell(row, *delimiter, *quote, place))
    })
}

/// The cell in this place of the row at the start of `rows`, without its quotes; empty if the row has none.
fn quoted_cell(rows: &[u8], delimiter: u8, quote: u8, place: usize) -> Vec<u8> {
    let (mut cell, mut index, mut inside, mut closed) = (Vec::new(), 0, false, false);
    for &byte in rows {
        let after_quote = std::mem::take(&mut closed);
        if byte == quote {
            // Two of them inside a cell are one that is meant.
            cell.extend((after_quote && !inside).then_some(quote));
            closed = inside;
            inside = !inside;
        } else if inside || ![delimiter, b'\r', b'\n'].contains(&byte) {
            cell.push(byte);
        } else if index == place {
            return cell;
        } else if byte == delimiter {
            index += 1;
            cell.clear();
        } else {
            return Vec::new();
        }
    }
    if index == place { cell } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_was_taken_in_is_known_by_its_key_column_and_by_no_other_cell() {
        let layout = Layout::Csv {
            header: ["note", " id ", "flag"].map(str::to_owned).to_vec(),
            delimiter: b';',
            quote: b'"',
            encoding: "windows-1252".to_owned(),
            bom: false,
            crlf: false,
        };
        let record = b"\"x;9;1\r\ny; K-\xE9 ;2\n\"a;b\nc\";\"K\"\"7\";3\nz;\"K-17\";K-18";
        for (key, found) in [("9", true), ("K-é", true), ("K\"7", true), ("K-17", true), ("K-1", false), ("y", false)]
        {
            assert_eq!(has_row_of(record, &layout, Some("id"), key), found, "{key}");
        }
        for other in ["1", "2", "3", "K-18"] {
            assert!(!has_row_of(record, &layout, Some("id"), other), "{other}");
        }
        assert!(has_row_of(record, &layout, None, "y"), "the first column, where none is known");
        let sqlite = Layout::Sqlite { columns: vec!["id".to_owned()] };
        assert!(!has_row_of(b"[17,\"x\"]", &sqlite, Some("id"), "17"));
    }
}
