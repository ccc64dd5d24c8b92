//! Rows that never became a lead, and rows that must not change the lead they belong to.

use rusqlite::{Connection, params};

use super::admit::signed;
use super::{Admission, Error, Ledger, Place, Result};

/// A row in quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Its number; a row that is listed anew has another one.
    id: i64,
    /// The name of its sync.
    pub sync: String,
    /// What it claims to be the key; may be empty, or the key of a good row.
    pub key: String,
    /// Why it is no lead.
    pub reason: String,
    /// Of the row itself.
    fingerprint: Vec<u8>,
}

impl Ledger {
    /// The rows in quarantine that came from `origin`, which is `path:line` as the view `leads` shows it; of one sync, or of all.
    pub fn quarantined_at(&self, origin: &str, sync: Option<&str>) -> Result<Vec<Quarantined>> {
        quarantined_at(&self.db, origin, sync).map_err(|error| self.error(&error))
    }

    /// Takes `shown` rows of `origin` off the list for good: while the export holds the very same row, it is passed over. Nothing is done
    /// (false) if other rows came from there meanwhile, or these in another pass.
    ///
    /// Only for rows without a key: another one may be a good row once the one is gone that has the same key.
    pub fn drop_quarantined(&mut self, origin: &str, sync: Option<&str>, shown: &[Quarantined]) -> Result<bool> {
        let path = self.path.clone();
        let error = |error: rusqlite::Error| Error::from_sqlite(&path, &error);
        let tx = self.write()?;
        if quarantined_at(&tx, origin, sync).map_err(error)? != shown {
            return Ok(false);
        }
        for row in shown {
            // As of a person who was forgotten: no lead stands for the row.
            let settled = "INSERT OR REPLACE INTO superseded (sync, fingerprint, lead)
                           SELECT sync, fingerprint, NULL FROM quarantine WHERE id = ?1 AND key = ''";
            if tx.execute(settled, [row.id]).map_err(error)? == 0 {
                return Ok(false);
            }
            tx.execute("DELETE FROM quarantine WHERE id = ?1", [row.id]).map_err(error)?;
        }
        tx.commit().map_err(error)?;
        self.tidy();
        Ok(true)
    }
}

fn quarantined_at(db: &Connection, origin: &str, sync: Option<&str>) -> rusqlite::Result<Vec<Quarantined>> {
    let sql = "SELECT q.id, s.name, q.key, q.reason, q.fingerprint
                 FROM quarantine q JOIN origin o ON o.id = q.origin JOIN sync s ON s.id = q.sync
                WHERE o.path || ':' || q.line = ?1 AND (?2 IS NULL OR s.name = ?2) ORDER BY q.id";
    let mut statement = db.prepare(sql)?;
    let rows = statement.query_map(params![origin, sync], |row| {
        Ok(Quarantined {
            id: row.get(0)?,
            sync: row.get(1)?,
            key: row.get(2)?,
            reason: row.get(3)?,
            fingerprint: row.get(4)?,
        })
    })?;
    rows.collect()
}

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
