//! Figures over days: what runs did, and how long requests took. Neither is counted over leads or attempts, so that a million leads cost
//! nothing.

use std::collections::BTreeMap;

use rusqlite::params;

use super::{Ledger, Result};
use crate::domain::latency::Latency;
use crate::domain::time::Day;

/// What the runs that ended on one day (UTC) did for one sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayCounts {
    /// Name of the sync.
    pub sync: String,
    /// The day.
    pub day: Day,
    /// Leads delivered.
    pub delivered: u64,
    /// Leads rejected, held or failed, and rows quarantined for the first time.
    pub unsuccessful: u64,
}

impl Ledger {
    /// What was done on each day since the beginning of `first`, days without a run left out.
    pub fn days(&self, first: Day) -> Result<Vec<DayCounts>> {
        let sql = "SELECT s.name, r.finished_at / ?2 AS day, sum(c.delivered), sum(c.rejected + c.held + c.failed)
                     FROM run r CROSS JOIN run_sync c ON c.run = r.id CROSS JOIN sync s ON s.id = c.sync
                    WHERE r.finished_at >= ?1 GROUP BY s.id, day ORDER BY s.name, day";
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        let read = || -> rusqlite::Result<Vec<DayCounts>> {
            let mut statement = self.db.prepare_cached(sql)?;
            let rows = statement.query_map(params![first.begins().0, Day::MILLISECONDS], |row| {
                Ok(DayCounts {
                    sync: row.get(0)?,
                    day: Day(row.get(1)?),
                    delivered: count(row.get(2)?),
                    unsuccessful: count(row.get(3)?),
                })
            })?;
            rows.collect()
        };
        read().map_err(|error| self.error(&error))
    }

    /// How long the requests of each connection took, by its name, in the runs that ended on `first` or later. A ledger that no run of
    /// this release has written to yet knows nothing of it.
    pub fn latency(&self, first: Day) -> Result<BTreeMap<String, Latency>> {
        let read = || -> rusqlite::Result<BTreeMap<String, Latency>> {
            let mut found = BTreeMap::<String, Latency>::new();
            if !self.db.table_exists(None, "latency")? {
                return Ok(found);
            }
            let sql = "SELECT c.name, l.upper_ms, l.requests FROM latency l JOIN connection c ON c.id = l.connection
                        WHERE l.day >= ?1";
            let mut statement = self.db.prepare_cached(sql)?;
            let mut rows = statement.query([first.0])?;
            while let Some(row) = rows.next()? {
                let number = |number: i64| u64::try_from(number).unwrap_or(0);
                found.entry(row.get(0)?).or_default().add(number(row.get(1)?), number(row.get(2)?));
            }
            Ok(found)
        };
        read().map_err(|error| self.error(&error))
    }

    /// Adds how long the requests of a run that ended on `day` took, by the connection's number.
    pub fn add_latency(&mut self, day: Day, latency: &BTreeMap<i64, Latency>) -> Result<()> {
        let path = self.path.clone();
        let error = |error: rusqlite::Error| super::Error::from_sqlite(&path, &error);
        let tx = self.write()?;
        let sql = "INSERT INTO latency (day, connection, upper_ms, requests) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (day, connection, upper_ms) DO UPDATE SET requests = requests + excluded.requests";
        for (connection, latency) in latency {
            for (upper, requests) in latency.buckets() {
                let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
                tx.prepare_cached(sql)
                    .and_then(|mut insert| insert.execute(params![day.0, connection, number(upper), number(requests)]))
                    .map_err(error)?;
            }
        }
        tx.commit().map_err(error)
    }
}
