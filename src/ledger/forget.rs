//! Erases a person.
//!
//! What stays is a keyed hash of sync and key, so that the next export does not bring the person back, and the fingerprints of their rows in
//! quarantine, for the same reason. Neither can be turned back into a value without the key file.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::open::BUSY;
use super::person::{Subject, syncs, taken_in_by};
use super::{Error, Ledger, Result};
use crate::domain::delivery::State;
use crate::domain::fingerprint::Fingerprinter;
use crate::domain::time::Timestamp;

/// How long a reader that holds back the write-ahead log is waited for.
const READER: Duration = Duration::from_secs(3);

/// One sync's part in a person's erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// The sync.
    pub sync: String,
    /// The API's ids of the lead, for the request to the recipient: that of its content now, and those of contents before.
    pub remote_ids: Vec<String>,
    /// A content of the lead may have reached the API of which no id is known.
    pub without_id: bool,
}

/// What [`Ledger::forget`] did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Forgotten {
    /// The leads that were erased, by sync.
    pub leads: Vec<Erased>,
    /// Rows in quarantine with this key.
    pub quarantined: usize,
    /// Rows of others in quarantine that had taken one of the person's in; they come back if the export still holds them.
    pub of_others: usize,
    /// Hashes of the key of a lead that was taken out ([`crate::ledger::Admission::keep_version`]).
    pub traces: usize,
    /// The syncs whose next exports are read without the person.
    pub kept_out_of: Vec<String>,
    /// Why the ledger's files still hold traces of what was erased; `None`: they do not.
    pub unwiped: Option<String>,
}

impl Ledger {
    /// The leads with this key that are being sent: they cannot be forgotten now. By sync.
    pub fn being_sent(&self, key: &str, sync: Option<&str>) -> Result<Vec<String>> {
        let sql = "SELECT s.name FROM sync s JOIN lead l ON l.sync = s.id
                    WHERE l.key = ?1 AND l.state = 'sending' AND (?2 IS NULL OR s.name = ?2)";
        let read = || -> rusqlite::Result<Vec<String>> {
            self.db.prepare(sql)?.query_map(params![key, sync], |row| row.get(0))?.collect()
        };
        read().map_err(|error| self.error(&error))
    }

    /// Erases everything that is held on a person, and keeps the person out of every sync asked for, also of those that hold nothing yet, in one
    /// transaction; leads that are being sent are left, and so is everything of their sync. `None`: nothing is held or was erased before, so
    /// that the key may be a slip, and nothing is written down. Files that nothing is of any more go as in [`Ledger::drop_origins`].
    pub fn forget(
        &mut self,
        subject: &Subject<'_>,
        now: Timestamp,
        is_there: impl Fn(&str, &str) -> bool,
    ) -> Result<Option<Forgotten>> {
        let (path, secret) = (self.path.clone(), self.key());
        let error = |error: rusqlite::Error| Error::from_sqlite(&path, &error);
        let was_forgotten = !self.forgotten(subject.key, subject.sync)?.is_empty();
        let tx = self.write()?;
        let mut forgotten = Forgotten::default();
        let mut syncs = syncs(&tx, subject.sync).map_err(error)?;
        for (id, name) in std::mem::take(&mut syncs) {
            forgotten.traces += delete_trace(&tx, id, &trace(&secret, &name, subject.key)).map_err(error)?;
            if forget_in(&tx, (id, &name), subject, &mut forgotten).map_err(error)? {
                syncs.push((id, name));
            }
        }
        if forgotten == Forgotten::default() && !was_forgotten {
            return Ok(None);
        }
        for (id, name) in syncs {
            let digest = Fingerprinter::new(&secret, &name).tombstone(subject.key).0;
            let sql = "INSERT OR REPLACE INTO forgotten (sync, digest, at) VALUES (?1, ?2, ?3)";
            tx.execute(sql, params![id, digest.as_slice(), now.0]).map_err(error)?;
            forgotten.kept_out_of.push(name);
        }
        tx.commit().map_err(error)?;
        // What is told once, the recipient's id, must not be lost to a full disk.
        forgotten.unwiped = Self::unwiped(self.drop_origins(is_there).and_then(|_| self.wipe()));
        Ok(Some(forgotten))
    }

