//! Where rows come from: CSV files and SQLite queries.

pub mod csv;
pub mod sqlite;

/// The source of one sync.
#[derive(Debug, Clone, PartialEq)]
pub enum Settings {
    /// CSV files.
    Csv(csv::Settings),
    /// A SQLite query.
    Sqlite(sqlite::Settings),
}
