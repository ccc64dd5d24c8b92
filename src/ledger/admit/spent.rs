//! Versions of leads that are not in the ledger any more. A version is part of the idempotency key, which no two contents may share.

use rusqlite::{OptionalExtension, params};

use super::Admission;
use crate::ledger::Result;

impl Admission<'_> {
    /// Keeps the version of a lead that is about to be taken out, if a request has gone out under it. `digest` stands for its key.
    pub fn keep_version(&self, lead: i64, digest: &[u8; 16]) -> Result<()> {
        let sql = "INSERT INTO spent (sync, digest, version)
                   SELECT sync, ?2, version FROM lead
                    WHERE id = ?1 AND (tries > 0 OR version > 1 OR EXISTS (SELECT 1 FROM failure WHERE lead = ?1))
                   ON CONFLICT (sync, digest) DO UPDATE SET version = max(version, excluded.version)";
        self.run(sql, params![lead, digest.as_slice()])
    }

    /// The version that was kept of a key.
    pub fn spent(&self, digest: &[u8; 16]) -> Result<Option<u32>> {
        let sql = "SELECT version FROM spent WHERE sync = ?1 AND digest = ?2";
        let found = self.tx.query_row(sql, params![self.sync, digest.as_slice()], |row| row.get(0)).optional();
        found.map_err(|error| self.error(&error))
    }

    /// The versions that were kept, with what stands for their keys.
    pub fn each_spent(&self, mut each: impl FnMut([u8; 16], u32)) -> Result<()> {
        let mut read = || -> rusqlite::Result<()> {
            let mut statement = self.tx.prepare_cached("SELECT digest, version FROM spent WHERE sync = ?1")?;
            let mut rows = statement.query([self.sync])?;
            while let Some(row) = rows.next()? {
                each(row.get(0)?, row.get(1)?);
            }
            Ok(())
        };
        read().map_err(|error| self.error(&error))
    }

    /// The content of the lead that has just been added comes after the version `last`.
    pub fn go_on_after(&self, key: &str, digest: &[u8; 16], last: u32) -> Result<()> {
        let sql = "UPDATE lead SET version = ?3 + 1 WHERE sync = ?1 AND key = ?2";
        self.run(sql, params![self.sync, key, last])?;
        self.run("DELETE FROM spent WHERE sync = ?1 AND digest = ?2", params![self.sync, digest.as_slice()])
    }
}
