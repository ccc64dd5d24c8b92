//! The query and its rows.

use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Row as SqlRow, Statement, params_from_iter};

use super::values::Columns;
use super::{CursorValue, Database, QUERY};
use crate::domain::record::{Layout, Record, Row};
use crate::domain::time::Timestamp;
use crate::sources::{CELL_LIMIT, Error, columns};

/// A time without an offset may be that of a zone up to 14 hours ahead of UTC (Line Islands).
const ZONES: Duration = Duration::from_hours(14);

/// Steps of SQLite's virtual machine from one look at the stop to the next: about a tenth of a millisecond, so that no query is felt to be
/// slower and nobody waits.
const STEPS: i32 = 10_000;

impl Database {
    /// Prepares the query and finds the columns: `wanted` are those that the mapping reads, and every [`Record`] has their values in this
    /// order. Key and cursor, which are found through the settings, need not be among them.
    ///
    /// With a cursor column the rows come in its order, and only those from `after` on. The rows *at* `after` come again, because another
    /// one with the same value may have been written since; the ledger knows the others by their fingerprints, and reading a row twice
    /// changes nothing. Rows whose cursor is NULL come always, and so do texts beyond a number and numbers beyond a text: which of the two
    /// is later is not known, although SQLite sorts all numbers before all texts. A row that is committed late with an earlier value is beyond any cursor's
    /// power: choose a column that only grows from commit to commit.
    ///
    /// Refuses what is not one SELECT, and a query in which a column is missing or there twice.
    pub fn select(&self, wanted: &[String], after: Option<&CursorValue>) -> Result<Select<'_>, Error> {
        let refused = |error| self.explain("the query is not valid", &error);
        let settings = &self.settings;
        let query = settings.query.trim_end_matches([';', ' ', '\t', '\r', '\n']);
        let plain = self.connection.prepare(query).map_err(refused)?;
        let names: Vec<String> = plain.column_names().iter().map(|name| (*name).to_owned()).collect();
        // Only a SELECT can stand in parentheses; a PRAGMA, which may change things, cannot.
        let nested = format!("SELECT * FROM (\n{query}\n)");
        let parameters = plain.parameter_count() > 0;
        if !plain.readonly() || names.is_empty() || parameters || self.connection.prepare(&nested).is_err() {
            return Err(Error::Database {
                path: settings.shown.clone(),
                reason: "the query is not one SELECT without parameters".to_owned(),
            });
        }
        let mut columns_wanted = vec![settings.key.clone()];
        columns_wanted.extend(settings.cursor.clone());
        columns_wanted.extend_from_slice(wanted);
        let mut wanted = columns::positions(&names, &columns_wanted, QUERY).map_err(|reason| Error::Database {
            path: settings.shown.clone(),
            reason: format!("the query does not fit the mapping: {reason}"),
        })?;
        let key = wanted.remove(0);
        let cursor = settings.cursor.as_ref().map(|_| wanted.remove(0));
        let (statement, after) = match &settings.cursor {
            None => (plain, None),
            Some(cursor) => {
                let cursor = format!("\"{}\"", cursor.replace('"', "\"\""));
                let beyond = after.map(|after| beyond(&cursor, after)).unwrap_or_default();
                let sql = format!("{nested} {beyond} ORDER BY {cursor}");
                (self.connection.prepare(&sql).map_err(refused)?, after)
            }
        };
        Ok(Select {
            database: self,
            statement,
            after: after.cloned(),
            layout: Layout::Sqlite { columns: names.clone() },
            columns: Columns { names, key, wanted },
            cursor,
        })
    }
}

/// Which rows are to be read after a position: comparisons with an empty text, which an index serves as `typeof` could not, tell numbers
/// from texts whatever the column's affinity (sqlite.org/datatype3.html, 4.1 and 4.2).
fn beyond(cursor: &str, after: &CursorValue) -> String {
    let other_type = match after {
        CursorValue::Integer(_) | CursorValue::Real(_) => ">= ''",
        CursorValue::Text(_) => "< ''",
    };
    format!("WHERE {cursor} >= ?1 OR {cursor} {other_type} OR {cursor} IS NULL")
}

