//! The connection: read-only, one snapshot.

use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use super::Settings;
use crate::sources::Error;

/// A lock of another program is waited for so long before the run gives way to it.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// An open database with a read transaction that lasts as long as this value.
pub struct Database {
    pub(super) connection: Connection,
    pub(super) settings: Settings,
    pub(super) patience: Duration,
}

impl Database {
    /// Opens the database for reading and takes the snapshot that all rows come from.
    ///
    /// Waits up to 10 s for another program's lock, then it is [`Error::Busy`].
    pub fn open(settings: &Settings) -> Result<Self, Error> {
        Self::open_waiting(settings, BUSY_TIMEOUT)
    }

    pub(super) fn open_waiting(settings: &Settings, patience: Duration) -> Result<Self, Error> {
        require_regular(settings)?;
        let told = |error| explain(settings, patience, "cannot be opened", &error);
        // No URI, so that a path is taken as it is. Never `immutable`: it reads past the writer's log and locks.
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let path = std::path::absolute(&settings.path).unwrap_or_else(|_| settings.path.clone());
        let connection = Connection::open_with_flags(path, flags).map_err(told)?;
        connection.busy_timeout(patience).map_err(told)?;
        // What a hostile or damaged file could do is limited as SQLite's own advice has it: sqlite.org/security.html, 1.2.
        connection
            .execute_batch(
                "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;",
            )
            .map_err(told)?;
        connection.execute_batch("BEGIN").map_err(told)?;
        // A transaction has its snapshot from its first read on.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).map_err(told)?;
        Ok(Self { connection, settings: settings.clone(), patience })
    }

    pub(super) fn explain(&self, what: &str, error: &rusqlite::Error) -> Error {
        explain(&self.settings, self.patience, what, error)
    }

    /// While rows are read, SQLite's own message may quote a value of a row (a JSON path, a number): it is left out.
    pub(super) fn failed(&self, error: rusqlite::Error) -> Error {
        let error = match error {
            rusqlite::Error::SqliteFailure(failure, _) => rusqlite::Error::SqliteFailure(failure, None),
            other => other,
        };
        self.explain("the query failed", &error)
    }
}

/// Refuses what is there and cannot be a database, before SQLite opens it: opening a pipe waits for somebody to write into it, whatever we are
/// asked meanwhile, and a device may do anything. What cannot be looked at SQLite explains.
fn require_regular(settings: &Settings) -> Result<(), Error> {
    let path = settings.shown.clone();
    match fs::metadata(&settings.path) {
        Ok(about) if !about.is_file() => {
            let reason = "it is not a regular file; check the source's `path`".to_owned();
            Err(Error::Database { path, reason })
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::Missing { path }),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The error in words, with a cure.
fn explain(settings: &Settings, patience: Duration, what: &str, error: &rusqlite::Error) -> Error {
    let reason = match error {
        rusqlite::Error::SqlInputError { msg, .. } => format!("{what}: {msg}"),
        rusqlite::Error::SqliteFailure(failure, message) => match failure.code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                return Error::Busy { path: settings.shown.clone(), seconds: patience.as_secs() };
            }
            // Nobody but the question that `Select::rows` lets SQLite ask ends a query.
            ErrorCode::OperationInterrupted => return Error::Stopped { path: settings.shown.clone() },
            ErrorCode::NotADatabase => {
                "it is not a SQLite database, or an encrypted one; check the source's `path`".to_owned()
            }
            ErrorCode::DatabaseCorrupt => "the database is damaged; check it with PRAGMA integrity_check".to_owned(),
            ErrorCode::CannotOpen | ErrorCode::ReadOnly => format!(
                "{what}: {}. If the program that owns it uses write-ahead logging, reading needs the files {}-wal and {}-shm: \
                 let this user read them and write to their folder, or read a copy made with .backup or VACUUM INTO",
                ffi::code_to_str(failure.extended_code).trim_end_matches('.'),
                settings.shown,
                settings.shown,
            ),
            ErrorCode::Unknown if message.is_some() => {
                format!("{what}: {}", message.as_deref().unwrap_or_default())
            }
            _ => format!("{what}: {}", ffi::code_to_str(failure.extended_code)),
        },
        rusqlite::Error::MultipleStatement => {
            format!("{what}: it is more than one statement; one SELECT is expected")
        }
        _ => what.to_owned(),
    };
    Error::Database { path: settings.shown.clone(), reason }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_folder_that_hides_the_write_ahead_log_is_explained_with_the_cure() {
        let settings = Settings {
            path: PathBuf::from("/srv/crm.db"),
            shown: "crm.db".to_owned(),
            query: String::new(),
            key: "id".to_owned(),
            cursor: None,
        };
        for code in [ffi::SQLITE_READONLY_DIRECTORY, ffi::SQLITE_CANTOPEN] {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            let text = explain(&settings, BUSY_TIMEOUT, "cannot be opened", &error).to_string();
            assert!(text.contains("crm.db-wal") && text.contains("folder"), "{text}");
        }
    }
}
