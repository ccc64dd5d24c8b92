//! Rows that never became a lead, and rows that must not change the lead they belong to.

use rusqlite::params;

use super::admit::signed;
use super::{Admission, Place, Result};

impl Admission<'_> {
    /// Calls `each` with fingerprint and key of every row that is in quarantine before this pass.
    pub fn each_quarantined(&self, mut each: impl FnMut([u8; 16], String)) -> Result<()> {
        let sql = "SELECT fingerprint, key FROM quarantine WHERE sync = ?1";
        let mut statement = self.tx.prepare_cached(sql).map_err(|error| self.error(&error))?;
        let mut rows = statement.query([self.sync]).map_err(|error| self.error(&error))?;
        while let Some(row) = rows.next().map_err(|error| self.error(&error))? {
            let key = row.get(1).map_err(|error| self.error(&error))?;
            each(row.get(0).map_err(|error| self.error(&error))?, key);
        }
        Ok(())
    }

    /// Empties the quarantine of a file that is read again: its bad rows are about to be listed anew.
    pub fn clear_quarantine(&self, origin: i64) -> Result<()> {
        self.run("DELETE FROM quarantine WHERE origin = ?1", [origin])
    }

    /// A good row came for this key: bad ones that claimed it, in other origins or in rows that are not read again (`also_here`), are mended.
    /// Not those that this pass has listed: they are of a file that counts before this row's.
    pub fn mend(&self, key: &str, origin: i64, also_here: bool) -> Result<()> {
        let sql =
            "DELETE FROM quarantine WHERE sync = ?1 AND key = ?2 AND key <> '' AND (origin <> ?3 OR ?4) AND run <> ?5";
        self.run(sql, params![self.sync, key, origin, also_here, self.run])
    }

    /// The same row as in a pass before, which stays listed, as of this pass. False if it is not listed any more.
    pub fn quarantine_again(&self, key: &str, fingerprint: &[u8; 16], place: Place) -> Result<bool> {
        let sql = "UPDATE quarantine SET origin = ?5, line = ?6, run = ?4, layout = NULL
                    WHERE id = (SELECT id FROM quarantine WHERE sync = ?1 AND key = ?2 AND fingerprint = ?3 AND run <> ?4 LIMIT 1)";
        let mut statement = self.tx.prepare_cached(sql).map_err(|error| self.error(&error))?;
        let values = params![self.sync, key, fingerprint.as_slice(), self.run, place.origin, signed(place.line)];
        Ok(statement.execute(values).map_err(|error| self.error(&error))? == 1)
    }

    /// Keeps a row that cannot become a lead, or must not change one.
    pub fn quarantine(
        &self,
        key: &str,
        fingerprint: &[u8; 16],
        place: Place,
        record: &[u8],
        reason: &str,
    ) -> Result<()> {
        let sql = "INSERT INTO quarantine (sync, origin, line, key, fingerprint, record, reason, run, updated_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let place_line = signed(place.line);
        let values = params![
            self.sync,
            place.origin,
            place_line,
            key,
            fingerprint.as_slice(),
            record,
            reason,
            self.run,
            self.now.0
        ];
        self.run(sql, values)
    }
}
