//! Runs and their counts.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use serde::Serialize;

use super::{Ledger, Result};
use crate::domain::delivery::State;
use crate::domain::time::Timestamp;

/// What started a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// `--run-now`.
    Manual,
    /// The daemon's schedule.
    Schedule,
    /// The daemon's start.
    Start,
}

impl Trigger {
    /// The name in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Schedule => "schedule",
            Self::Start => "start",
        }
    }
}

/// What became of the runs over one sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Past {
    /// None ever began.
    Nothing,
    /// The daemon began one, and each was interrupted, cut off or put off.
    Unfinished,
    /// The last one that was neither interrupted nor cut off nor put off began then.
    Finished(Timestamp),
}

/// What one run did for one sync; the same names in JSON, in `runs` and in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Rows read: the sum of the next five.
    pub read: u64,
    /// Rows of leads that were not known.
    pub new: u64,
    /// Rows whose mapped columns differ from those of the known lead.
    pub changed: u64,
    /// Rows that are as they were.
    pub unchanged: u64,
    /// Rows for which `where` is false, and rows that a later file replaces.
    pub skipped: u64,
    /// Rows that cannot become a lead.
    pub invalid: u64,
    /// Leads delivered in this run.
    pub delivered: u64,
    /// Leads refused in this run, and rows quarantined for the first time.
    pub rejected: u64,
    /// Leads that this run left waiting.
    pub waiting: u64,
    /// Leads that this run left in doubt for a person.
    pub held: u64,
    /// Leads whose tries this run used up.
    pub failed: u64,
    /// Leads that are still to be sent.
    pub pending: u64,
}

/// A run of the past.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunRow {
    /// Its number.
    pub run: i64,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// `None` while it runs.
    pub finished_at: Option<String>,
    /// What started it.
    pub trigger: String,
    /// How it ended.
    pub outcome: Option<String>,
    /// The sum over its syncs.
    #[serde(flatten)]
    pub counts: Counts,
}

