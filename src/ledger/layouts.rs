//! Layouts of kept rows. An unchanged row is not stored again, so an export that is written in another way one day leaves rows in the ledger
//! that are written as before. When that happens those rows are told which layout theirs is; all others have their origin's present one, which
//! costs nothing where rows are taken in, claimed and settled.

use rusqlite::{OptionalExtension, params};

use super::{Admission, Result};
use crate::domain::record::Layout;

/// Numbers and original rows of what is kept of an origin in its present layout.
const CONTENTS: &str =
    "SELECT c.lead, c.record FROM content c JOIN lead l ON l.id = c.lead WHERE l.origin = ?1 AND c.layout IS NULL";
const QUARANTINED: &str = "SELECT id, record FROM quarantine WHERE origin = ?1 AND layout IS NULL";

impl Admission<'_> {
    /// The origin is about to get the layout `now`: what is kept of it, and reads otherwise in the new one, keeps the one it has had.
    pub(super) fn keep_layout(&self, path: &str, now: &Layout) -> Result<()> {
        let sql = "SELECT id, layout FROM origin WHERE sync = ?1 AND path = ?2";
        let found = self.tx.query_row(sql, params![self.sync, path], |row| Ok((row.get(0)?, row.get(1)?)));
        let found: Option<(i64, String)> = found.optional().map_err(|error| self.error(&error))?;
        let Some((origin, json)) = found else { return Ok(()) };
        let before: Option<Layout> = serde_json::from_str(&json).ok();
        if before.as_ref() == Some(now) {
            return Ok(());
        }
        let is_other = |record: &[u8]| !before.as_ref().is_some_and(|before| before.reads_alike(record, now));
        let contents = self.kept(CONTENTS, origin, is_other)?;
        let quarantined = self.kept(QUARANTINED, origin, is_other)?;
        if contents.is_empty() && quarantined.is_empty() {
            return Ok(());
        }
        let sql =
            "INSERT INTO layout (json) VALUES (?1) ON CONFLICT (json) DO UPDATE SET json = excluded.json RETURNING id";
        let layout: i64 = self.tx.query_row(sql, [json], |row| row.get(0)).map_err(|error| self.error(&error))?;
        for lead in contents {
            self.set_layout(lead, Some(layout))?;
        }
        for row in quarantined {
            self.run("UPDATE quarantine SET layout = ?2 WHERE id = ?1", params![row, layout])?;
        }
        Ok(())
    }

    /// Says in which layout a lead's original row is written; `None`: its origin's present one.
    pub fn set_layout(&self, lead: i64, layout: Option<i64>) -> Result<()> {
        self.run("UPDATE content SET layout = ?2 WHERE lead = ?1", params![lead, layout])
    }

    fn kept(&self, sql: &str, origin: i64, wanted: impl Fn(&[u8]) -> bool) -> Result<Vec<i64>> {
        let read = || -> rusqlite::Result<Vec<i64>> {
            let mut statement = self.tx.prepare(sql)?;
            let mut rows = statement.query([origin])?;
            let mut numbers = Vec::new();
            while let Some(row) = rows.next()? {
                if wanted(row.get_ref(1)?.as_blob()?) {
                    numbers.push(row.get(0)?);
                }
            }
            Ok(numbers)
        };
        read().map_err(|error| self.error(&error))
    }
}
