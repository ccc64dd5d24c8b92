//! CSV files as CRMs really write them.

use std::path::PathBuf;
use std::time::Duration;

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

/// What happens to a file once its rows are safely in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// It stays where it is.
    Keep,
    /// It is moved to this folder.
    Archive(PathBuf),
}
