//! The mark: a file beside the ledger that is not put back with it, so that an older ledger is known for what it is.
//!
//! A ledger restored from a copy does not know what was sent after the copy was made, and would send it again. So a ledger counts the runs
//! that were about to send (`mark` in its table `meta`), and `LEDGER.mark` beside it, which no backup copies, holds how far that count has come
//! here. A ledger whose count is below the file's is older than what was sent.
//!
//! Before the first claim of a run that has something to send the ledger counts, durably; then the file is replaced, durably. So, whatever
//! dies where:
//!
//! | the run dies | ledger | file | |
//! |---|---|---|---|
//! | before the ledger's commit | n | n | nothing was sent |
//! | before the rename of the new file | n+1 | n | nothing was sent; the ledger is ahead, which is no offence |
//! | before the folder is synced, and the power fails | n+1 | n or n+1 | the same |
//! | later | n+1 | n+1 | leads may have been sent; a copy from before has n at most |
//!
//! The ledger that sent last is never behind the file, also while another process writes both: hence the file is read first. A disk that loses
//! a commit it has called durable leaves the ledger behind, and rightly so.
//!
//! The number of the run does not do as a count: runs that send nothing, such as a baseline, would carry a ledger that was put back past it. And
//! a run that has nothing to send does not count: a backup from before it is as good as the ledger.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};
use serde::{Deserialize, Serialize};

use super::files::{file_error, sync_folder};
use super::identity::resolve;
use super::lease::holder;
use super::{Error, Ledger, Result};
use crate::aside::{self, Aside};
use crate::domain::time::Timestamp;

/// Whether a ledger may be used that is older than what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OlderLedger {
    /// It is an error.
    Unconfirmed,
    /// The operator said `--older-ledger`.
    Confirmed,
}

/// Leads that are sent by themselves or by `retry`. `state <> 'delivered'` lets SQLite use the index of open leads.
const OPEN: &str = "WHERE state IN ('pending', 'waiting', 'sending', 'failed') AND state <> 'delivered'";

/// Why a lead is held that was open in an older ledger.
const OPEN_THEN: &str =
    "it was still to be sent when this copy of the ledger was made, and may have been delivered since";

/// What the file holds, as JSON. A later release may add to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// Which ledger: the hash of its key, in hexadecimal, as the ledger itself has it under `key_check`.
    ledger: String,
    /// Runs that were about to send, up to and with this one.
    sendings: u64,
    /// The number of this one, for people.
    run: i64,
    /// When it began: milliseconds since 1970-01-01T00:00:00Z, for people.
    begun_at: i64,
}

/// What the ledger holds: two numbers of 8 bytes, the most significant first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Count {
    /// Runs that were about to send.
    sendings: u64,
    /// The last of them.
    run: i64,
}

impl Count {
    fn read(db: &Connection) -> rusqlite::Result<Self> {
        let sql = "SELECT substr(value, 1, 8), substr(value, 9, 8) FROM meta WHERE name = 'mark'";
        let halves = db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let number = |(sendings, run)| Self { sendings: u64::from_be_bytes(sendings), run: i64::from_be_bytes(run) };
        Ok(halves.map_or_else(Self::default, number))
    }

    fn write(self, db: &Connection) -> rusqlite::Result<()> {
        let value = [self.sendings.to_be_bytes(), self.run.to_be_bytes()].concat();
        let sql = "INSERT INTO meta (name, value) VALUES ('mark', ?1) ON CONFLICT (name) DO UPDATE SET value = ?1";
        db.execute(sql, [value]).map(drop)
    }
}

/// The mark's file: the whole name of the ledger and `.mark`, beside the ledger, which a link may lead to. Two ledgers whose names differ in
/// the ending only share a key, but no mark.
pub fn mark_path(ledger: &Path) -> PathBuf {
    let mut name = resolve(ledger).into_os_string();
    name.push(".mark");
    name.into()
}

impl Ledger {
    /// Refuses a ledger that is older than what was sent from here ([`Error::Older`]), and a mark that cannot tell ([`Error::DamagedMark`]): it
    /// is replaced as a whole, so that no crash damages it, and where a disk does, a backup is likely to be put back.
    ///
    /// No mark is fine: the ledger is of an earlier release, was moved here, or has never sent. So is the mark of a ledger with another key,
    /// which was here before: this one's takes its place.
    pub fn refuse_older(&self) -> Result<()> {
        let Some(mark) = self.own_mark()? else { return Ok(()) };
        if self.sendings()? < mark.sendings {
            return Err(Error::Older { path: self.path.clone(), run: mark.run, begun_at: Timestamp(mark.begun_at) });
        }
        Ok(())
    }

    /// Counts a run that is about to send, here and in the mark. The caller holds the lease, and claims nothing before this.
    pub fn mark(&self, run: i64, begun_at: Timestamp) -> Result<()> {
        let marked = match self.own_mark() {
            // Confirmed by now, as is a ledger that is behind.
            Err(Error::DamagedMark { .. }) => None,
            read => read?,
        };
        let before = self.sendings()?.max(marked.map_or(0, |mark| mark.sendings));
        let sendings = before.saturating_add(1);
        Count { sendings, run }.write(&self.db).map_err(|error| self.error(&error))?;
        let mark = Mark { ledger: self.key_hash(), sendings, run, begun_at: begun_at.0 };
        replace(&mark_path(&self.path), &mark)
    }

    /// Takes this ledger for the one that sent last, as the operator has confirmed. It takes over the count, so that every copy from before is
    /// older from the next sending on, also the ledger in whose place this one was put.
    pub fn take_for_latest(&self) -> Result<()> {
        let path = mark_path(&self.path);
        let mark = match self.own_mark() {
            Err(Error::DamagedMark { .. }) => {
                return fs::remove_file(&path).map_err(file_error("cannot delete", &path));
            }
            read => read?,
        };
        let Some(mark) = mark else { return Ok(()) };
        self.catch_up(&mark).map_err(|error| self.error(&error))
    }

