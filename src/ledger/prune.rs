//! What is kept no longer than `[ledger] retain`: the history of delivered leads, runs, and copies from before a migration. Leads with their fingerprints stay, or the export
//! would be sent again.

use rusqlite::{Connection, params};

use super::{Ledger, Result};
use crate::domain::time::{Day, Timestamp};

/// What was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Entries in the history of delivered leads.
    pub events: usize,
    /// Runs.
    pub runs: usize,
    /// Copies of the ledger from before a migration.
    pub copies: usize,
    /// Files beside the ledger that killed processes did not finish.
    pub unfinished: usize,
}

impl Pruned {
    /// Nothing was old enough.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

impl Ledger {
    /// Deletes what is older than `before`, at most `most` entries and as many runs, in one transaction; and such copies of the ledger
    /// from before a migration; and what killed processes left unfinished beside it more than a day ago.
    pub fn prune(&mut self, before: Timestamp, most: usize) -> Result<Pruned> {
        let path = self.path.clone();
        let error = |error: rusqlite::Error| super::Error::from_sqlite(&path, &error);
        // Looked for before anybody else is kept from writing: all entries are read, 0.1 s for a million.
        let events = old_events(&self.db, before, most).map_err(error)?;
        let tx = self.write()?;
        let pruned = prune(&tx, &events, before, most).map_err(error)?;
        tx.commit().map_err(error)?;
        Ok(Pruned { copies: self.delete_copies(before)?, unfinished: self.delete_abandoned(), ..pruned })
    }
}

impl Ledger {
    /// Deletes the files and databases that no lead and no rejected row is of any more: a path may name a person. Not one that `is_there` (by sync
    /// and path): while it cannot be read, a run has to know that it was read before. How many those were.
    pub fn drop_origins(&mut self, is_there: impl Fn(&str, &str) -> bool) -> Result<usize> {
        // There is no index of leads by origin: SQLite would look through all leads once for each row, to find that none refers to it.
        self.pragma("foreign_keys", "OFF")?;
        let dropped = self.delete_origins(is_there);
        self.pragma("foreign_keys", "ON")?;
        dropped
    }

