//! Rejected rows, for the rejects file, and what a corrected row changes.
//!
//! # When a correction counts
//! A corrected row becomes the content of a lead, but the export still holds the wrong row, and the next run reads it again. So the ledger
//! remembers the fingerprints of the wrong row as *superseded* by that lead: of the row as the mapping reads it, as for any lead, and of its
//! original bytes, which alone tell apart rows that cannot be mapped (and find the row again when the mapping reads other columns). A run that
//! reads a superseded row counts it as unchanged and reports nothing. Once the row under the lead's key is another one, what is remembered for
//! that lead goes: the new row counts as any changed row does, and so does the old one if it comes back.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Admission, Error, Ledger, Result, queue};
use crate::domain::delivery::Post;
use crate::domain::record::Layout;

/// A file or database that rejected rows came from, and one of the layouts that they are written in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectOrigin {
    /// Its number.
    pub id: i64,
    /// As configured.
    pub path: String,
    /// How these rows of it are written.
    pub layout: Layout,
    /// The number of that layout; `None`: it is the one that the origin has now.
    pub kept_as: Option<i64>,
    /// Rows of it that are rejected and written so.
    pub rejects: u64,
}

/// How a rejected row is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// As a lead of this number, refused by the mapping or by the API.
    Lead(i64),
    /// In quarantine under this number.
    Quarantined(i64),
}

/// A rejected row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// How it is kept.
    pub kept: Kept,
    /// The number of its origin.
    pub origin: i64,
    /// The line it was read in.
    pub line: u64,
    /// Its key; may be empty.
    pub key: String,
    /// Why it is rejected.
    pub reason: String,
    /// The original row.
    pub record: Vec<u8>,
    /// The number of its layout; `None`: its origin's present one.
    pub layout: Option<i64>,
}

const OF_SYNC: &str = "
    SELECT 1, l.id, l.origin, l.line, l.key, coalesce(l.reason, ''), c.record, c.layout
      FROM sync s JOIN lead l ON l.sync = s.id JOIN content c ON c.lead = l.id
     WHERE s.name = ?1 AND l.state = 'rejected' AND l.state <> 'delivered' AND (?2 IS NULL OR l.origin = ?2)
    UNION ALL
    SELECT 0, q.id, q.origin, q.line, q.key, q.reason, q.record, q.layout
      FROM sync s JOIN quarantine q ON q.sync = s.id WHERE s.name = ?1 AND (?2 IS NULL OR q.origin = ?2)
    ORDER BY 3, 4, 1, 2";

impl Ledger {
    /// The origins of `sync` that have rejected rows, by path; one with rows of several layouts several times, the earliest first.
    pub fn reject_origins(&self, sync: &str) -> Result<Vec<RejectOrigin>> {
        let sql = format!(
            "SELECT o.id, o.path, coalesce(y.json, o.layout), count(*), y.id
               FROM ({OF_SYNC}) r JOIN origin o ON o.id = r.origin LEFT JOIN layout y ON y.id = r.layout
              GROUP BY o.id, y.id ORDER BY o.path, y.id IS NULL, y.id"
        );
        let read = || -> rusqlite::Result<Vec<RejectOrigin>> {
            let mut statement = self.db.prepare(&sql)?;
            let rows = statement.query_map(params![sync, None::<i64>], |row| {
                Ok(RejectOrigin {
                    id: row.get(0)?,
                    path: row.get(1)?,
                    layout: layout(&row.get::<_, String>(2)?)?,
                    kept_as: row.get(4)?,
                    rejects: row.get::<_, i64>(3)?.unsigned_abs(),
                })
            })?;
            rows.collect()
        };
        read().map_err(|error| self.error(&error))
    }

    /// Calls `each` with every rejected row of `sync`, or of one of its origins, in the order of origins and lines.
    pub fn each_reject<E: From<Error>>(
        &self,
        sync: &str,
        origin: Option<i64>,
        each: impl FnMut(Reject) -> Result<(), E>,
    ) -> Result<(), E> {
        each_reject(&self.db, |error| self.error(&error), sync, origin, each)
    }

    /// The key of the rejected lead whose row came from `origin` (`path:line`, as the view `leads` shows it).
    pub fn rejected_lead_at(&self, origin: &str) -> Result<Option<String>> {
        let sql = "SELECT l.key FROM lead l JOIN origin o ON o.id = l.origin
                    WHERE l.state = 'rejected' AND l.state <> 'delivered' AND o.path || ':' || l.line = ?1 LIMIT 1";
        let read = self.db.query_row(sql, [origin], |row| row.get(0)).optional();
        read.map_err(|error| self.error(&error))
    }

    /// The names of the syncs that have rejected rows.
    pub fn syncs_with_rejects(&self) -> Result<Vec<String>> {
        let sql = "SELECT s.name FROM sync s
                    WHERE EXISTS (SELECT 1 FROM quarantine q WHERE q.sync = s.id)
                       OR EXISTS (SELECT 1 FROM lead l WHERE l.sync = s.id AND l.state = 'rejected' AND l.state <> 'delivered')
                    ORDER BY s.name";
        let read =
            || -> rusqlite::Result<Vec<String>> { self.db.prepare(sql)?.query_map([], |row| row.get(0))?.collect() };
        read().map_err(|error| self.error(&error))
    }
}

