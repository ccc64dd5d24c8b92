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

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

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
    /// What was read can be left where it is, to be read again: not files of a pattern, as one that stays would count for more than a newer one
    /// that comes before it by its name.
    pub fn stays(&self) -> bool {
        match self {
            Self::Csv(settings) => !settings.is_pattern(),
            Self::Sqlite(_) => true,
        }
    }

    /// A row that was read is met again by the next pass, unless somebody changes the source.
    pub fn is_read_whole(&self) -> bool {
        match self {
            Self::Csv(settings) => settings.after == csv::After::Keep,
            Self::Sqlite(settings) => settings.cursor.is_none(),
        }
    }

    /// True if the file or database that the ledger has as `origin` is, or was, one of this source.
    pub fn has_origin(&self, origin: &str) -> bool {
        match self {
            Self::Csv(settings) => csv::has_origin(settings, origin),
            Self::Sqlite(settings) => settings.shown == origin,
        }
    }

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

    /// Whether a file of this name in `folder`, which is where it really lies, is one that the source reads.
    pub fn covers(&self, folder: &Path, name: &OsStr) -> bool {
        match self {
            Self::Csv(settings) => csv::covers(settings, folder, name),
            Self::Sqlite(settings) => is_at(&settings.path, folder, name),
        }
    }

    /// The path or glob as the configuration writes it.
    pub fn shown(&self) -> &str {
        match self {
            Self::Csv(settings) => &settings.shown,
            Self::Sqlite(settings) => &settings.shown,
        }
    }
}

/// Whether `path` is this name in `folder`, or leads there.
fn is_at(path: &Path, folder: &Path, name: &OsStr) -> bool {
    let own = path.parent().filter(|own| !own.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let is_here = path.file_name() == Some(name) && fs::canonicalize(own).is_ok_and(|own| own == folder);
    is_here || fs::canonicalize(path).is_ok_and(|path| path == folder.join(name))
}
