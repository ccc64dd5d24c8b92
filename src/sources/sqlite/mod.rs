//! Rows of a query over somebody else's live SQLite database.

use std::path::PathBuf;

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
