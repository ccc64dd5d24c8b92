//! The ledger's schema: whose file it is, of which release, and how it is brought to this one's.

use std::cmp::Ordering;
use std::path::Path;

use rusqlite_migration::{M, Migrations};

use super::open::is_empty;
use super::{Error, Ledger, Result, backup};

/// `LEAD` in ASCII: tells our files from other SQLite databases (`PRAGMA application_id`).
pub(super) const APPLICATION_ID: i64 = 0x4C45_4144;

/// The migrations, oldest first. A released one is never edited.
pub(super) const MIGRATIONS: [M<'static>; 8] = [
    M::up(include_str!("../../migrations/0001_ledger.sql")),
    M::up(include_str!("../../migrations/0002_desk.sql")),
    M::up(include_str!("../../migrations/0003_lead_state.sql")),
    M::up(include_str!("../../migrations/0004_notices.sql")),
    M::up(include_str!("../../migrations/0005_earlier.sql")),
    M::up(include_str!("../../migrations/0006_layout.sql")),
    M::up(include_str!("../../migrations/0007_spent.sql")),
    M::up(include_str!("../../migrations/0008_keyed_by.sql")),
];

/// How a ledger's schema compares with this program's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Schema {
    /// The same.
    Current,
    /// Of an earlier release.
    Older,
}

impl Ledger {
    /// True for a file without any content, as a crash during creation leaves it.
    pub(super) fn is_unborn(&self) -> Result<bool> {
        Ok(self.number("user_version")? == 0 && self.number("schema_version")? == 0)
    }

    /// Refuses another program's database.
    pub(super) fn refuse_foreign(&self) -> Result<()> {
        // In this order: a process that makes a ledger of the file at this moment gives it the id before the first table.
        let empty = self.number("schema_version")? == 0;
        let id = self.number("application_id")?;
        if id == APPLICATION_ID || (id == 0 && empty) {
            Ok(())
        } else {
            Err(Error::Foreign { path: self.path.clone() })
        }
    }

    /// How the file's schema compares with this program's.
    pub(super) fn check_schema(&self) -> Result<Schema> {
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

    /// Brings the open database to the last of `migrations`.
    pub(super) fn migrate_to(&mut self, migrations: &[M<'static>]) -> Result<()> {
        Migrations::from_slice(migrations).to_latest(&mut self.db).map_err(|error| match error {
            rusqlite_migration::Error::RusqliteError { err, .. } => Error::from_sqlite(&self.path, &err),
            other => Error::Database { path: self.path.clone(), cause: format!("migration failed: {other}") },
        })
    }
}

/// Brings an existing ledger to the schema of `migrations`, after a copy of it as it is: `NAME.bak-vN` beside it, N being its version.
/// The caller holds the lease.
pub(super) fn upgrade(path: &Path, migrations: &[M<'static>]) -> Result<()> {
    if !path.try_exists().unwrap_or(false) || is_empty(path) {
        return Ok(());
    }
    let mut ledger = Ledger::connect(path)?;
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