fn each_reject<E: From<Error>>(
    db: &Connection,
    meaning: impl Fn(rusqlite::Error) -> Error,
    sync: &str,
    origin: Option<i64>,
    mut each: impl FnMut(Reject) -> Result<(), E>,
) -> Result<(), E> {
    let mut statement = db.prepare(OF_SYNC).map_err(&meaning)?;
    let mut rows = statement.query(params![sync, origin]).map_err(&meaning)?;
    while let Some(row) = rows.next().map_err(&meaning)? {
        each(reject(row).map_err(&meaning)?)?;
    }
    Ok(())
}

/// A layout as the ledger keeps it.
pub(super) fn layout(json: &str) -> rusqlite::Result<Layout> {
    serde_json::from_str(json).map_err(|_| rusqlite::Error::InvalidQuery)
}

fn reject(row: &rusqlite::Row<'_>) -> rusqlite::Result<Reject> {
    let number = row.get(1)?;
    Ok(Reject {
        kept: if row.get(0)? { Kept::Lead(number) } else { Kept::Quarantined(number) },
        origin: row.get(2)?,
        line: row.get::<_, i64>(3)?.unsigned_abs(),
        key: row.get(4)?,
        reason: row.get(5)?,
        record: row.get(6)?,
        layout: row.get(7)?,
    })
}

impl Admission<'_> {
    /// Calls `each` with the fingerprint of every superseded row of this sync, and whether its person was forgotten.
    pub fn each_superseded(&self, mut each: impl FnMut([u8; 16], bool)) -> Result<()> {
        let sql = "SELECT fingerprint, lead IS NULL FROM superseded WHERE sync = ?1";
        let mut statement = self.tx.prepare(sql).map_err(|error| self.error(&error))?;
        let mut rows = statement.query([self.sync]).map_err(|error| self.error(&error))?;
        while let Some(row) = rows.next().map_err(|error| self.error(&error))? {
            let fingerprint = row.get(0).map_err(|error| self.error(&error))?;
            each(fingerprint, row.get(1).map_err(|error| self.error(&error))?);
        }
        Ok(())
    }

    /// Calls `each` with the digest of every forgotten key of this sync.
    pub fn each_forgotten(&self, mut each: impl FnMut([u8; 16])) -> Result<()> {
        let sql = "SELECT digest FROM forgotten WHERE sync = ?1";
        let mut statement = self.tx.prepare(sql).map_err(|error| self.error(&error))?;
        let mut rows = statement.query([self.sync]).map_err(|error| self.error(&error))?;
        while let Some(row) = rows.next().map_err(|error| self.error(&error))? {
            each(row.get(0).map_err(|error| self.error(&error))?);
        }
        Ok(())
    }

    /// True if the person with this key (hashed) was forgotten.
    pub fn is_forgotten(&self, digest: &[u8; 16]) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM forgotten WHERE sync = ?1 AND digest = ?2)";
        let found = self.tx.query_row(sql, params![self.sync, digest.as_slice()], |row| row.get(0));
        found.map_err(|error| self.error(&error))
    }

    /// While the export holds a row of this fingerprint, the lead's corrected row counts.
    pub fn supersede(&self, fingerprint: &[u8; 16], lead: i64) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO superseded (sync, fingerprint, lead) VALUES (?1, ?2, ?3)";
        self.run(sql, params![self.sync, fingerprint.as_slice(), lead])
    }

    /// The export's row is another one now: the lead's correction no longer counts.
    pub fn end_correction(&self, lead: i64) -> Result<()> {
        self.run("DELETE FROM superseded WHERE lead = ?1", [lead])
    }

    /// The rejected row is settled by a corrected one, of which `lead` was made: it leaves the quarantine. A lead of another key goes, too,
    /// unless it may have been sent, or is again what was delivered of it before.
    pub fn replace_reject(&mut self, kept: Kept, lead: i64) -> Result<()> {
        match kept {
            Kept::Quarantined(row) => self.run("DELETE FROM quarantine WHERE id = ?1", [row]),
            Kept::Lead(old) if old == lead => Ok(()),
            Kept::Lead(old) => {
                let sql =
                    "SELECT possibly_sent, EXISTS (SELECT 1 FROM earlier WHERE lead = ?1) FROM lead WHERE id = ?1";
                let read = self.tx.query_row(sql, [old], |row| Ok((row.get(0)?, row.get(1)?)));
                match read.map_err(|error| self.error(&error))? {
                    (true, _) => Ok(()),
                    (false, true) => self.restore(old, "its change was corrected to another key").map(drop),
                    (false, false) => self.withdraw(old),
                }
            }
        }
    }

    /// Adds an act of a person to a lead's history.
    pub fn note(&self, lead: i64, kind: &'static str, reason: String) -> Result<()> {
        let act = Post { kind, charged: false, http_status: None, reason, at: self.now, took_ms: 0 };
        queue::record(&self.tx, lead, None, &act).map_err(|error| self.error(&error))
    }

    /// All rejected rows of the sync, as [`Ledger::each_reject`].
    pub fn each_reject<E: From<Error>>(&self, sync: &str, each: impl FnMut(Reject) -> Result<(), E>) -> Result<(), E> {
        each_reject(&self.tx, |error| self.error(&error), sync, None, each)
    }
}
