//! The run that is under way.

use rusqlite::params;

use super::lease::{DAEMON, holder};
use super::{Ledger, Result};

/// A run that has begun and not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnderWay {
    /// Its number.
    pub run: i64,
    /// When it began, RFC 3339 UTC.
    pub since: String,
    /// Names of its syncs, in their order.
    pub syncs: Vec<String>,
}

impl Ledger {
    /// The run of who holds the lease, if one is under way. One that was cut off is open in the ledger, too: it began before the lease was taken.
    pub fn under_way(&self) -> Result<Option<UnderWay>> {
        let Some(holder) = holder(&self.path) else { return Ok(None) };
        let Some((who, held_since)) = holder.rsplit_once(" since ") else { return Ok(None) };
        // A baseline has no lease. Beside a daemon, whose runs are never begun by hand, it is told apart; beside another run it began later.
        let by_hand = !who.ends_with(&format!("({DAEMON})"));
        // Both times are RFC 3339 in UTC to the millisecond, whose order is that of the text.
        let sql = "SELECT r.id, strftime('%Y-%m-%dT%H:%M:%fZ', r.started_at / 1000.0, 'unixepoch') AS began, s.name
                     FROM run r JOIN run_sync c ON c.run = r.id JOIN sync s ON s.id = c.sync
                    WHERE r.id = (SELECT min(id) FROM run WHERE (\"trigger\" = 'manual') = ?1 AND finished_at IS NULL
                                     AND strftime('%Y-%m-%dT%H:%M:%fZ', started_at / 1000.0, 'unixepoch') >= ?2)
                    ORDER BY s.name";
        let read = || -> rusqlite::Result<Option<UnderWay>> {
            let mut statement = self.db.prepare(sql)?;
            let mut rows = statement.query(params![by_hand, held_since])?;
            let mut found = None;
            while let Some(row) = rows.next()? {
                let new = UnderWay { run: row.get(0)?, since: row.get(1)?, syncs: Vec::new() };
                found.get_or_insert(new).syncs.push(row.get(2)?);
            }
            Ok(found)
        };
        read().map_err(|error| self.error(&error))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;
    use crate::domain::time::Timestamp;
    use crate::ledger::{Lease, NewLedger, Trigger};

    /// A ledger with two syncs.
    struct Scene {
        _folder: tempfile::TempDir,
        path: PathBuf,
        ledger: Ledger,
        syncs: [i64; 2],
    }

    fn scene() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l.db");
        let ledger = Ledger::open_or_create(&path, folder.path(), NewLedger::Confirmed).unwrap();
        let connection = ledger.connection_id("wegroup").unwrap();
        let syncs = ["customers", "others"].map(|name| ledger.sync_id(name, connection).unwrap());
        Scene { _folder: folder, path, ledger, syncs }
    }

    #[test]
    fn a_run_is_under_way_from_its_beginning_to_its_end() {
        let Scene { _folder, path, mut ledger, syncs } = scene();
        let _lease = Lease::take(&path, "--run-now", Timestamp(1000)).unwrap();
        assert_eq!(ledger.under_way().unwrap(), None);
        let run = ledger.begin_run(Trigger::Manual, syncs, Timestamp(1000)).unwrap();
        let syncs = vec!["customers".to_owned(), "others".to_owned()];
        let since = "1970-01-01T00:00:01.000Z".to_owned();
        assert_eq!(ledger.under_way().unwrap(), Some(UnderWay { run, since, syncs }));
        ledger.finish_run(run, "complete", Timestamp(2000), &BTreeMap::new(), []).unwrap();
        assert_eq!(ledger.under_way().unwrap(), None);
    }

    #[test]
    fn a_baseline_beside_a_run_does_not_hide_it() {
        let Scene { _folder, path, mut ledger, syncs: [customers, others] } = scene();
        let _lease = Lease::take(&path, "--run-now", Timestamp(1000)).unwrap();
        let run = ledger.begin_run(Trigger::Manual, [customers], Timestamp(2000)).unwrap();
        let baseline = ledger.begin_run(Trigger::Manual, [others], Timestamp(3000)).unwrap();
        assert_eq!(ledger.under_way().unwrap().unwrap().run, run);
        ledger.finish_run(baseline, "complete", Timestamp(4000), &BTreeMap::new(), []).unwrap();
        assert_eq!(ledger.under_way().unwrap().unwrap().run, run);
    }

    #[test]
    fn a_run_that_was_cut_off_is_not_under_way_whoever_holds_the_lease_now() {
        let Scene { _folder, path, mut ledger, syncs } = scene();
        ledger.begin_run(Trigger::Manual, syncs, Timestamp(1000)).unwrap();
        assert_eq!(ledger.under_way().unwrap(), None);
        for who in ["--run-now", DAEMON] {
            let _lease = Lease::take(&path, who, Timestamp(1001)).unwrap();
            assert_eq!(ledger.under_way().unwrap(), None, "{who}");
        }
    }

    #[test]
    fn a_run_by_hand_beside_a_daemon_is_not_taken_for_the_daemons() {
        let Scene { _folder, path, mut ledger, syncs: [customers, others] } = scene();
        let _lease = Lease::take(&path, DAEMON, Timestamp(1000)).unwrap();
        ledger.begin_run(Trigger::Manual, [others], Timestamp(2000)).unwrap();
        assert_eq!(ledger.under_way().unwrap(), None);
        let run = ledger.begin_run(Trigger::Schedule, [customers], Timestamp(3000)).unwrap();
        ledger.begin_run(Trigger::Manual, [others], Timestamp(4000)).unwrap();
        let found = ledger.under_way().unwrap().unwrap();
        assert_eq!((found.run, found.syncs), (run, vec!["customers".to_owned()]));
    }
}