    /// In one transaction: a baseline, which holds no lease, must not set back what a run counts at the same moment.
    fn catch_up(&self, mark: &Mark) -> rusqlite::Result<()> {
        let tx = Transaction::new_unchecked(&self.db, TransactionBehavior::Immediate)?;
        let count = Count::read(&tx)?;
        if count.sendings < mark.sendings {
            Count { sendings: mark.sendings, ..count }.write(&tx)?;
        }
        tx.commit()
    }

    /// Holds what is still to be sent, of whichever sync, for a person to resolve: in a ledger that is older than what was sent, it may have been
    /// delivered since. Returns how many leads that were, by sync. What is `sending` was so when the copy was made: nobody sends from a ledger
    /// that is older, and one that a run has made the latest meanwhile is left alone.
    pub fn hold_open(&mut self, run: i64, now: Timestamp) -> Result<BTreeMap<i64, u64>> {
        let path = self.path.clone();
        let mark = self.own_mark().unwrap_or_default();
        let tx = self.write()?;
        let change = || {
            let count = Count::read(&tx)?;
            if mark.is_some_and(|mark| count.sendings >= mark.sendings) {
                return Ok(BTreeMap::new());
            }
            let told = format!(
                "INSERT INTO failure (lead, run, attempt, at, kind, reason) SELECT id, ?1, attempts, ?2, 'in_doubt', ?3 FROM lead {OPEN}"
            );
            tx.execute(&told, params![run, now.0, OPEN_THEN])?;
            let counted = format!("SELECT sync, count(*) FROM lead {OPEN} GROUP BY sync");
            let held = tx
                .prepare(&counted)?
                .query_map([], |row| Ok((row.get(0)?, row.get::<_, u32>(1)?.into())))?
                .collect::<rusqlite::Result<BTreeMap<i64, u64>>>()?;
            let changed = format!(
                "UPDATE lead SET state = 'held', next_at = NULL, possibly_sent = 1, since = since + ?1 - updated_at, updated_at = ?1,
                        http_status = NULL, reason = ?2 {OPEN}"
            );
            tx.execute(&changed, params![now.0, OPEN_THEN])?;
            Ok(held)
        };
        let held = change().map_err(|error| Error::from_sqlite(&path, &error))?;
        tx.commit().map_err(|error| Error::from_sqlite(&path, &error))?;
        Ok(held)
    }

    /// Nothing was ever recorded here.
    pub fn is_blank(&self) -> Result<bool> {
        let sql = "SELECT NOT EXISTS (SELECT 1 FROM run) AND NOT EXISTS (SELECT 1 FROM lead)";
        self.db.query_row(sql, [], |row| row.get(0)).map_err(|error| self.error(&error))
    }

    /// The last run that was about to send, if it was cut off: its process is dead, and it sends nothing more. Who sends has the lease, so that
    /// a run that is unfinished before nobody has it is dead, or finished since.
    pub(super) fn run_cut_off(&self) -> Result<Option<i64>> {
        let find = || {
            let run = Count::read(&self.db)?.run;
            Ok(is_unfinished(&self.db, run)?.then_some(run))
        };
        let unfinished = find().map_err(|error| self.error(&error))?;
        Ok(unfinished.filter(|_| holder(&self.path).is_none()))
    }

    fn sendings(&self) -> Result<u64> {
        Count::read(&self.db).map(|count| count.sendings).map_err(|error| self.error(&error))
    }

    /// The mark, if it is of this ledger.
    fn own_mark(&self) -> Result<Option<Mark>> {
        Ok(read(&mark_path(&self.path))?.filter(|mark| mark.ledger == self.key_hash()))
    }

    fn key_hash(&self) -> String {
        blake3::hash(&self.key()).to_hex().to_string()
    }
}

/// Makes a copy of a ledger one from before the run that is under way in it: it does not know what that run sends from now on. `cut_off` is a
/// run that looks as if it were under way and is not.
pub(super) fn leave_out_run_under_way(copy: &Path, cut_off: Option<i64>) -> rusqlite::Result<()> {
    let db = Connection::open_with_flags(copy, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // Nothing is left beside the copy if we die; it has no name yet.
    db.pragma_update(None, "journal_mode", "MEMORY")?;
    let count = Count::read(&db)?;
    if is_unfinished(&db, count.run)? && cut_off != Some(count.run) {
        let sendings = count.sendings.saturating_sub(1);
        Count { sendings, ..count }.write(&db)?;
    }
    Ok(())
}

fn is_unfinished(db: &Connection, run: i64) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM run WHERE id = ?1 AND finished_at IS NULL)";
    db.query_row(sql, [run], |row| row.get(0))
}

fn read(path: &Path) -> Result<Option<Mark>> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(file_error("cannot read", path)(error)),
    };
    serde_json::from_slice(&text).map(Some).map_err(|_| Error::DamagedMark { path: path.into() })
}

/// Puts the mark in place of the one before, durable. The caller holds the lease, so that what is unfinished of this name belongs to nobody.
fn replace(path: &Path, mark: &Mark) -> Result<()> {
    let failed = |error| file_error("cannot write", path)(error);
    aside::delete_unfinished_of(path).map_err(failed)?;
    let mut aside = Aside::beside(path).map_err(failed)?;
    let text = serde_json::to_vec(mark).map_err(|error| failed(error.into()))?;
    aside.write_all(&text).map_err(failed)?;
    aside.replace(path).map_err(failed)?;
    sync_folder(path)
}

#[cfg(test)]
#[path = "mark_tests.rs"]
mod tests;
