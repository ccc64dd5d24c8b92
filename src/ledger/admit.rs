//! Intake: one pass over a source, in one transaction. What a row changes about the lead of its key is in `admit/lead.rs`.
//!
//! A crash before the commit changes nothing; the same intake twice changes nothing the second time.

mod lead;
mod spent;

use rusqlite::{OptionalExtension, Transaction, params};

pub use lead::{Content, KnownLead, Place};

use super::{Error, Ledger, Result};
use crate::domain::record::Layout;
use crate::domain::time::Timestamp;

/// Room for the leads of one file when several are read: they are read last name first (the last one wins) but sent in name order,
/// so each file's leads get numbers from a range of their own.
const LEADS_PER_FILE: i64 = 1 << 32;

/// Page cache of an intake, in KiB (negative, as SQLite takes it): with the default of 2 MiB new keys in no order push the pages of their
/// index out again and again.
const CACHE: i64 = -8 * 1024;

/// What fingerprints are made of: only those of the same basis can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Basis {
    /// Identifies it.
    pub digest: [u8; 16],
    /// Of a query: what earlier releases had in its place. They had the same for files with these columns.
    pub earlier: Option<[u8; 16]>,
}

/// One pass over one sync's source, under way.
#[derive(Debug)]
pub struct Admission<'l> {
    pub(super) tx: Transaction<'l>,
    ledger_path: &'l std::path::Path,
    pub(super) sync: i64,
    pub(super) run: i64,
    basis: i64,
    pub(super) now: Timestamp,
    next_lead: Option<i64>,
    /// Leads added, less those taken out; and as it was when the file under way began.
    grown: i64,
    grown_before_file: i64,
}

impl Ledger {
    /// Begins a pass over the source of `sync`; nothing counts before [`Admission::commit`].
    pub fn admit(&mut self, sync: i64, run: i64, basis: &Basis, now: Timestamp) -> Result<Admission<'_>> {
        let path = &self.path;
        let tx = self
            .db
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(|error| Error::from_sqlite(path, &error))?;
        let mut admission = Admission {
            tx,
            ledger_path: path,
            sync,
            run,
            basis: 0,
            now,
            next_lead: None,
            grown: 0,
            grown_before_file: 0,
        };
        if let Some(earlier) = basis.earlier {
            admission.take_over(&earlier, &basis.digest)?;
        }
        admission.basis = admission.number(
            "INSERT INTO basis (sync, digest) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET digest = excluded.digest RETURNING id",
            params![sync, basis.digest.as_slice()],
        )?;
        Ok(admission)
    }
}

