//! Where rows come from: CSV files and SQLite queries.
//!
//! Both fill a [`Record`](crate::domain::record::Record) for every row and say whether the row can be mapped. What is wrong with one row
//! never stops the others; what is wrong with a whole file or query is an [`Error`].

mod columns;
pub mod csv;
mod error;
pub mod sqlite;

pub use columns::require_column;
pub use error::Error;

use crate::domain::record::RowFault;

/// A cell longer than this, in bytes, makes its row a bad one: no CRM field is that long, but a quote that went wrong is.
pub const CELL_LIMIT: usize = 64 * 1024;

/// The source of one sync.
#[derive(Debug, Clone, PartialEq)]
pub enum Settings {
    /// CSV files.
    Csv(csv::Settings),
    /// A SQLite query.
    Sqlite(sqlite::Settings),
}

impl Settings {
    /// The key column.
    pub fn key(&self) -> &str {
        match self {
            Self::Csv(settings) => &settings.key,
            Self::Sqlite(settings) => &settings.key,
        }
    }

    /// What is wrong with a row whose key an earlier row had, with other values. `first` is the earlier one's [`Record::line`](crate::domain::record::Record::line).
    pub fn repeated_key(&self, first: u64) -> RowFault {
        match self {
            Self::Csv(_) => csv::repeated_key(first),
            Self::Sqlite(_) => sqlite::repeated_key(first),
        }
    }
}