    fn delete_origins(&mut self, is_there: impl Fn(&str, &str) -> bool) -> Result<usize> {
        let path = self.path.clone();
        let error = |error: rusqlite::Error| super::Error::from_sqlite(&path, &error);
        let tx = self.write()?;
        let dropped = delete_origins(&tx, is_there).map_err(error)?;
        tx.commit().map_err(error)?;
        Ok(dropped)
    }
}

fn delete_origins(db: &Connection, is_there: impl Fn(&str, &str) -> bool) -> rusqlite::Result<usize> {
    let sql = "SELECT o.id, s.name, o.path FROM origin o JOIN sync s ON s.id = o.sync
                WHERE o.id NOT IN (SELECT origin FROM lead UNION SELECT origin FROM quarantine)";
    let mut statement = db.prepare(sql)?;
    let unused: Vec<(i64, String, String)> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect::<rusqlite::Result<_>>()?;
    let mut dropped = 0;
    for (origin, sync, path) in unused {
        if !is_there(&sync, &path) {
            dropped += db.execute("DELETE FROM origin WHERE id = ?1", [origin])?;
        }
    }
    Ok(dropped)
}

fn prune(db: &Connection, old_events: &[i64], before: Timestamp, most: usize) -> rusqlite::Result<Pruned> {
    // An entry that was forgotten meanwhile may have left its number to a new one.
    let mut delete = db.prepare_cached("DELETE FROM failure WHERE id = ?1 AND at < ?2")?;
    let mut events = 0;
    for event in old_events {
        events += delete.execute(params![event, before.0])?;
    }
    // The last finished run of a sync stays however old it is: it is what `status` tells. So does the last of all, even one over no sync:
    // without it the next run would get its number.
    let sql = "SELECT id FROM run WHERE started_at < ?1 AND finished_at IS NOT NULL
                  AND id < (SELECT max(id) FROM run) AND id NOT IN (SELECT max(a.run) FROM run_sync a JOIN run o ON o.id = a.run
                                  WHERE o.finished_at IS NOT NULL GROUP BY a.sync) ORDER BY id LIMIT ?2";
    let limit = i64::try_from(most).unwrap_or(i64::MAX);
    let runs: Vec<i64> = db
        .prepare_cached(sql)?
        .query_map(params![before.0, limit], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for run in &runs {
        db.prepare_cached("DELETE FROM notice WHERE run = ?1")?.execute([run])?;
        db.prepare_cached("DELETE FROM run_sync WHERE run = ?1")?.execute([run])?;
        db.prepare_cached("DELETE FROM run WHERE id = ?1")?.execute([run])?;
    }
    db.execute("DELETE FROM latency WHERE day < ?1", [Day::of(before).0])?;
    Ok(Pruned { events, runs: runs.len(), ..Pruned::default() })
}

/// Entries are chosen by their own time alone, whatever the clock said when others were written. There is no index for that: a run that reads a
/// million leads takes longer than this with a million entries. `CROSS JOIN`, as SQLite would go through all delivered leads instead.
fn old_events(db: &Connection, before: Timestamp, most: usize) -> rusqlite::Result<Vec<i64>> {
    let sql = "SELECT f.id FROM failure f CROSS JOIN lead l ON l.id = f.lead
                WHERE f.at < ?1 AND l.state = 'delivered' ORDER BY f.id LIMIT ?2";
    let limit = i64::try_from(most).unwrap_or(i64::MAX);
    db.prepare_cached(sql)?.query_map(params![before.0, limit], |row| row.get(0))?.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::ledger::{Counts, NewLedger, Trigger};

    #[test]
    fn what_a_run_had_to_say_goes_with_the_run_and_the_last_run_of_a_sync_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l.db");
        let mut ledger = Ledger::open_or_create(&path, folder.path(), NewLedger::Confirmed).unwrap();
        let sync = ledger.sync_id("customers", ledger.connection_id("wegroup").unwrap()).unwrap();
        let other = ledger.sync_id("others", ledger.connection_id("wegroup").unwrap()).unwrap();
        let counts = BTreeMap::from([(sync, Counts::default()), (other, Counts::default())]);
        for said in ["first", "last"] {
            let run = ledger.begin_run(Trigger::Manual, [sync, other], Timestamp(0)).unwrap();
            ledger
                .finish_run(run, "attention", Timestamp(0), &counts, [(None, said), (Some(other), "of the other")])
                .unwrap();
        }
        assert_eq!(ledger.prune(Timestamp(1), 10).unwrap().runs, 1);
        let told: Vec<_> = ledger.status().unwrap().into_iter().map(|status| status.last_notices).collect();
        assert_eq!(told, [vec!["last"], vec!["last", "of the other"]], "each sync has its own");
        let kept: i64 = ledger.db.query_row("SELECT count(*) FROM notice", [], |row| row.get(0)).unwrap();
        assert_eq!(kept, 2);
    }

    #[test]
    fn old_history_of_delivered_leads_goes_also_behind_an_entry_that_a_clock_ahead_has_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l.db");
        let mut ledger = Ledger::open_or_create(&path, folder.path(), NewLedger::Confirmed).unwrap();
        ledger.sync_id("customers", ledger.connection_id("wegroup").unwrap()).unwrap();
        let entries = "INSERT INTO origin (id, sync, path, layout) VALUES (1, 1, 'x.csv', '{}');
                       INSERT INTO basis (id, sync, digest) VALUES (1, 1, x'00');
                       INSERT INTO lead (id, sync, basis, fingerprint, state, key, since, updated_at, origin, line)
                       VALUES (1, 1, 1, zeroblob(16), 'delivered', 'sent', 0, 0, 1, 1), (2, 1, 1, zeroblob(16), 'failed', 'open', 0, 0, 1, 2);
                       INSERT INTO failure (lead, attempt, at, kind)
                       VALUES (1, 1, 900, 'ahead'), (2, 1, 1, 'old'), (1, 2, 2, 'old'), (1, 3, 3, 'old'), (1, 4, 100, 'young');";
        ledger.db.execute_batch(entries).unwrap();
        let kinds = |ledger: &Ledger, key: &str| -> Vec<String> {
            ledger.show(key, None).unwrap()[0].history.iter().map(|event| event.kind.clone()).collect()
        };
        assert_eq!(ledger.prune(Timestamp(100), 1).unwrap().events, 1, "no more than it may at once");
        assert_eq!(ledger.prune(Timestamp(100), 10).unwrap().events, 1);
        assert_eq!(kinds(&ledger, "sent"), ["ahead", "young"]);
        assert_eq!(kinds(&ledger, "open"), ["old"], "a person may still need it");
    }

    #[test]
    fn the_number_of_a_run_is_never_given_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l.db");
        let mut ledger = Ledger::open_or_create(&path, folder.path(), NewLedger::Confirmed).unwrap();
        for number in 1..4 {
            let run = ledger.begin_run(Trigger::Manual, [], Timestamp(0)).unwrap();
            ledger.finish_run(run, "complete", Timestamp(0), &BTreeMap::new(), []).unwrap();
            assert_eq!(run, number);
            ledger.prune(Timestamp(1), 10).unwrap();
        }
    }
}
