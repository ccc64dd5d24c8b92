//! Answers for the commands: leads, one lead's history, the state of each sync.

use rusqlite::{Connection, params, params_from_iter};
use serde::Serialize;

use super::connections::ConnectionState;
use super::listing::listing;
use super::{Error, Kept, Ledger, Result};
use crate::domain::delivery::State;
use crate::domain::time::Timestamp;

/// A row of the `leads` view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeadRow {
    /// Name of the sync.
    pub sync: String,
    /// The CRM's id; may be empty for a quarantined row.
    pub key: String,
    /// The state's name.
    pub state: String,
    /// Link back to the CRM.
    pub backref: Option<String>,
    /// The API's id.
    pub remote_id: Option<String>,
    /// Charged attempts.
    pub attempts: i64,
    /// Of the last answer.
    pub http_status: Option<i64>,
    /// Why it is not delivered.
    pub reason: Option<String>,
    /// `path:line` as configured.
    pub origin: String,
    /// RFC 3339, UTC.
    pub updated_at: String,
}

/// Which leads to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only this sync.
    pub sync: Option<String>,
    /// Only this state.
    pub state: Option<State>,
    /// Only this key.
    pub key: Option<String>,
    /// Only what changed at or after this time.
    pub since: Option<Timestamp>,
    /// Only where the reason holds this text, in upper or lower case.
    pub reason: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
    /// After so many.
    pub offset: usize,
}

/// One entry of a lead's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// The run, if it was one.
    pub run: Option<i64>,
    /// Charged attempts up to and with this.
    pub attempt: i64,
    /// RFC 3339, UTC.
    pub at: String,
    /// The outcome's name, or `retry`, `resolve`, `import`.
    pub kind: String,
    /// Of the answer.
    pub http_status: Option<i64>,
    /// For a person.
    pub reason: Option<String>,
    /// Milliseconds from sending to the end of the answer.
    pub took_ms: Option<i64>,
}

/// All that the ledger tells of one lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Where it stands.
    #[serde(flatten)]
    pub lead: LeadRow,
    /// An attempt is in doubt: the lead was sent twice if that one arrived and another one does.
    pub possibly_sent_twice: bool,
    /// When it is tried next, RFC 3339 UTC.
    pub next_at: Option<String>,
    /// What happened, oldest first.
    pub history: Vec<Event>,
}

impl Told {
    /// What is in doubt, for who has to decide: a lead that may have arrived once is another matter than one that is there twice.
    pub fn doubt(&self) -> Option<&'static str> {
        let in_doubt = self.history.iter().filter(|event| event.kind == "in_doubt").count();
        match (self.possibly_sent_twice, self.lead.state == State::Delivered.as_str()) {
            (false, _) => None,
            (true, true) => Some("an earlier attempt is in doubt: this lead was possibly sent twice"),
            (true, false) if in_doubt > 1 => {
                Some("several attempts are in doubt: this lead may have arrived, possibly twice")
            }
            (true, false) => Some("an attempt is in doubt: this lead may have arrived"),
        }
    }
}

/// One sync at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SyncStatus {
    /// Its name.
    pub sync: String,
    /// Its connection.
    pub connection: String,
    /// Leads per state, in the order of a lead's life; states without leads are left out.
    pub leads: Vec<(String, u64)>,
    /// Rows in quarantine.
    pub quarantined: u64,
    /// RFC 3339 UTC of the last finished run.
    pub last_run: Option<String>,
    /// Its outcome.
    pub last_outcome: Option<String>,
    /// What it had to say: why it ended so, and what to do.
    pub last_notices: Vec<String>,
    /// Pause and breaker of the connection.
    #[serde(skip)]
    pub state: ConnectionState,
}

