//! Opening the ledger, and what SQLite is told for each connection.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::files::{check_space, file_error, lock_folder, none_at, prepare_folder, refuse_lost, sync_folder};
use super::identity::{FileId, refuse_dangling, require_one_file, resolve};
use super::key::{create_key, key_path, read_key};
use super::schema::{APPLICATION_ID, MIGRATIONS, Schema};
use super::{Error, Lease, Result};
use crate::clock;

/// Earlier versions can corrupt a database in WAL mode (<https://sqlite.org/wal.html#the_wal_reset_bug>).
const OLDEST_SQLITE: i32 = 3_051_003;

/// How long a writer waits for another one: an intake of ten million rows holds the write lock for some seconds.
pub(super) const BUSY: Duration = Duration::from_mins(1);

/// Whether a ledger may be created where traces of a lost one are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewLedger {
    /// Traces of a lost ledger are an error.
    Unconfirmed,
    /// The operator said `--new-ledger`.
    Confirmed,
}

/// An open ledger.
#[derive(Debug)]
pub struct Ledger {
    pub(super) db: Connection,
    /// Where it really lies.
    pub(super) path: PathBuf,
    /// The file that was opened; `None` for a private copy.
    pub(super) file: Option<FileId>,
    pub(super) key: [u8; 32],
}

