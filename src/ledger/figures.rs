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

    /// How long the requests of each connection took, by its name, in the runs that ended on `first` or later.
    pub fn latency(&self, first: Day) -> Result<BTreeMap<String, Latency>> {
        let read = || -> rusqlite::Result<BTreeMap<String, Latency>> {
            let mut found = BTreeMap::<String, Latency>::new();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use crate::ledger::{Counts, NewLedger, Trigger};

    /// A ledger with one sync on one connection, and their numbers.
    fn ledger() -> (tempfile::TempDir, Ledger, i64, i64) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lead-sync.db");
        let ledger = Ledger::open_or_create(&path, &dir.path().join("tokens"), NewLedger::Unconfirmed).unwrap();
        let connection = ledger.connection_id("wegroup").unwrap();
        let sync = ledger.sync_id("customers", connection).unwrap();
        (dir, ledger, sync, connection)
    }

    fn run(ledger: &mut Ledger, sync: i64, finished_at: Timestamp, counts: Counts) {
        let run = ledger.begin_run(Trigger::Manual, [], Timestamp(0)).unwrap();
        ledger.finish_run(run, "complete", finished_at, &BTreeMap::from([(sync, counts)]), []).unwrap();
    }

    fn took(ms: &[u64]) -> Latency {
        let mut latency = Latency::default();
        for ms in ms {
            latency.record(*ms);
        }
        latency
    }

    #[test]
    fn the_runs_of_a_day_are_added_up_and_midnight_begins_another() {
        let (_dir, mut ledger, sync, _) = ledger();
        let midnight = Day(20_000).begins();
        let counts = Counts { delivered: 5, rejected: 1, held: 2, failed: 3, waiting: 9, ..Counts::default() };
        run(&mut ledger, sync, midnight, counts);
        run(&mut ledger, sync, Timestamp(midnight.0 + Day::MILLISECONDS - 1), counts);
        run(&mut ledger, sync, Timestamp(midnight.0 - 1), counts);
        ledger.begin_run(Trigger::Manual, [], midnight).unwrap();
        let day =
            |day, delivered, unsuccessful| DayCounts { sync: "customers".to_owned(), day, delivered, unsuccessful };
        assert_eq!(ledger.days(Day(20_000)).unwrap(), [day(Day(20_000), 10, 12)]);
        assert_eq!(ledger.days(Day(19_999)).unwrap(), [day(Day(19_999), 5, 6), day(Day(20_000), 10, 12)]);
    }

    #[test]
    fn latencies_of_a_day_are_added_up_and_go_with_the_history() {
        let (_dir, mut ledger, _, connection) = ledger();
        ledger.add_latency(Day(10), &BTreeMap::from([(connection, took(&[5, 7]))])).unwrap();
        ledger.add_latency(Day(11), &BTreeMap::from([(connection, took(&[5]))])).unwrap();
        ledger.add_latency(Day(11), &BTreeMap::from([(connection, took(&[5, 9]))])).unwrap();
        let of = |ledger: &Ledger, first| ledger.latency(Day(first)).unwrap().remove("wegroup");
        assert_eq!(of(&ledger, 10), Some(took(&[5, 5, 5, 7, 9])));
        assert_eq!(of(&ledger, 11), Some(took(&[5, 5, 9])));
        assert_eq!(of(&ledger, 12), None);
        ledger.prune(Day(11).begins(), 10).unwrap();
        assert_eq!(of(&ledger, 10), Some(took(&[5, 5, 9])));
    }

    #[test]
    fn the_latest_runs_come_first_and_no_more_than_asked_for() {
        let (_dir, mut ledger, sync, _) = ledger();
        assert_eq!(ledger.runs(2).unwrap(), []);
        for end in 1..=3 {
            run(&mut ledger, sync, Timestamp(end), Counts::default());
        }
        let numbers: Vec<i64> = ledger.runs(2).unwrap().iter().map(|run| run.run).collect();
        assert_eq!(numbers, [3, 2]);
        assert_eq!(ledger.runs(9).unwrap().len(), 3);
    }
}
