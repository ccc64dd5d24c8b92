//! Opening the ledger: file modes, checks, migrations, and the fingerprint key beside it.

use std::cmp::Ordering;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior};
use rusqlite_migration::{M, Migrations};

use super::inspect::existing_folder;
use super::{Error, Lease, Result, backup};
use crate::clock;

/// `LEAD` in ASCII: tells our files from other SQLite databases (`PRAGMA application_id`).
pub(super) const APPLICATION_ID: i64 = 0x4C45_4144;

/// Earlier versions can corrupt a database in WAL mode (<https://sqlite.org/wal.html#the_wal_reset_bug>).
const OLDEST_SQLITE: i32 = 3_051_003;

/// How long a writer waits for another one: an intake of ten million rows holds the write lock for some seconds.
const BUSY: Duration = Duration::from_mins(1);

/// Less than this, in bytes, and nothing is sent: room for the write-ahead log of a run.
const LEAST_FREE: u64 = 16 << 20;

/// The migrations, oldest first. A released one is never edited.
const MIGRATIONS: [M<'static>; 2] =
    [M::up(include_str!("../../migrations/0001_ledger.sql")), M::up(include_str!("../../migrations/0002_latency.sql"))];

/// Whether a ledger may be created where traces of a lost one are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewLedger {
    /// Traces of a lost ledger are an error.
    Unconfirmed,
    /// The operator said `--new-ledger`.
    Confirmed,
}

/// How a ledger's schema compares with this program's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Schema {
    Current,
    Older,
}

/// An open ledger.
#[derive(Debug)]
pub struct Ledger {
    pub(super) db: Connection,
    pub(super) path: PathBuf,
    key: [u8; 32],
}

/// The fingerprint key's file: `NAME.key` beside the ledger.
pub fn key_path(ledger: &Path) -> PathBuf {
    ledger.with_extension("key")
}

impl Ledger {
    /// Opens the ledger for writing and creates it if there is none. `tokens` is the token folder: one that holds sessions while there is no
    /// ledger means a lost ledger.
    pub fn open_or_create(path: &Path, tokens: &Path, new: NewLedger) -> Result<Self> {
        if path.try_exists().unwrap_or(false) {
            return Self::open(path);
        }
        if new == NewLedger::Unconfirmed {
            refuse_lost(path, tokens)?;
        }
        prepare_folder(path)?;
        // SQLite gives the -wal and -shm files the mode of the database. The key comes second: a key without a ledger is a lost one.
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(file_error("cannot create", path))?;
        Self::open(path)
    }

    /// Opens an existing ledger for writing. One of an older release is migrated first, under the lease ([`Error::Held`] if another
    /// process has it).
    pub fn open(path: &Path) -> Result<Self> {
        if !path.try_exists().unwrap_or(false) {
            return Err(Error::Missing { path: path.into() });
        }
        let mut ledger = Self::connect(path, [0; 32])?;
        if ledger.is_unborn()? {
            // New, or a process died before its first commit: nothing was ever recorded.
            ledger.key = read_key(&key_path(path)).or_else(|_| create_key(&key_path(path)))?;
            ledger.pragma("application_id", &APPLICATION_ID.to_string())?;
            ledger.migrate_to(&MIGRATIONS)?;
            sync_folder(path)?;
        } else {
            if ledger.check_schema()? == Schema::Older {
                // Whoever takes the lease migrates; a running daemon of an older release still works with the old schema.
                drop(Lease::take(path, "migration of the ledger", clock::now())?);
            }
            ledger.key = read_key(&key_path(path))?;
        }
        ledger.check_key()?;
        Ok(ledger)
    }

    /// Opens an existing ledger for reading. Nothing is written; it may be held by another process.
    pub fn open_reader(path: &Path) -> Result<Self> {
        if !path.try_exists().unwrap_or(false) {
            return Err(Error::Missing { path: path.into() });
        }
        let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .map_err(|error| Error::from_sqlite(path, &error))?;
        let key = read_key(&key_path(path)).unwrap_or([0; 32]);
        let ledger = Self { db, path: path.into(), key };
        ledger.settle_reading()?;
        ledger.check_schema()?;
        if ledger.is_unborn()? {
            // A process is creating it at this moment, or died over it.
            return Err(Error::Missing { path: path.into() });
        }
        ledger.pragma("query_only", "ON")?;
        Ok(ledger)
    }