impl Admission<'_> {
    /// Fingerprints of an earlier release count on under today's digest, so that no change is missed in the first run after an upgrade; unless
    /// some of them may be of files.
    fn take_over(&self, earlier: &[u8; 16], digest: &[u8; 16]) -> Result<()> {
        let sql = "UPDATE basis SET digest = ?3 WHERE sync = ?1 AND digest = ?2
                      AND NOT EXISTS (SELECT 1 FROM basis WHERE sync = ?1 AND digest = ?3)
                      AND NOT EXISTS (SELECT 1 FROM origin WHERE sync = ?1 AND json_extract(layout, '$.kind') = 'csv')";
        self.run(sql, params![self.sync, earlier.as_slice(), digest.as_slice()])
    }

    /// Calls `each` with the fingerprint of every lead that can be compared with today's rows, whether its content can still change
    /// (it is neither delivered nor held), and whether it was refused by the mapping.
    pub fn each_known(&self, mut each: impl FnMut([u8; 16], bool, bool)) -> Result<()> {
        // Nearly all leads are delivered. Their rows are read as they lie in the file: by way of an index each would be looked up.
        let delivered =
            "SELECT fingerprint, 0, 0 FROM lead NOT INDEXED WHERE sync = ?1 AND basis = ?2 AND state = 'delivered'";
        let others = "SELECT fingerprint, state IN ('pending', 'waiting', 'rejected', 'failed'), by_mapping
                        FROM lead INDEXED BY lead_open WHERE sync = ?1 AND basis = ?2 AND state <> 'delivered'";
        for sql in [delivered, others] {
            let mut statement = self.tx.prepare_cached(sql).map_err(|error| self.error(&error))?;
            let mut rows = statement.query([self.sync, self.basis]).map_err(|error| self.error(&error))?;
            while let Some(row) = rows.next().map_err(|error| self.error(&error))? {
                let fingerprint = row.get(0).map_err(|error| self.error(&error))?;
                let open = row.get(1).map_err(|error| self.error(&error))?;
                let by_mapping = row.get(2).map_err(|error| self.error(&error))?;
                each(fingerprint, open, by_mapping);
            }
        }
        Ok(())
    }

    /// Everything known is loaded: what comes are changes. The cache grows only now, as reading all leads once fills any cache for nothing,
    /// in every run of a daemon.
    pub fn expect_changes(&self) -> Result<()> {
        self.tx.pragma_update(None, "cache_size", CACHE).map_err(|error| self.error(&error))
    }

    /// The number of leads of this sync, for sizing the map of known fingerprints.
    pub fn count_known(&self) -> Result<usize> {
        let count = self.number("SELECT count(*) FROM lead WHERE sync = ?1", [self.sync])?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    /// The mapping's identity at the last complete pass.
    pub fn mapping_digest(&self) -> Result<Option<[u8; 16]>> {
        let sql = "SELECT mapping_digest FROM sync WHERE id = ?1";
        self.tx.query_row(sql, [self.sync], |row| row.get(0)).map_err(|error| self.error(&error))
    }

    /// Remembers the mapping's identity after a complete pass.
    pub fn set_mapping_digest(&self, digest: &[u8; 16]) -> Result<()> {
        self.run("UPDATE sync SET mapping_digest = ?2 WHERE id = ?1", params![self.sync, digest.as_slice()])
    }

    /// The position in a SQLite source, if it is one of what `of` stands for.
    pub fn cursor(&self, of: &[u8; 16]) -> Result<Option<String>> {
        let sql = "SELECT iif(cursor_of = ?2, cursor, NULL) FROM sync WHERE id = ?1";
        let found = self.tx.query_row(sql, params![self.sync, of.as_slice()], |row| row.get(0));
        found.map_err(|error| self.error(&error))
    }

    /// Moves the position; it counts with the commit, together with the rows up to it.
    pub fn set_cursor(&self, cursor: &str, of: &[u8; 16]) -> Result<()> {
        let sql = "UPDATE sync SET cursor = ?2, cursor_of = ?3 WHERE id = ?1";
        self.run(sql, params![self.sync, cursor, of.as_slice()])
    }

    /// The number of the file or database `path`, whose form is remembered.
    pub fn origin(&self, path: &str, layout: &Layout) -> Result<i64> {
        self.keep_layout(path, layout)?;
        let layout = serde_json::to_string(layout).unwrap_or_default();
        let sql = "INSERT INTO origin (sync, path, layout) VALUES (?1, ?2, ?3)
                   ON CONFLICT (sync, path) DO UPDATE SET layout = excluded.layout RETURNING id";
        self.number(sql, params![self.sync, path, layout])
    }

    /// The number of the file or database `path`, if leads were read from it before.
    pub fn origin_of(&self, path: &str) -> Result<Option<i64>> {
        let sql = "SELECT id FROM origin WHERE sync = ?1 AND path = ?2";
        let found = self.tx.query_row(sql, params![self.sync, path], |row| row.get(0));
        found.optional().map_err(|error| self.error(&error))
    }

    /// New leads get numbers in the order of the files, although the files are read last name first. `index` is the file's place in name
    /// order; not needed for a single file.
    pub fn number_leads_of_file(&mut self, base: i64, index: usize) {
        let index = i64::try_from(index).unwrap_or(i64::MAX);
        self.next_lead = Some(base.saturating_add(index.saturating_mul(LEADS_PER_FILE)));
    }

    /// The first number after those of all leads.
    pub fn next_number(&self) -> Result<i64> {
        self.number("SELECT coalesce(max(id), 0) + 1 FROM lead", [])
    }

    /// Marks the start of one file: [`Admission::forget_file`] goes back to here.
    pub fn begin_file(&mut self) -> Result<()> {
        self.grown_before_file = self.grown;
        self.run("SAVEPOINT file", [])
    }

    /// Keeps what the file brought.
    pub fn keep_file(&self) -> Result<()> {
        self.run("RELEASE file", [])
    }

    /// Undoes all that the file brought: it changed while it was read.
    pub fn forget_file(&mut self) -> Result<()> {
        self.grown = self.grown_before_file;
        self.run("ROLLBACK TO file", [])?;
        self.keep_file()
    }

    /// True if a lead of this sync has the key of one of the sync `other`.
    pub fn shares_keys_with(&self, other: &str) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM lead mine JOIN lead theirs ON theirs.key = mine.key
                                   WHERE mine.sync = ?1 AND theirs.sync = (SELECT id FROM sync WHERE name = ?2))";
        self.number(sql, params![self.sync, other]).map(|found| found == 1)
    }

    /// Makes the pass count.
    pub fn commit(self) -> Result<()> {
        self.run("UPDATE sync SET leads = leads + ?2 WHERE id = ?1", params![self.sync, self.grown])?;
        let path = self.ledger_path;
        self.tx.commit().map_err(|error| Error::from_sqlite(path, &error))
    }

    /// Undoes the pass.
    pub fn abandon(self) -> Result<()> {
        let path = self.ledger_path;
        self.tx.rollback().map_err(|error| Error::from_sqlite(path, &error))
    }

    pub(super) fn run(&self, sql: &str, values: impl rusqlite::Params) -> Result<()> {
        let mut statement = self.tx.prepare_cached(sql).map_err(|error| self.error(&error))?;
        statement.execute(values).map(drop).map_err(|error| self.error(&error))
    }

    fn number(&self, sql: &str, values: impl rusqlite::Params) -> Result<i64> {
        let mut statement = self.tx.prepare_cached(sql).map_err(|error| self.error(&error))?;
        statement.query_row(values, |row| row.get(0)).map_err(|error| self.error(&error))
    }

    pub(super) fn error(&self, error: &rusqlite::Error) -> Error {
        Error::from_sqlite(self.ledger_path, error)
    }
}

/// SQLite's integers are signed; no file has 2⁶³ lines.
pub(super) fn signed(line: u64) -> i64 {
    i64::try_from(line).unwrap_or(i64::MAX)
}
