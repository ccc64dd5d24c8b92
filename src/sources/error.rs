//! What can go wrong with a source as a whole. What is wrong with one row is a [`RowFault`](crate::domain::record::RowFault).

use std::io;

/// Why a source, or one of its files, cannot be read. Each text says what, where and what next, and holds no value of a row.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A literal path, or the folder of a glob, does not exist.
    #[error("{path} does not exist; check the source's `path` and that the export ran")]
    Missing {
        /// As the configuration writes it.
        path: String,
    },
    /// The file is refused whole: nothing of it is sent.
    #[error("{file} is refused: {reason}")]
    Refused {
        /// The file's origin.
        file: String,
        /// What is wrong, and the cure.
        reason: String,
    },
    /// The file is still being written. What was read of it does not count.
    #[error("{file} is left for the next run: {why}")]
    Changing {
        /// The file's origin.
        file: String,
        /// How that was seen.
        why: &'static str,
    },
    /// The operating system refused.
    #[error("cannot {action} {path}: {cause}")]
    Io {
        /// What was tried: a verb.
        action: &'static str,
        /// On which file.
        path: String,
        /// The system's answer.
        cause: io::Error,
    },
    /// Another program holds the SQLite database locked.
    #[error("{path} was locked by another program for {seconds} s; the next run tries again")]
    Busy {
        /// The database's path as configured.
        path: String,
        /// How long the lock was waited for, in seconds.
        seconds: u64,
    },
    /// We are to stop, and the query was ended for that. What was read of it does not count.
    #[error("{path}: stopped while the query was running; the next run reads it again")]
    Stopped {
        /// The database's path as configured.
        path: String,
    },
    /// The SQLite database or the query over it cannot be used.
    #[error("{path}: {reason}")]
    Database {
        /// The database's path as configured.
        path: String,
        /// What is wrong, and the cure.
        reason: String,
    },
}