impl Ledger {
    /// Opens the ledger for writing and creates it if there is none. `tokens` is the token folder: one that holds sessions while there is no
    /// ledger means a lost ledger.
    pub fn open_or_create(path: &Path, tokens: &Path, new: NewLedger) -> Result<Self> {
        // Looked for before the ledger: a process that creates both at this moment begins with the ledger.
        let traces = match new {
            NewLedger::Unconfirmed => refuse_lost(path, tokens),
            NewLedger::Confirmed => Ok(()),
        };
        if path.try_exists().unwrap_or(false) {
            if is_empty(path) {
                traces?;
            }
            return Self::open_existing(path);
        }
        traces?;
        // Before anything is made: what a full disk leaves half made has to be told apart from a lost ledger.
        check_space(path)?;
        prepare_folder(path)?;
        // SQLite gives the -wal and -shm files the mode of the database. The key comes second: a key without a ledger is a lost one.
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            // Another process was a moment faster: then it is its ledger that is opened.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Self::open_existing(path),
            created => {
                created.map_err(file_error("cannot create", path))?;
                Self::open_existing(path)
            }
        }
    }

    /// Opens an existing ledger for writing. One of an older release is migrated first, under the lease ([`Error::Held`] if another
    /// process has it).
    pub fn open(path: &Path) -> Result<Self> {
        refuse_dangling(path)?;
        if !path.try_exists().map_err(file_error("cannot look at", path))? {
            return Err(none_at(path));
        }
        match none_at(path) {
            lost @ Error::Lost { .. } => Err(lost),
            _ => Self::open_existing(path),
        }
    }

    /// As [`Self::open`], also if it was emptied.
    pub(super) fn open_existing(path: &Path) -> Result<Self> {
        refuse_dangling(path)?;
        let mut ledger = Self::connect(path)?;
        if ledger.is_unborn()? {
            // New, or a process died before its first commit: nothing was ever recorded.
            ledger.make_first()?;
        } else if ledger.check_schema()? == Schema::Older && ledger.is_older_still()? {
            // Whoever takes the lease migrates; a running daemon of an older release still works with the old schema.
            drop(Lease::take(path, "migration of the ledger", clock::now())?);
        }
        ledger.key = read_key(&key_path(path))?;
        ledger.check_key()?;
        Ok(ledger)
    }

    /// Makes a ledger and its key of an empty file. One process at a time: of two that came at once each would make a key, and the ledger
    /// would know the one while the other lies beside it.
    fn make_first(&mut self) -> Result<()> {
        let _turn = lock_folder(&self.path)?;
        if !self.is_unborn()? {
            return Ok(());
        }
        self.check_space()?;
        let key = key_path(&self.path);
        if read_key(&key).is_err() {
            create_key(&key)?;
        }
        self.pragma("application_id", &APPLICATION_ID.to_string())?;
        self.migrate_to(&MIGRATIONS)?;
        sync_folder(&self.path)
    }

    /// Whether the schema is older once nobody makes a ledger here any more: a new one goes through all versions.
    fn is_older_still(&self) -> Result<bool> {
        let _turn = lock_folder(&self.path)?;
        Ok(self.check_schema()? == Schema::Older)
    }

    /// Opens an existing ledger for reading. Nothing is written; it may be held by another process. One of an older release is read as the
    /// migration will leave it, in a private copy.
    pub fn open_reader(path: &Path) -> Result<Self> {
        let ledger = Self::open_as_it_is(path)?;
        let ledger = match ledger.check_schema()? {
            Schema::Current => ledger,
            Schema::Older => ledger.migrated_copy()?,
        };
        ledger.pragma("query_only", "ON")?;
        Ok(ledger)
    }

    /// Opens an existing ledger of this or an older release.
    pub(super) fn open_as_it_is(path: &Path) -> Result<Self> {
        refuse_dangling(path)?;
        if !path.try_exists().map_err(file_error("cannot look at", path))? {
            return Err(none_at(path));
        }
        let mut ledger = Self::open_file(path)?;
        ledger.key = read_key(&key_path(path)).unwrap_or([0; 32]);
        ledger.settle_reading()?;
        ledger.check_schema()?;
        // A process is creating it at this moment, or died over it; or it was emptied.
        if ledger.is_unborn()? { Err(none_at(path)) } else { Ok(ledger) }
    }

    /// Opens the file, without its key and without any setting.
    fn open_file(path: &Path) -> Result<Self> {
        require_one_file(path)?;
        let path = resolve(path);
        let file = FileId::of(&path);
        let db =
            Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
                .map_err(|error| Error::from_sqlite(&path, &error))?;
        Ok(Self { db, path, file, key: [0; 32] })
    }

    /// Opens the file for writing, its key left for later.
    pub(super) fn connect(path: &Path) -> Result<Self> {
        assert_version(path)?;
        let ledger = Self::open_file(path)?;
        ledger.settle_reading()?;
        ledger.refuse_foreign()?;
        ledger.write_ahead()?;
        // An intent must survive a power cut, else a lead that was sent looks pending: one sync for each commit.
        ledger.pragma("synchronous", "FULL")?;
        // What is deleted is overwritten: no personal data is left in free pages.
        ledger.pragma("secure_delete", "ON")?;
        ledger.pragma("foreign_keys", "ON")?;
        Ok(ledger)
    }

    /// Switches to write-ahead logging, which the file keeps. One process at a time: where two do so SQLite refuses one at once, without
    /// waiting.
    fn write_ahead(&self) -> Result<()> {
        let failed = |error| self.error(&error);
        let mode: String = self.db.pragma_query_value(None, "journal_mode", |row| row.get(0)).map_err(failed)?;
        if mode.eq_ignore_ascii_case("wal") {
            return Ok(());
        }
        let _turn = lock_folder(&self.path)?;
        // The answer is read: an I/O error here would otherwise leave the rollback journal in force unnoticed. And it is read to its end: it
        // comes before the commit, whose failure leaves a new file empty, and a key beside that would be the mark of a lost ledger.
        let switch = || -> rusqlite::Result<Vec<String>> {
            self.db.prepare("PRAGMA journal_mode = WAL")?.query_map([], |row| row.get(0))?.collect()
        };
        if switch().map_err(failed)?.iter().any(|mode| mode.eq_ignore_ascii_case("wal")) {
            return Ok(());
        }
        let cause = "write-ahead logging cannot be switched on here; use a local disk".to_owned();
        Err(Error::Database { path: self.path.clone(), cause })
    }

    /// Settings that every connection wants, whatever it does.
    pub(super) fn settle_reading(&self) -> Result<()> {
        self.db.busy_timeout(BUSY).map_err(|error| self.error(&error))?;
        self.db.set_prepared_statement_cache_capacity(64);
        self.pragma("trusted_schema", "OFF")?;
        self.pragma("cell_size_check", "ON")
    }

    pub(super) fn pragma(&self, name: &str, value: &str) -> Result<()> {
        self.db.pragma_update(None, name, value).map_err(|error| self.error(&error))
    }

    pub(super) fn number(&self, pragma: &str) -> Result<i64> {
        self.db.pragma_query_value(None, pragma, |row| row.get(0)).map_err(|error| self.error(&error))
    }

    /// The ledger's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses to go on when the disk is so full that outcomes might not be recorded.
    pub fn check_space(&self) -> Result<()> {
        check_space(&self.path)
    }

    /// Checks the whole file; for `check` and after a crash.
    pub fn integrity(&self) -> Result<()> {
        let verdict: String =
            self.db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(|error| self.error(&error))?;
        if verdict == "ok" { Ok(()) } else { Err(Error::Corrupt { path: self.path.clone(), cause: verdict }) }
    }

    /// A transaction that takes the write lock at once: a deferred one that reads first and then writes fails at once when another
    /// process has committed between, whatever the busy timeout.
    pub(super) fn write(&mut self) -> Result<Transaction<'_>> {
        let path = &self.path;
        self.db
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| Error::from_sqlite(path, &error))
    }

    pub(super) fn error(&self, error: &rusqlite::Error) -> Error {
        Error::from_sqlite(&self.path, error)
    }
}

/// There is no file, or nothing in it. A ledger has something in it before it has its key, so that beside one it was lost: by a disk that was
/// full when it was put back, or a `>` too many.
pub(super) fn is_empty(path: &Path) -> bool {
    match std::fs::metadata(path) {
        Ok(about) => about.len() == 0,
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

fn assert_version(path: &Path) -> Result<()> {
    if rusqlite::version_number() >= OLDEST_SQLITE {
        return Ok(());
    }
    let cause = format!(
        "the SQLite in this program ({}) can corrupt a ledger; build it with the bundled one",
        rusqlite::version()
    );
    Err(Error::Database { path: path.into(), cause })
}

#[cfg(test)]
#[path = "open_tests.rs"]
mod tests;
