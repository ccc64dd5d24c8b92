//! The ledger at a glance, cheap enough to be asked every few seconds: what metrics, notices and health checks show.

use rusqlite::{Connection, OptionalExtension, params};

use super::connections::ConnectionState;
use super::{Ledger, Result, query};
use crate::domain::delivery::State;
use crate::domain::time::Timestamp;

/// Everything that is worth watching from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Every sync that the ledger knows, by name.
    pub syncs: Vec<SyncHealth>,
    /// Every connection that the ledger knows, by name, with its pause and breaker.
    pub connections: Vec<(String, ConnectionState)>,
    /// Size of the database with its write-ahead log.
    pub bytes: u64,
}

/// One sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncHealth {
    /// Its name.
    pub sync: String,
    /// Leads in every state, also those that no lead is in.
    pub leads: Vec<(State, u64)>,
    /// Rows in quarantine.
    pub quarantined: u64,
    /// The last run that ended, and its outcome.
    pub last_run: Option<(Timestamp, String)>,
    /// The end of the last run that did all its work: `complete` or `attention`.
    pub last_success: Option<Timestamp>,
    /// The beginning of the first run that the ledger still has.
    pub first_run: Option<Timestamp>,
}

impl SyncHealth {
    /// Leads and rows that wait for a person: rejected, held, failed, in quarantine.
    pub fn open(&self) -> u64 {
        let waits = |state: &State| matches!(state, State::Rejected | State::Held | State::Failed);
        let leads: u64 = self.leads.iter().filter(|(state, _)| waits(state)).map(|(_, count)| count).sum();
        leads + self.quarantined
    }
}

/// Tells whether anybody has changed the ledger since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version(i64);

impl Ledger {
    /// Changes whenever another connection has committed to the ledger (`PRAGMA data_version`).
    pub fn version(&self) -> Result<Version> {
        let read = self.db.pragma_query_value(None, "data_version", |row| row.get(0));
        read.map(Version).map_err(|error| self.error(&error))
    }

    /// Looks at everything. Nobody counts the delivered leads for it, however many they are.
    pub fn health(&self) -> Result<Health> {
        let mut connections = Vec::new();
        let syncs = syncs(&self.db).map_err(|error| self.error(&error))?;
        for (id, name) in names(&self.db).map_err(|error| self.error(&error))? {
            connections.push((name, self.connection_state(id)?.0));
        }
        Ok(Health { syncs, connections, bytes: self.bytes() })
    }

    /// The end and the outcome of the last run that ended.
    pub fn last_run(&self) -> Result<Option<(Timestamp, String)>> {
        let sql = "SELECT finished_at, outcome FROM run WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1";
        let read = self.db.query_row(sql, [], |row| Ok((Timestamp(row.get(0)?), row.get(1)?)));
        read.optional().map_err(|error| self.error(&error))
    }

    fn bytes(&self) -> u64 {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        let size = |path: &std::path::Path| std::fs::metadata(path).map_or(0, |file| file.len());
        size(&self.path) + size(std::path::Path::new(&log))
    }
}

fn names(db: &Connection) -> rusqlite::Result<Vec<(i64, String)>> {
    let mut statement = db.prepare_cached("SELECT id, name FROM connection ORDER BY name")?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

fn syncs(db: &Connection) -> rusqlite::Result<Vec<SyncHealth>> {
    let mut statement = db.prepare_cached("SELECT id, name FROM sync ORDER BY name")?;
    let known: Vec<(i64, String)> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    known
        .into_iter()
        .map(|(id, sync)| {
            Ok(SyncHealth {
                sync,
                leads: query::count_states(db, id)?,
                quarantined: count(db, "SELECT count(*) FROM quarantine WHERE sync = ?1", id)?,
                last_run: ended(db, id, "('complete', 'attention', 'deferred', 'interrupted', 'auth', 'error')")?,
                last_success: ended(db, id, "('complete', 'attention')")?.map(|(at, _)| at),
                first_run: first_run(db, id)?,
            })
        })
        .collect()
}

fn count(db: &Connection, sql: &str, sync: i64) -> rusqlite::Result<u64> {
    let count: i64 = db.prepare_cached(sql)?.query_row([sync], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

fn first_run(db: &Connection, sync: i64) -> rusqlite::Result<Option<Timestamp>> {
    let sql = "SELECT r.started_at FROM run_sync c JOIN run r ON r.id = c.run WHERE c.sync = ?1 ORDER BY c.run LIMIT 1";
    db.prepare_cached(sql)?.query_row([sync], |row| row.get(0).map(Timestamp)).optional()
}

/// The last run over `sync` with one of these outcomes.
fn ended(db: &Connection, sync: i64, outcomes: &str) -> rusqlite::Result<Option<(Timestamp, String)>> {
    let sql = format!(
        "SELECT r.finished_at, r.outcome FROM run_sync c JOIN run r ON r.id = c.run
          WHERE c.sync = ?1 AND r.outcome IN {outcomes} ORDER BY c.run DESC LIMIT 1"
    );
    let mut statement = db.prepare_cached(&sql)?;
    statement.query_row(params![sync], |row| Ok((Timestamp(row.get(0)?), row.get(1)?))).optional()
}