impl Ledger {
    /// Opens a run over the syncs of these numbers and returns its own. If it is cut off, it is known by that which syncs it was for.
    pub fn begin_run(&mut self, trigger: Trigger, syncs: impl IntoIterator<Item = i64>, now: Timestamp) -> Result<i64> {
        let path = self.path.clone();
        let error = |error: rusqlite::Error| super::Error::from_sqlite(&path, &error);
        let tx = self.write()?;
        let sql = "INSERT INTO run (started_at, \"trigger\") VALUES (?1, ?2) RETURNING id";
        let run = tx.query_row(sql, params![now.0, trigger.as_str()], |row| row.get(0)).map_err(error)?;
        for sync in syncs {
            let none =
                "INSERT INTO run_sync (run, sync, read, new, changed, unchanged, skipped, invalid, delivered, rejected,
                                              waiting, held, failed, pending)
                        VALUES (?1, ?2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)";
            tx.execute(none, [run, sync]).map_err(error)?;
        }
        tx.commit().map_err(error)?;
        Ok(run)
    }

    /// Writes what a run has read of a sync and is to send, before it goes on: it may be cut off. What it sends is added with each lead's
    /// outcome; `pending` stays until the run is closed.
    pub fn note_counts(&self, run: i64, sync: i64, counts: Counts) -> Result<()> {
        let pending = self.count_pending(sync)?;
        let counts = BTreeMap::from([(sync, Counts { pending, ..counts })]);
        write_counts(&self.db, run, &counts).map_err(|error| self.error(&error))
    }

    /// Closes a run with its outcome (the exit table's name), the counts of each sync, by the sync's number, and what it has to say,
    /// of one sync or of all.
    pub fn finish_run<'n>(
        &mut self,
        run: i64,
        outcome: &str,
        now: Timestamp,
        counts: &BTreeMap<i64, Counts>,
        notices: impl IntoIterator<Item = (Option<i64>, &'n str)>,
    ) -> Result<()> {
        let path = self.path.clone();
        let error = |error: rusqlite::Error| super::Error::from_sqlite(&path, &error);
        let tx = self.write()?;
        tx.execute("UPDATE run SET finished_at = ?2, outcome = ?3 WHERE id = ?1", params![run, now.0, outcome])
            .map_err(error)?;
        write_counts(&tx, run, counts).map_err(error)?;
        for (place, (sync, text)) in (0_i64..).zip(notices) {
            let sql = "INSERT OR REPLACE INTO notice (run, place, sync, text) VALUES (?1, ?2, ?3, ?4)";
            tx.execute(sql, params![run, place, sync, text]).map_err(error)?;
        }
        tx.commit().map_err(error)
    }

    /// Closes the daemon's run that was left open when it was cut off or panicked, if there is one, with what it had counted; `notice` is what
    /// is to be said of it. Only who holds the lease knows that the run is under way no more.
    pub fn end_lost_run(&mut self, outcome: &str, notice: Option<&str>, now: Timestamp) -> Result<()> {
        let lost = "SELECT max(id) FROM run WHERE finished_at IS NULL AND \"trigger\" <> 'manual'";
        let run: Option<i64> = self.db.query_row(lost, [], |row| row.get(0)).map_err(|error| self.error(&error))?;
        let Some(run) = run else { return Ok(()) };
        count_left(&self.db).map_err(|error| self.error(&error))?;
        self.finish_run(run, outcome, now, &BTreeMap::new(), notice.map(|text| (None, text)))
    }

    /// What became of a sync's runs so far. A first run by hand that was stopped or put off is none: who began it knows.
    pub fn past_of(&self, sync: &str) -> Result<Past> {
        let sql = "SELECT max(r.started_at) FILTER (WHERE r.outcome NOT IN ('interrupted', 'deferred')),
                          coalesce(max(r.\"trigger\" <> 'manual'), 0)
                     FROM run r JOIN run_sync c ON c.run = r.id JOIN sync s ON s.id = c.sync WHERE s.name = ?1";
        let read = self.db.query_row(sql, [sync], |row| Ok((row.get::<_, Option<i64>>(0)?, row.get(1)?)));
        Ok(match read.map_err(|error| self.error(&error))? {
            (Some(at), _) => Past::Finished(Timestamp(at)),
            (None, true) => Past::Unfinished,
            (None, false) => Past::Nothing,
        })
    }

    /// Moves what is in the write-ahead log into the ledger and empties the log: it holds the content of leads that are settled by now. A
    /// reader may be in the way; then the next run does it.
    pub fn tidy(&self) {
        if let Err(error) = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
            tracing::debug!(%error, "the write-ahead log is emptied by the next run");
        }
    }

    /// Leads of a sync that are still to be sent.
    pub fn count_pending(&self, sync: i64) -> Result<u64> {
        let sql =
            "SELECT count(*) FROM lead WHERE sync = ?1 AND state IN ('pending', 'sending') AND state <> 'delivered'";
        let count: i64 = self.db.query_row(sql, [sync], |row| row.get(0)).map_err(|error| self.error(&error))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Leads of a sync that wait for another try, which is due by `by`.
    pub fn count_waiting(&self, sync: i64, by: Timestamp) -> Result<u64> {
        let sql = "SELECT count(*) FROM lead WHERE sync = ?1 AND state = 'waiting' AND next_at <= ?2 AND state <> 'delivered'";
        let count: i64 = self.db.query_row(sql, [sync, by.0], |row| row.get(0)).map_err(|error| self.error(&error))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Leads of a sync that are to be sent, now or later.
    pub fn count_due(&self, sync: i64) -> Result<u64> {
        let sql =
            "SELECT count(*) FROM lead WHERE sync = ?1 AND state IN ('pending', 'waiting') AND state <> 'delivered'";
        let count: i64 = self.db.query_row(sql, [sync], |row| row.get(0)).map_err(|error| self.error(&error))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// The latest runs, newest first.
    pub fn runs(&self, limit: usize) -> Result<Vec<RunRow>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        // The view groups all runs before a LIMIT on it counts, but knows a bound when it sees one.
        let oldest = "SELECT min(id) FROM (SELECT id FROM run ORDER BY id DESC LIMIT ?1)";
        let read = || -> rusqlite::Result<Vec<RunRow>> {
            let oldest: Option<i64> = self.db.query_row(oldest, [limit], |row| row.get(0))?;
            let mut statement = self.db.prepare("SELECT * FROM runs WHERE run >= ?1 ORDER BY run DESC")?;
            let rows = statement.query_map([oldest], run_row)?;
            rows.collect()
        };
        read().map_err(|error| self.error(&error))
    }
}

fn write_counts(db: &Connection, run: i64, counts: &BTreeMap<i64, Counts>) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO run_sync (run, sync, read, new, changed, unchanged, skipped, invalid, delivered, rejected,
                                                waiting, held, failed, pending)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
    let mut statement = db.prepare(sql)?;
    for (sync, c) in counts {
        let numbers = [
            c.read,
            c.new,
            c.changed,
            c.unchanged,
            c.skipped,
            c.invalid,
            c.delivered,
            c.rejected,
            c.waiting,
            c.held,
            c.failed,
            c.pending,
        ];
        let signed = numbers.map(|number| i64::try_from(number).unwrap_or(i64::MAX));
        let values = [run, *sync].into_iter().chain(signed);
        statement.execute(rusqlite::params_from_iter(values))?;
    }
    Ok(())
}

/// Writes for each run that was cut off what it left to be sent, a lead that was being sent included.
pub(super) fn count_left(db: &Connection) -> rusqlite::Result<()> {
    let sql = "UPDATE run_sync SET pending = (SELECT count(*) FROM lead WHERE lead.sync = run_sync.sync
                                                  AND state IN ('pending', 'sending') AND state <> 'delivered')
                WHERE run IN (SELECT id FROM run WHERE finished_at IS NULL)";
    db.execute(sql, []).map(drop)
}