/// The query, checked and ready to be read.
pub struct Select<'d> {
    database: &'d Database,
    statement: Statement<'d>,
    after: Option<CursorValue>,
    layout: Layout,
    columns: Columns,
    cursor: Option<usize>,
}

impl Select<'_> {
    /// The query's columns.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Starts reading, at `now`. Once `stopped` is true the query ends, also between two rows, with [`Error::Stopped`]: one that finds no row
    /// for hours asks nobody else.
    pub fn rows(&mut self, now: Timestamp, stopped: impl FnMut() -> bool + Send + 'static) -> Result<Rows<'_>, Error> {
        let asking = self.database.connection.progress_handler(STEPS, Some(stopped));
        asking.map_err(|error| self.database.failed(error))?;
        let rows = self.statement.query(params_from_iter(&self.after));
        Ok(Rows {
            database: self.database,
            stepped: rows.map_err(|error| self.database.failed(error))?,
            columns: &self.columns,
            cursor: self.cursor,
            number: 0,
            position: self.after.clone(),
            now,
            ahead: 0,
        })
    }
}

/// The rows of a query, one after the other.
pub struct Rows<'s> {
    database: &'s Database,
    stepped: rusqlite::Rows<'s>,
    columns: &'s Columns,
    cursor: Option<usize>,
    number: u64,
    position: Option<CursorValue>,
    now: Timestamp,
    ahead: u64,
}

impl Rows<'_> {
    /// Reads the next row into `record`; nothing at the end. The record's `line` is the row's number, its `raw` a JSON array.
    pub fn next(&mut self, record: &mut Record) -> Result<Option<Row>, Error> {
        let next = self.stepped.next();
        let Some(row) = next.map_err(|error| self.database.failed(error))? else {
            return Ok(None);
        };
        self.number += 1;
        record.clear();
        record.line = self.number;
        write_raw(row, self.columns.names.len(), &mut record.raw);
        if let Some(cursor) = self.cursor {
            let at = CursorValue::of(value(row, cursor));
            let is_ahead = at.as_ref().is_some_and(|at| at.lies_ahead(self.now));
            self.ahead += u64::from(is_ahead && at.as_ref().is_some_and(|at| at.lies_ahead(self.now + ZONES)));
            self.position = at.filter(|_| !is_ahead).or(self.position.take());
        }
        Ok(Some(match self.columns.fill(|place| value(row, place), record) {
            Ok(()) => Row::Good,
            Err(fault) => Row::Bad(fault),
        }))
    }

    /// The highest cursor value read so far, by SQLite's own order, or that of the start if there was none. To be kept only once all
    /// rows are in the ledger. It never [lies ahead](CursorValue::lies_ahead): one slip of the pen would hide all rows written after it.
    pub fn position(&self) -> Option<&CursorValue> {
        self.position.as_ref()
    }

    /// Rows whose cursor value is a date in the future in every time zone: they do not count for the position, and are read each time.
    pub fn ahead(&self) -> u64 {
        self.ahead
    }
}

/// The value at `place`, which comes from the statement's own columns and so is always there.
fn value<'r>(row: &'r SqlRow<'_>, place: usize) -> ValueRef<'r> {
    row.get_ref(place).unwrap_or(ValueRef::Null)
}

/// The row as a JSON array, for the rejects file. A BLOB, an infinite number and text over the limit of a cell are `null`, and what is not
/// UTF-8 is shown as U+FFFD.
fn write_raw(row: &SqlRow<'_>, count: usize, into: &mut Vec<u8>) {
    for place in 0..count {
        into.push(if place == 0 { b'[' } else { b',' });
        let written = match value(row, place) {
            ValueRef::Integer(number) => serde_json::to_writer(&mut *into, &number),
            ValueRef::Real(number) => serde_json::to_writer(&mut *into, &number),
            ValueRef::Text(text) if text.len() <= CELL_LIMIT => {
                serde_json::to_writer(&mut *into, &String::from_utf8_lossy(text))
            }
            ValueRef::Null | ValueRef::Blob(_) | ValueRef::Text(_) => serde_json::to_writer(&mut *into, &()),
        };
        debug_assert!(written.is_ok(), "writing to memory cannot fail");
    }
    into.push(b']');
}
