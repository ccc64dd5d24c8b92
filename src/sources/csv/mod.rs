//! CSV files as CRMs really write them.
//!
//! [`list`] names the files, [`CsvFile`] reads one, [`archive`] moves it away. A file is read twice: once to judge its encoding by all of
//! its bytes, once for its rows. Nothing that was read counts before [`CsvFile::finish`] says that the file stayed the same.

mod archive;
mod file;
mod form;
mod header;
mod input;
mod list;
mod pattern;
mod records;
pub mod rejects;
mod row;
mod survey;
#[cfg(test)]
mod tests;
mod window;

pub use archive::{archive, try_archive};
pub use file::{CsvFile, Summary, column_names};
pub use list::{Entry, covers, has_origin, list, passed_over};
pub use pattern::OPTIONS as MATCHING;

use std::path::PathBuf;
use std::time::Duration;

use crate::domain::record::RowFault;

/// A row longer than this, in bytes, is a bad one. Its beginning is kept.
pub const RECORD_LIMIT: usize = 256 * 1024;

/// A file with more columns than this is refused.
pub const COLUMN_LIMIT: usize = 1000;

/// How to read the files of one sync. What is `None` is detected for each file.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// One path or a glob, absolute or relative to the process.
    pub path: PathBuf,
    /// The same as the configuration writes it: the start of every `origin`.
    pub shown: String,
    /// The key column.
    pub key: String,
    /// The delimiter byte.
    pub delimiter: Option<u8>,
    /// The encoding.
    pub encoding: Option<&'static encoding_rs::Encoding>,
    /// The quote byte; `"` unless set.
    pub quote: Option<u8>,
    /// A file modified less than this ago is left for the next run.
    pub min_age: Duration,
    /// A file whose last row has no line end is left for the next run.
    pub require_final_newline: bool,
    /// What happens to a file after a clean pass.
    pub after: After,
}

impl Settings {
    /// The path is a glob: it may match several files.
    pub fn is_pattern(&self) -> bool {
        self.shown.contains(['*', '?', '['])
    }
}

/// What happens to a file once its rows are safely in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// It stays where it is.
    Keep,
    /// It is moved to this folder.
    Archive(PathBuf),
}

/// What is wrong with a row whose key the row in this line had, with other values.
pub fn repeated_key(first_line: u64) -> RowFault {
    RowFault::RepeatedKey { first_line }
}

/// The file is not the one that was opened any more.
fn changed(origin: &str) -> crate::sources::Error {
    crate::sources::Error::Changing { file: origin.to_owned(), why: "it changed while it was read" }
}