/// Leads of one sync whose end a transaction writes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ends {
    delivered: u32,
    rejected: u32,
    held: u32,
    failed: u32,
}

impl Ends {
    /// Counts one that is now in `state`; none that goes on is counted.
    pub(super) fn add(&mut self, state: State) {
        match state {
            State::Delivered => self.delivered += 1,
            State::Rejected => self.rejected += 1,
            State::Held => self.held += 1,
            State::Failed => self.failed += 1,
            State::Pending | State::Sending | State::Waiting => {}
        }
    }

    /// Adds them to what the run has done so far.
    pub(super) fn store(self, db: &Connection, run: i64, sync: i64) -> rusqlite::Result<()> {
        let sql = "UPDATE run_sync SET delivered = delivered + ?3, rejected = rejected + ?4, held = held + ?5, failed = failed + ?6
                    WHERE run = ?1 AND sync = ?2";
        let values = params![run, sync, self.delivered, self.rejected, self.held, self.failed];
        db.prepare_cached(sql)?.execute(values).map(drop)
    }
}

fn run_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<RunRow> {
    let count = |name: &str| -> rusqlite::Result<u64> { Ok(u64::try_from(row.get::<_, i64>(name)?).unwrap_or(0)) };
    Ok(RunRow {
        run: row.get("run")?,
        started_at: row.get("started_at")?,
        finished_at: row.get("finished_at")?,
        trigger: row.get("trigger")?,
        outcome: row.get("outcome")?,
        counts: Counts {
            read: count("read")?,
            new: count("new")?,
            changed: count("changed")?,
            unchanged: count("unchanged")?,
            skipped: count("skipped")?,
            invalid: count("invalid")?,
            delivered: count("delivered")?,
            rejected: count("rejected")?,
            waiting: count("waiting")?,
            held: count("held")?,
            failed: count("failed")?,
            pending: count("pending")?,
        },
    })
}
