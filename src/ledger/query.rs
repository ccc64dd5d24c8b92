//! Answers for the commands: leads, one lead's history, the state of each sync.

use rusqlite::params_from_iter;
use rusqlite::types::Value;
use serde::Serialize;

use super::connections::ConnectionState;
use super::{Kept, Ledger, Result};
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
    /// An attempt is in doubt: the lead may have been sent twice.
    pub possibly_sent_twice: bool,
    /// When it is tried next, RFC 3339 UTC.
    pub next_at: Option<String>,
    /// What happened, oldest first.
    pub history: Vec<Event>,
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
                     FROM failure WHERE lead = ?1 ORDER BY id";
        let mut statement = self.db.prepare_cached(sql)?;
        let history = statement.query_map([number], event)?.collect::<rusqlite::Result<_>>()?;
        Ok(Told { lead, possibly_sent_twice, next_at, history })
    }

    /// Every sync the ledger knows.
    pub fn status(&self) -> Result<Vec<SyncStatus>> {
        let read = || -> rusqlite::Result<Vec<(i64, i64, SyncStatus)>> {
            let sql = "SELECT s.id, c.id, s.name, c.name, (SELECT count(*) FROM quarantine q WHERE q.sync = s.id),
                              strftime('%Y-%m-%dT%H:%M:%fZ', r.finished_at / 1000.0, 'unixepoch'), r.outcome
                         FROM sync s JOIN connection c ON c.id = s.connection
                         LEFT JOIN run r ON r.id = (SELECT run FROM run_sync WHERE sync = s.id ORDER BY run DESC LIMIT 1)
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
                    state: ConnectionState::default(),
                };
                Ok((row.get(0)?, row.get(1)?, status))
            })?;
            rows.collect()
        };
        let mut syncs = Vec::new();
        for (sync, connection, mut status) in read().map_err(|error| self.error(&error))? {
            status.leads = self.count_states(sync).map_err(|error| self.error(&error))?;
            status.state = self.connection_state(connection)?.0;
            syncs.push(status);
        }
        Ok(syncs)
    }

    /// Leads that are not delivered are few or, after a first intake, small in their index; those that are delivered are what is left of all.
    fn count_states(&self, sync: i64) -> rusqlite::Result<Vec<(String, u64)>> {
        let snapshot = self.db.unchecked_transaction()?;
        let sql = "SELECT state, count(*) FROM lead WHERE sync = ?1 AND state <> 'delivered' GROUP BY state";
        let mut statement = snapshot.prepare_cached(sql)?;
        let mut counts: Vec<(String, i64)> =
            statement.query_map([sync], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
        let all: i64 = snapshot.query_row("SELECT leads FROM sync WHERE id = ?1", [sync], |row| row.get(0))?;
        let open: i64 = counts.iter().map(|(_, count)| count).sum();
        counts.push((State::Delivered.as_str().to_owned(), all - open));
        let of = |state: State| counts.iter().find(|(name, count)| name == state.as_str() && *count > 0);
        Ok(State::ALL
            .into_iter()
            .filter_map(of)
            .map(|(state, count)| (state.clone(), u64::try_from(*count).unwrap_or(0)))
            .collect())
    }
}

/// The statement that lists what the filter means. Only what it asks for is in the statement, so that SQLite finds the index for it.
fn listing(filter: &Filter) -> (String, Vec<Value>) {
    let mut lead = Terms::default();
    let mut quarantine = Terms::default();
    if let Some(sync) = &filter.sync {
        lead.add("s.name = ?", sync.clone());
        quarantine.add("s.name = ?", sync.clone());
    }
    if let Some(key) = &filter.key {
        lead.add("l.key = ?", key.clone());
        quarantine.add("q.key = ?", key.clone());
    }
    if let Some(state) = filter.state {
        lead.add("l.state = ?", state.as_str().to_owned());
        if state != State::Delivered {
            // What lets SQLite use the partial index.
            lead.terms.push("l.state <> 'delivered'");
        }
        if state != State::Rejected {
            quarantine.terms.push("0");
        }
    }
    if let Some(since) = filter.since {
        lead.add("l.updated_at >= ?", since.0);
        quarantine.add("q.updated_at >= ?", since.0);
    }
    if let Some(reason) = &filter.reason {
        lead.add("instr(lower(coalesce(l.reason, '')), lower(?)) > 0", reason.clone());
        quarantine.add("instr(lower(q.reason), lower(?)) > 0", reason.clone());
    }
    // CROSS JOIN is SQLite's way to fix the order of the loops: syncs first where an index of leads, which begins with the sync, finds the few
    // that are meant; else leads in the order of the ledger, so that the first ones are there at once.
    let few = filter.key.is_some() || filter.state.is_some_and(|state| state != State::Delivered);
    let leads =
        if few { "sync s CROSS JOIN lead l ON l.sync = s.id" } else { "lead l CROSS JOIN sync s ON s.id = l.sync" };
    let sql = format!(
        "SELECT s.name, l.key, l.state, l.backref, l.remote_id, l.attempts, l.http_status, {REASON}, o.path || ':' || l.line,
                strftime('%Y-%m-%dT%H:%M:%fZ', l.updated_at / 1000.0, 'unixepoch'), 1, l.id
           FROM {leads} CROSS JOIN origin o ON o.id = l.origin {}
         UNION ALL
         SELECT s.name, q.key, 'rejected', NULL, NULL, 0, NULL, q.reason, o.path || ':' || q.line,
                strftime('%Y-%m-%dT%H:%M:%fZ', q.updated_at / 1000.0, 'unixepoch'), 0, q.id
           FROM sync s CROSS JOIN quarantine q ON q.sync = s.id CROSS JOIN origin o ON o.id = q.origin {}
          LIMIT ? OFFSET ?",
        lead.clause(),
        quarantine.clause()
    );
    let mut values = lead.values;
    values.extend(quarantine.values);
    values.push(filter.limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX)).into());
    values.push(i64::try_from(filter.offset).unwrap_or(i64::MAX).into());
    (sql, values)
}

/// As the view `leads` tells it.
const REASON: &str = "CASE WHEN l.possibly_sent = 1 AND l.state = 'delivered' THEN 'possibly sent twice'
                           WHEN l.possibly_sent = 1 AND l.state IN ('pending', 'sending', 'waiting')
                             THEN coalesce(l.reason || '; ', '') || 'possibly sent twice'
                           ELSE l.reason END";

/// Terms of a WHERE clause and their values.
#[derive(Default)]
struct Terms {
    terms: Vec<&'static str>,
    values: Vec<Value>,
}

impl Terms {
    fn add(&mut self, term: &'static str, value: impl Into<Value>) {
        self.terms.push(term);
        self.values.push(value.into());
    }

    fn clause(&self) -> String {
        if self.terms.is_empty() { String::new() } else { format!("WHERE {}", self.terms.join(" AND ")) }
    }
}

fn lead_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<LeadRow> {
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
