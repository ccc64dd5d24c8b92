//! From SQLite's values to a record: the checks that every row goes through, whether it comes from the query or corrected from a person.

use rusqlite::types::ValueRef;

use crate::domain::record::{Cell, Record, RowFault};
use crate::sources::CELL_LIMIT;

/// The columns of a query, and which of them make a record.
#[derive(Debug)]
pub(super) struct Columns {
    /// All of them.
    pub(super) names: Vec<String>,
    /// The place of the lead's key.
    pub(super) key: usize,
    /// The places of what the mapping reads, in its order.
    pub(super) wanted: Vec<usize>,
}

impl Columns {
    /// Fills key and cells of `record`; `value` tells what stands at a place.
    pub(super) fn fill<'v>(&self, value: impl Fn(usize) -> ValueRef<'v>, record: &mut Record) -> Result<(), RowFault> {
        match self.cell(value(self.key), self.key)? {
            Cell::Text(text) => record.set_key(text),
            Cell::Integer(number) => record.set_key(&number.to_string()),
            Cell::Real(number) => record.set_key(&format!("{number:?}")),
            Cell::Null => {}
        }
        if record.key().is_empty() {
            return Err(RowFault::EmptyKey { column: self.name(self.key) });
        }
        for place in &self.wanted {
            record.push(self.cell(value(*place), *place)?);
        }
        Ok(())
    }

    fn cell<'v>(&self, value: ValueRef<'v>, place: usize) -> Result<Cell<'v>, RowFault> {
        let text = match value {
            ValueRef::Null => return Ok(Cell::Null),
            ValueRef::Integer(number) => return Ok(Cell::Integer(number)),
            ValueRef::Real(number) => return Ok(Cell::Real(number)),
            ValueRef::Blob(_) => {
                return Err(RowFault::Blob { column: self.name(place) });
            }
            ValueRef::Text(text) => text,
        };
        if text.len() > CELL_LIMIT {
            return Err(RowFault::TooLong { what: "cell", limit: CELL_LIMIT, lines: 1 });
        }
        if memchr::memchr(0, text).is_some() {
            return Err(RowFault::Nul { column: self.name(place) });
        }
        std::str::from_utf8(text).map(Cell::Text).map_err(|_| RowFault::Undecodable { encoding: "UTF-8" })
    }

    fn name(&self, place: usize) -> String {
        self.names.get(place).cloned().unwrap_or_default()
    }
}
