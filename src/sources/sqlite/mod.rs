//! Rows of a query over somebody else's live SQLite database.
//!
//! The database is never written to, not even its journal mode, and all rows come from one snapshot. Three values own one another, as
//! rusqlite's do: [`Database`] the connection, [`Select`] the checked statement, [`Rows`] the reading.
//!
//! ```no_run
//! # use lead_sync::sources::{Error, sqlite::{CursorValue, Database, Settings}};
//! # use lead_sync::domain::{record::Record, time::Timestamp};
//! # fn read(settings: &Settings, wanted: &[String], after: Option<&CursorValue>, now: Timestamp) -> Result<(), Error> {
//! # let stopped = || false;
//! let database = Database::open(settings)?;
//! let mut select = database.select(wanted, after)?;
//! let mut rows = select.rows(now, stopped)?;
//! let mut record = Record::default();
//! while let Some(row) = rows.next(&mut record)? {
//!     // …
//! }
//! let position = rows.position();
//! # Ok(())
//! # }
//! ```

mod cursor;
mod database;
mod rejects;
mod select;
#[cfg(test)]
mod tests;
mod values;

pub use cursor::{CursorValue, NotACursor};
pub use database::Database;
pub use rejects::Rereader;
pub(super) use rejects::shown;
pub use select::{Rows, Select};

use std::path::PathBuf;

use crate::domain::record::RowFault;

/// Whose columns they are.
const QUERY: &str = "query";

/// How to read the rows of one sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The database file.
    pub path: PathBuf,
    /// The same as the configuration writes it: the start of every `origin`.
    pub shown: String,
    /// One SELECT.
    pub query: String,
    /// The key column of the query.
    pub key: String,
    /// A column of the query whose value never goes down, e.g. `updated_at`: only rows beyond the last position are read.
    pub cursor: Option<String>,
}

/// What is wrong with a row whose key the row of this number had, with other values.
pub fn repeated_key(first_row: u64) -> RowFault {
    RowFault::RepeatedKeyOfQuery { first_row }
}
