//! What was last told about each sync, through each channel, so that nobody is told the same thing at every run.

use std::collections::BTreeMap;

use rusqlite::params;

use super::{Ledger, Result};
use crate::domain::standing::{Level, Told};
use crate::domain::time::Timestamp;

/// Requests of one run that did not deliver, by what they met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Name of the sync.
    pub sync: String,
    /// The outcome's name.
    pub kind: String,
    /// Of the answer.
    pub http_status: Option<u16>,
    /// How many.
    pub count: u64,
}

impl Ledger {
    /// What was last told through `channel`, by sync. A level that a later release wrote counts as nothing told.
    pub fn last_told(&self, channel: &str) -> Result<BTreeMap<String, Told>> {
        let sql = "SELECT s.name, t.level, t.open, t.at FROM told t JOIN sync s ON s.id = t.sync WHERE t.channel = ?1";
        let read = || -> rusqlite::Result<BTreeMap<String, Told>> {
            let mut statement = self.db.prepare_cached(sql)?;
            let mut told = BTreeMap::new();
            let mut rows = statement.query([channel])?;
            while let Some(row) = rows.next()? {
                let level: String = row.get(1)?;
                if let Some(level) = Level::named(&level) {
                    let open = u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0);
                    told.insert(row.get(0)?, Told { level, open, at: Timestamp(row.get(3)?) });
                }
            }
            Ok(told)
        };
        read().map_err(|error| self.error(&error))
    }

    /// Remembers what was told. A sync that the ledger does not know is passed over.
    pub fn remember_told(&mut self, channel: &str, told: &BTreeMap<String, Told>) -> Result<()> {
        let path = self.path.clone();
        let error = |error: rusqlite::Error| super::Error::from_sqlite(&path, &error);
        let tx = self.write()?;
        let sql = "INSERT OR REPLACE INTO told (channel, sync, level, open, at)
                   SELECT ?1, id, ?3, ?4, ?5 FROM sync WHERE name = ?2";
        for (sync, told) in told {
            let open = i64::try_from(told.open).unwrap_or(i64::MAX);
            tx.execute(sql, params![channel, sync, told.level.as_str(), open, told.at.0]).map_err(error)?;
        }
        tx.commit().map_err(error)
    }

    /// What the leads of a run met that were not delivered; numbers only.
    pub fn troubles(&self, run: i64) -> Result<Vec<Trouble>> {
        let sql = "SELECT s.name, f.kind, f.http_status, count(*) FROM failure f JOIN lead l ON l.id = f.lead
                     JOIN sync s ON s.id = l.sync WHERE f.run = ?1 GROUP BY 1, 2, 3 ORDER BY 1, 4 DESC, 2, 3";
        let read = || -> rusqlite::Result<Vec<Trouble>> {
            let mut statement = self.db.prepare_cached(sql)?;
            let rows = statement.query_map([run], |row| {
                Ok(Trouble {
                    sync: row.get(0)?,
                    kind: row.get(1)?,
                    http_status: row.get(2)?,
                    count: u64::try_from(row.get::<_, i64>(3)?).unwrap_or(0),
                })
            })?;
            rows.collect()
        };
        read().map_err(|error| self.error(&error))
    }
}