impl Ledger {
    /// Rows of the `leads` view.
    pub(super) fn count_leads(&self) -> Result<u64> {
        let count: i64 = self
            .db
            .query_row("SELECT count(*) FROM leads", [], |row| row.get(0))
            .map_err(|error| self.error(&error))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Lists leads in the order of the ledger, quarantined rows last.
    pub fn leads(&self, filter: &Filter) -> Result<Vec<LeadRow>> {
        let (sql, values) = listing(filter);
        let read = || -> rusqlite::Result<Vec<LeadRow>> {
            let mut statement = self.db.prepare_cached(&sql)?;
            statement.query_map(params_from_iter(values), lead_row)?.collect()
        };
        read().map_err(|error| self.error(&error))
    }

    /// Everything about the leads with this key, one per sync that has it, and the quarantined rows that claim it.
    pub fn show(&self, key: &str, sync: Option<&str>) -> Result<Vec<Told>> {
        let filter = Filter { key: Some(key.to_owned()), sync: sync.map(str::to_owned), ..Filter::default() };
        Ok(self.told(&filter)?.into_iter().map(|(_, told)| told).collect())
    }

    /// As [`Ledger::show`], each with how it is kept.
    pub(super) fn told(&self, filter: &Filter) -> Result<Vec<(Kept, Told)>> {
        let read = || -> rusqlite::Result<Vec<(Kept, Told)>> {
            let (sql, values) = listing(filter);
            let mut statement = self.db.prepare_cached(&sql)?;
            let rows = statement.query_map(params_from_iter(values), |row| {
                let number = row.get(11)?;
                let kept = if row.get(10)? { Kept::Lead(number) } else { Kept::Quarantined(number) };
                Ok((kept, lead_row(row)?))
            })?;
            rows.map(|row| row.and_then(|(kept, lead)| Ok((kept, self.tell(kept, lead)?)))).collect()
        };
        read().map_err(|error| self.error(&error))
    }

    fn tell(&self, kept: Kept, lead: LeadRow) -> rusqlite::Result<Told> {
        let Kept::Lead(number) = kept else {
            return Ok(Told { lead, possibly_sent_twice: false, next_at: None, history: Vec::new() });
        };
        let sql = "SELECT possibly_sent, strftime('%Y-%m-%dT%H:%M:%fZ', next_at / 1000.0, 'unixepoch') FROM lead WHERE id = ?1";
        let (possibly_sent_twice, next_at) = self.db.query_row(sql, [number], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let sql = "SELECT run, attempt, strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000.0, 'unixepoch'), kind, http_status, reason, took_ms
                     FROM (SELECT 0 AS part, version AS place, NULL AS run, 1 AS attempt, at, 'delivered' AS kind, http_status,
                                  coalesce('as ' || remote_id, 'under an unknown id') || '; its row changed since' AS reason, NULL AS took_ms
                             FROM earlier WHERE lead = ?1
                           UNION ALL
                           SELECT 1, id, run, attempt, at, kind, http_status, reason, took_ms FROM failure WHERE lead = ?1)
                    ORDER BY part, place";
        let mut statement = self.db.prepare_cached(sql)?;
        let history = statement.query_map([number], event)?.collect::<rusqlite::Result<_>>()?;
        Ok(Told { lead, possibly_sent_twice, next_at, history })
    }

    /// Calls `read`, for which the ledger is that of one moment, whatever others write meanwhile. Not within another such call.
    pub fn at_one_moment<T, E: From<Error>>(&self, read: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        // It ends with this value, and there is nothing to be committed.
        let _snapshot = self.db.unchecked_transaction().map_err(|error| self.error(&error))?;
        read()
    }

    /// Every sync the ledger knows, as of one moment.
    pub fn status(&self) -> Result<Vec<SyncStatus>> {
        self.at_one_moment(|| self.syncs())
    }

    fn syncs(&self) -> Result<Vec<SyncStatus>> {
        let read = || -> rusqlite::Result<Vec<Numbered>> {
            let sql = "SELECT s.id, c.id, s.name, c.name, (SELECT count(*) FROM quarantine q WHERE q.sync = s.id),
                              strftime('%Y-%m-%dT%H:%M:%fZ', r.finished_at / 1000.0, 'unixepoch'), r.outcome, r.id
                         FROM sync s JOIN connection c ON c.id = s.connection
                         LEFT JOIN run r ON r.id = (SELECT o.id FROM run_sync a JOIN run o ON o.id = a.run
                                                      WHERE a.sync = s.id AND o.finished_at IS NOT NULL ORDER BY a.run DESC LIMIT 1)
                        ORDER BY s.name";
            let mut statement = self.db.prepare(sql)?;
            let rows = statement.query_map([], |row| {
                let status = SyncStatus {
                    sync: row.get(2)?,
                    connection: row.get(3)?,
                    leads: Vec::new(),
                    quarantined: u64::try_from(row.get::<_, i64>(4)?).unwrap_or(0),
                    last_run: row.get(5)?,
                    last_outcome: row.get(6)?,
                    last_notices: Vec::new(),
                    state: ConnectionState::default(),
                };
                Ok(Numbered { sync: row.get(0)?, connection: row.get(1)?, last_run: row.get(7)?, status })
            })?;
            rows.collect()
        };
        let mut syncs = Vec::new();
        for Numbered { sync, connection, last_run, mut status } in read().map_err(|error| self.error(&error))? {
            let states = count_states(&self.db, sync).map_err(|error| self.error(&error))?;
            let some = states.into_iter().filter(|(_, count)| *count > 0);
            status.leads = some.map(|(state, count)| (state.to_string(), count)).collect();
            status.last_notices = self.notices(last_run, sync).map_err(|error| self.error(&error))?;
            status.state = self.connection_state(connection)?.0;
            syncs.push(status);
        }
        Ok(syncs)
    }

    /// What a run had to say of this sync, or of all.
    fn notices(&self, run: Option<i64>, sync: i64) -> rusqlite::Result<Vec<String>> {
        let sql = "SELECT text FROM notice WHERE run = ?1 AND (sync IS NULL OR sync = ?2) ORDER BY place";
        self.db.prepare_cached(sql)?.query_map(params![run, sync], |row| row.get(0))?.collect()
    }
}

/// Leads in every state, also those that no lead is in. Leads that are not delivered are few or, after a first intake, small in their index;
/// those that are delivered are what is left of all.
pub(super) fn count_states(db: &Connection, sync: i64) -> rusqlite::Result<Vec<(State, u64)>> {
    let sql = "SELECT state, count(*) FROM lead WHERE sync = ?1 AND state <> 'delivered' GROUP BY state";
    let mut statement = db.prepare_cached(sql)?;
    let open: Vec<(String, i64)> =
        statement.query_map([sync], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    let all: i64 = db.prepare_cached("SELECT leads FROM sync WHERE id = ?1")?.query_row([sync], |row| row.get(0))?;
    let delivered = all - open.iter().map(|(_, count)| count).sum::<i64>();
    let of = |state: State| match state {
        State::Delivered => delivered,
        _ => open.iter().find(|(name, _)| name == state.as_str()).map_or(0, |(_, count)| *count),
    };
    Ok(State::ALL.into_iter().map(|state| (state, u64::try_from(of(state)).unwrap_or(0))).collect())
}

/// A sync's status, to be filled in, and the numbers to do that by.
struct Numbered {
    sync: i64,
    connection: i64,
    last_run: Option<i64>,
    status: SyncStatus,
}

pub(super) fn lead_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<LeadRow> {
    Ok(LeadRow {
        sync: row.get(0)?,
        key: row.get(1)?,
        state: row.get(2)?,
        backref: row.get(3)?,
        remote_id: row.get(4)?,
        attempts: row.get(5)?,
        http_status: row.get(6)?,
        reason: row.get(7)?,
        origin: row.get(8)?,
        updated_at: row.get(9)?,
    })
}

fn event(row: &rusqlite::Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event {
        run: row.get(0)?,
        attempt: row.get(1)?,
        at: row.get(2)?,
        kind: row.get(3)?,
        http_status: row.get(4)?,
        reason: row.get(5)?,
        took_ms: row.get(6)?,
    })
}