    /// A private copy of the ledger that vanishes with this value, or an empty one if there is no ledger: what a dry run writes to.
    pub fn scratch(path: &Path) -> Result<Self> {
        // An empty name is a temporary database of SQLite's own, deleted when it is closed.
        let mut db = Connection::open("").map_err(|error| Error::from_sqlite(path, &error))?;
        let key = match Self::open_reader(path) {
            Ok(original) => {
                let copy = rusqlite::backup::Backup::new(&original.db, &mut db)
                    .and_then(|backup| backup.run_to_completion(i32::MAX, Duration::ZERO, None));
                copy.map_err(|error| Error::from_sqlite(path, &error))?;
                original.key
            }
            Err(Error::Missing { .. }) => [0; 32],
            Err(error) => return Err(error),
        };
        let mut scratch = Self { db, path: path.into(), key };
        scratch.migrate_to(&MIGRATIONS)?;
        scratch.settle_reading()?;
        Ok(scratch)
    }

    fn connect(path: &Path, key: [u8; 32]) -> Result<Self> {
        assert_version(path)?;
        let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .map_err(|error| Error::from_sqlite(path, &error))?;
        let ledger = Self { db, path: path.into(), key };
        ledger.settle_reading()?;
        ledger.refuse_foreign()?;
        // The answer is read: an I/O error here would otherwise leave the rollback journal in force unnoticed.
        let mode: String = ledger
            .db
            .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
            .map_err(|error| ledger.error(&error))?;
        if !mode.eq_ignore_ascii_case("wal") {
            let cause = "write-ahead logging cannot be switched on here; use a local disk".to_owned();
            return Err(Error::Database { path: path.into(), cause });
        }
        // An intent must survive a power cut, else a lead that was sent looks pending: one fsync for each commit.
        ledger.pragma("synchronous", "FULL")?;
        // What is deleted is overwritten: no personal data is left in free pages.
        ledger.pragma("secure_delete", "ON")?;
        ledger.pragma("foreign_keys", "ON")?;
        Ok(ledger)
    }

    /// Settings that every connection wants, whatever it does.
    fn settle_reading(&self) -> Result<()> {
        self.db.busy_timeout(BUSY).map_err(|error| self.error(&error))?;
        self.db.set_prepared_statement_cache_capacity(64);
        self.pragma("trusted_schema", "OFF")?;
        self.pragma("cell_size_check", "ON")
    }

    fn pragma(&self, name: &str, value: &str) -> Result<()> {
        self.db.pragma_update(None, name, value).map_err(|error| self.error(&error))
    }

    fn number(&self, pragma: &str) -> Result<i64> {
        self.db.pragma_query_value(None, pragma, |row| row.get(0)).map_err(|error| self.error(&error))
    }

    /// True for a file without any content, as a crash during creation leaves it.
    pub(super) fn is_unborn(&self) -> Result<bool> {
        Ok(self.number("user_version")? == 0 && self.number("schema_version")? == 0)
    }

    fn refuse_foreign(&self) -> Result<()> {
        let id = self.number("application_id")?;
        let empty = self.number("schema_version")? == 0;
        if id == APPLICATION_ID || (id == 0 && empty) {
            Ok(())
        } else {
            Err(Error::Foreign { path: self.path.clone() })
        }
    }

    fn check_schema(&self) -> Result<Schema> {
        self.schema(MIGRATIONS.len())
    }

    /// How the file's schema compares with one of `known` migrations.
    fn schema(&self, known: usize) -> Result<Schema> {
        self.refuse_foreign()?;
        let found = self.number("user_version")?;
        let known = i64::try_from(known).unwrap_or(i64::MAX);
        match found.cmp(&known) {
            Ordering::Less => Ok(Schema::Older),
            Ordering::Equal => Ok(Schema::Current),
            Ordering::Greater => Err(Error::Newer { path: self.path.clone(), found, known }),
        }
    }

