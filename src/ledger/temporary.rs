//! Private copies of a ledger, and the folder that SQLite keeps its temporary files in.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use rustix::fs::{Access, access};

use super::files::refuse_lost;
use super::open::is_empty;
use super::schema::MIGRATIONS;
use super::{Error, Ledger, NewLedger, Result};

impl Ledger {
    /// A private copy of the ledger that vanishes with this value, or an empty one if there is no ledger: what a dry run writes to. What
    /// keeps a run from using the ledger ([`Self::open_or_create`]) keeps it from being copied.
    pub fn scratch(path: &Path, tokens: &Path, new: NewLedger) -> Result<Self> {
        // Before the ledger, as there.
        let traces = match new {
            NewLedger::Unconfirmed => refuse_lost(path, tokens),
            NewLedger::Confirmed => Ok(()),
        };
        match Self::open_as_it_is(path) {
            Ok(original) => {
                original.verify_key()?;
                original.migrated_copy()
            }
            Err(Error::Missing { .. } | Error::Lost { .. }) => {
                if is_empty(path) {
                    traces?;
                }
                Self::temporary(path)?.made_ready()
            }
            Err(error) => Err(error),
        }
    }

    /// Its content in a temporary database, brought to this release's schema.
    pub(super) fn migrated_copy(&self) -> Result<Self> {
        let mut copy = Self { key: self.key, ..Self::temporary(&self.path)? };
        rusqlite::backup::Backup::new(&self.db, &mut copy.db)
            .and_then(|backup| backup.run_to_completion(i32::MAX, Duration::ZERO, None))
            .map_err(|error| self.error(&error).of_copy())?;
        copy.made_ready()
    }

    /// A temporary database of SQLite's own, which has no name and is deleted when it is closed.
    fn temporary(path: &Path) -> Result<Self> {
        let db = Connection::open("").map_err(|error| Error::from_sqlite(path, &error))?;
        Ok(Self { db, path: path.into(), file: None, key: [0; 32] })
    }

    fn made_ready(mut self) -> Result<Self> {
        self.migrate_to(&MIGRATIONS).map_err(Error::of_copy)?;
        self.settle_reading()?;
        Ok(self)
    }
}

impl Error {
    /// Of what was done to a private copy: what was full is not the disk of the ledger.
    #[must_use]
    pub fn of_copy(self) -> Self {
        match self {
            Self::Full { path } => Self::temporary(path),
            other => other,
        }
    }

    /// There was no room for a copy of the ledger at `ledger`.
    pub(super) fn temporary(ledger: PathBuf) -> Self {
        Self::Temporary { folder: folder(), path: ledger }
    }
}

/// Where SQLite keeps temporary files: the first of these that it can write to
/// (<https://sqlite.org/tempfiles.html#temporary_file_storage_locations>).
fn folder() -> PathBuf {
    let named = ["SQLITE_TMPDIR", "TMPDIR"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
    let others = ["/var/tmp", "/usr/tmp", "/tmp"].map(PathBuf::from);
    let is_usable = |folder: &PathBuf| folder.is_dir() && access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok();
    named.chain(others).find(is_usable).unwrap_or_else(|| PathBuf::from("."))
}