    /// Whether a lead of this key was taken out after it had been sent: only a hash of the key is left of it.
    pub fn has_trace(&self, key: &str, sync: Option<&str>) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM spent WHERE sync = ?1 AND digest = ?2)";
        let is_left = |(id, name): &(i64, String)| {
            self.db.query_row(sql, params![id, trace(&self.key(), name, key).as_slice()], |row| row.get(0))
        };
        let read = || syncs(&self.db, sync)?.iter().map(is_left).collect::<rusqlite::Result<Vec<bool>>>();
        read().map(|left| left.contains(&true)).map_err(|error| self.error(&error))
    }

    /// When the person with this key was forgotten, by sync.
    pub fn forgotten(&self, key: &str, sync: Option<&str>) -> Result<Vec<(String, Timestamp)>> {
        let read = || -> rusqlite::Result<Vec<(String, Timestamp)>> {
            let mut found = Vec::new();
            for (id, name) in syncs(&self.db, sync)? {
                let digest = Fingerprinter::new(&self.key(), &name).tombstone(key).0;
                let sql = "SELECT at FROM forgotten WHERE sync = ?1 AND digest = ?2";
                let at = self.db.query_row(sql, params![id, digest.as_slice()], |row| row.get(0)).optional()?;
                found.extend(at.map(|at| (name, Timestamp(at))));
            }
            Ok(found)
        };
        read().map_err(|error| self.error(&error))
    }

    /// Rewrites the file without what was deleted and empties the write-ahead log; false if a reader was in the way. `secure_delete` overwrites
    /// what is deleted, but not the copies that SQLite leaves behind where it moves rows between pages: of 8,000 keys deleted from a ledger of
    /// 20,000 leads, 70 were still in the file.
    ///
    /// `VACUUM` copies the ledger to a temporary file of SQLite's, mode 0600 and without a name, in `$SQLITE_TMPDIR`, `$TMPDIR` or `/var/tmp`
    /// (<https://sqlite.org/tempfiles.html>). `temp_store = MEMORY` would hold a whole ledger in memory.
    pub fn wipe(&self) -> Result<bool> {
        self.db.execute_batch("VACUUM").map_err(|error| match self.error(&error) {
            // It writes to the log, too, which is still as long as it became; the temporary file is gone by now.
            Error::Full { path } if self.check_space().is_ok() => Error::temporary(path),
            other => other,
        })?;
        self.db.busy_timeout(READER).map_err(|error| self.error(&error))?;
        let blocked = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        self.db.busy_timeout(BUSY).map_err(|error| self.error(&error))?;
        Ok(blocked.map_err(|error| self.error(&error))? == 0)
    }

    /// What [`Self::wipe`] came to, for those who have erased something before: why the files still hold traces of it. `None`: they do not.
    fn unwiped(wiped: Result<bool>) -> Option<String> {
        match wiped {
            Ok(true) => None,
            Ok(false) => Some("another process was reading the ledger".to_owned()),
            Err(error) => Some(error.to_string()),
        }
    }
}

/// What is left of the key of a lead that was taken out.
fn trace(secret: &[u8; 32], sync: &str, key: &str) -> [u8; 16] {
    Fingerprinter::new(secret, sync).raw(key.as_bytes()).0
}

fn delete_trace(db: &Connection, sync: i64, trace: &[u8; 16]) -> rusqlite::Result<usize> {
    db.execute("DELETE FROM spent WHERE sync = ?1 AND digest = ?2", params![sync, trace.as_slice()])
}

/// Erases what is held in one sync; false, and nothing is touched, if the lead is being sent.
fn forget_in(
    db: &Connection,
    (sync, name): (i64, &str),
    subject: &Subject<'_>,
    forgotten: &mut Forgotten,
) -> rusqlite::Result<bool> {
    let key = subject.key;
    let sql = "SELECT id, state, possibly_sent, remote_id FROM lead WHERE sync = ?1 AND key = ?2";
    let found: Option<(i64, String, bool, Option<String>)> = db
        .query_row(sql, params![sync, key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .optional()?;
    let quarantined = quarantine_of(db, sync, key)?;
    if found.as_ref().is_some_and(|(_, state, ..)| state == State::Sending.as_str()) {
        return Ok(false);
    }
    if let Some((lead, state, possibly_sent, remote_id)) = found {
        let at_recipient = possibly_sent || state == State::Delivered.as_str() || state == State::Held.as_str();
        let mut ids = earlier_ids(db, lead)?;
        if at_recipient || remote_id.is_some() {
            ids.push(remote_id);
        }
        let without_id = ids.iter().any(Option::is_none);
        erase_lead(db, sync, lead)?;
        forgotten.leads.push(Erased {
            sync: name.to_owned(),
            remote_ids: ids.into_iter().flatten().collect(),
            without_id,
        });
    }
    for (row, fingerprint) in &quarantined {
        let sql = "INSERT OR REPLACE INTO superseded (sync, fingerprint, lead) VALUES (?1, ?2, NULL)";
        db.execute(sql, params![sync, fingerprint])?;
        db.execute("DELETE FROM quarantine WHERE id = ?1", [row])?;
    }
    forgotten.quarantined += quarantined.len();
    for row in taken_in_by(db, (sync, name), subject)? {
        forgotten.of_others += db.execute("DELETE FROM quarantine WHERE id = ?1", [row])?;
    }
    Ok(true)
}

/// The API's ids of contents that were delivered before the present one.
fn earlier_ids(db: &Connection, lead: i64) -> rusqlite::Result<Vec<Option<String>>> {
    let mut statement = db.prepare("SELECT remote_id FROM earlier WHERE lead = ?1 ORDER BY version")?;
    statement.query_map([lead], |row| row.get(0))?.collect()
}

fn erase_lead(db: &Connection, sync: i64, lead: i64) -> rusqlite::Result<()> {
    // A row that this lead corrected is the person's, too: it is not taken in any more, but belongs to nobody.
    db.execute("UPDATE superseded SET lead = NULL WHERE lead = ?1", [lead])?;
    db.execute("DELETE FROM content WHERE lead = ?1", [lead])?;
    db.execute("DELETE FROM failure WHERE lead = ?1", [lead])?;
    db.execute("DELETE FROM earlier WHERE lead = ?1", [lead])?;
    db.execute("DELETE FROM lead WHERE id = ?1", [lead])?;
    db.execute("UPDATE sync SET leads = leads - 1 WHERE id = ?1", [sync]).map(drop)
}

fn quarantine_of(db: &Connection, sync: i64, key: &str) -> rusqlite::Result<Vec<(i64, Vec<u8>)>> {
    let mut statement =
        db.prepare("SELECT id, fingerprint FROM quarantine WHERE sync = ?1 AND key = ?2 AND key <> ''")?;
    statement.query_map(params![sync, key], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

#[cfg(test)]
mod tests;