    fn migrate_to(&mut self, migrations: &[M<'static>]) -> Result<()> {
        Migrations::from_slice(migrations).to_latest(&mut self.db).map_err(|error| match error {
            rusqlite_migration::Error::RusqliteError { err, .. } => Error::from_sqlite(&self.path, &err),
            other => Error::Database { path: self.path.clone(), cause: format!("migration failed: {other}") },
        })
    }

    /// Holds the key against the ledger, and writes down which one it is if this is its first.
    fn check_key(&self) -> Result<()> {
        if self.has_key_check()? {
            return Ok(());
        }
        let sql = "INSERT INTO meta (name, value) VALUES ('key_check', ?1)";
        self.db.execute(sql, [blake3::hash(&self.key).as_bytes().as_slice()]).map_err(|error| self.error(&error))?;
        Ok(())
    }

    /// Refuses the key that lies beside the ledger if it is missing, damaged or another one's. Writes nothing.
    pub(super) fn verify_key(&self) -> Result<()> {
        read_key(&key_path(&self.path))?;
        self.has_key_check().map(drop)
    }

    /// Whether the ledger knows its key by now; if it does, it has to be this one.
    fn has_key_check(&self) -> Result<bool> {
        let stored: Option<Vec<u8>> = self
            .db
            .query_row("SELECT value FROM meta WHERE name = 'key_check'", [], |row| row.get(0))
            .optional()
            .map_err(|error| self.error(&error))?;
        match stored {
            Some(stored) if stored == blake3::hash(&self.key).as_bytes() => Ok(true),
            Some(_) => Err(Error::Key { path: key_path(&self.path), problem: "belongs to another ledger" }),
            None => Ok(false),
        }
    }

    /// The key of the fingerprints.
    pub fn key(&self) -> [u8; 32] {
        self.key
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

/// Brings an existing ledger to the schema of `migrations`, after a copy of it as it is: `NAME.bak-vN` beside it, N being its version.
/// The caller holds the lease.
fn upgrade(path: &Path, migrations: &[M<'static>]) -> Result<()> {
    if !path.try_exists().unwrap_or(false) {
        return Ok(());
    }
    let mut ledger = Ledger::connect(path, [0; 32])?;
    if ledger.is_unborn()? || ledger.schema(migrations.len())? == Schema::Current {
        return Ok(());
    }
    let copy = backup::before_migration(&ledger, ledger.number("user_version")?)?;
    tracing::info!(copy = %copy.display(), "the ledger is of an older release: copied, and now migrated");
    ledger.migrate_to(migrations)
}

/// [`upgrade`] to this release's schema.
pub(super) fn upgrade_to_latest(path: &Path) -> Result<()> {
    upgrade(path, &MIGRATIONS)
}

/// Refuses a ledger at `path` for whose outcomes there might be no room.
pub(super) fn check_space(path: &Path) -> Result<()> {
    let folder = existing_folder(path);
    let space = rustix::fs::statvfs(folder)
        .map_err(|error| file_error("cannot read the free space of", folder)(error.into()))?;
    if space.f_bavail.saturating_mul(space.f_frsize) < LEAST_FREE {
        return Err(Error::Full { path: path.into() });
    }
    Ok(())
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

/// A key or sessions without their ledger: it was lost, moved, or its volume is not mounted.
pub(super) fn refuse_lost(path: &Path, tokens: &Path) -> Result<()> {
    let key = key_path(path);
    let session = fs::read_dir(tokens).ok().and_then(|mut entries| {
        entries.find_map(|entry| {
            entry.ok().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "json"))
        })
    });
    match [Some(key).filter(|key| key.exists()), session].into_iter().flatten().next() {
        Some(trace) => Err(Error::Lost { path: path.into(), trace }),
        None => Ok(()),
    }
}

fn create_key(path: &Path) -> Result<[u8; 32]> {
    let mut key = [0; 32];
    getrandom::fill(&mut key)
        .map_err(|error| file_error("no random numbers for", path)(std::io::Error::other(error.to_string())))?;
    // Written aside and renamed, so that there is never half a key.
    let aside = path.with_extension("key.tmp");
    // Left by a crash, or put there by somebody else: it is replaced, and never written through.
    let _ = fs::remove_file(&aside);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&aside)
        .map_err(file_error("cannot create", &aside))?;
    file.write_all(&key).and_then(|()| file.sync_all()).map_err(file_error("cannot write", &aside))?;
    fs::rename(&aside, path).map_err(file_error("cannot create", path))?;
    sync_folder(path)?;
    Ok(key)
}

pub(super) fn read_key(path: &Path) -> Result<[u8; 32]> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::Key { path: path.into(), problem: "is missing" });
        }
        Err(error) => return Err(file_error("cannot read", path)(error)),
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(file_error("cannot read", path))?;
    bytes.try_into().map_err(|_| Error::Key { path: path.into(), problem: "is damaged" })
}

/// Creates the ledger's folder, for its owner only.
pub(super) fn prepare_folder(path: &Path) -> Result<()> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(file_error("cannot create", folder))
}

/// Makes a new file's name durable.
pub(super) fn sync_folder(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(file_error("cannot sync", folder))
}

pub(super) fn file_error(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_path_buf();
    move |source| Error::File { doing, path, source }
}

#[cfg(test)]
#[path = "open_tests.rs"]
mod tests;
