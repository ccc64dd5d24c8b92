//! The hot path: claim and settle. Called inside the writer's transaction; statements are prepared once and cached.
//!
//! What an unsettled lead's age was when something was last done about it is `updated_at - since`, always: whoever moves the one moves the
//! other, so that a clock that is set makes no lead older ([`retry::age`]).

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::{CachedStatement, Connection, params};

use super::runs::Ends;
use super::{Ledger, Result};
use crate::domain::delivery::{Claim, Next, Post, Settlement};
use crate::domain::retry;
use crate::domain::time::Timestamp;

/// What a connection asks for: up to `limit` leads of these syncs that are due at `now`.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Numbers of the syncs, first come first served.
    pub syncs: Vec<i64>,
    /// Leads at most.
    pub limit: usize,
    /// What is due by then.
    pub now: Timestamp,
    /// For how long a lead is tried at most.
    pub max_age: Duration,
    /// The connection's number: its last request time is kept with the claim.
    pub connection: i64,
    /// Begin with a lead that was never tried: of claims of one lead each every other one does.
    pub fresh_first: bool,
}

/// Commits to the intent to send: the claimed leads are `sending`.
pub(super) fn claim(db: &Connection, ask: &Ask) -> rusqlite::Result<Vec<Claim>> {
    let (mut fresh, mut retries) = (Vec::new(), Vec::new());
    for sync in &ask.syncs {
        due(db, *sync, "pending", ask, &mut fresh)?;
        due(db, *sync, "waiting", ask, &mut retries)?;
    }
    // In turn: leads that the API turns away each time must not keep those from being tried that it would take.
    let mut claims = if ask.fresh_first { in_turn(fresh, retries) } else { in_turn(retries, fresh) };
    claims.truncate(ask.limit);
    intend(db, &claims, ask)?;
    if !claims.is_empty() {
        let mut remember = db.prepare_cached("UPDATE connection SET last_request_at = ?2 WHERE id = ?1")?;
        remember.execute(params![ask.connection, ask.now.0])?;
    }
    Ok(claims)
}

/// Marks leads as being sent. That what has passed of their lives is [`retry::age`] is said in SQL once more, as one statement does for many.
fn intend(db: &Connection, claims: &[Claim], ask: &Ask) -> rusqlite::Result<()> {
    let sql = "UPDATE lead SET state = 'sending', next_at = NULL, updated_at = ?3,
                      since = ?3 - max(updated_at - since, 0) - min(max(?3 - updated_at, 0), ?4)
                WHERE id BETWEEN ?1 AND ?2";
    let mut statement = db.prepare_cached(sql)?;
    let untouched_at_most = i64::try_from((ask.max_age / 2).as_millis()).unwrap_or(i64::MAX);
    let leads = claims.iter().map(|claim| claim.lead).collect();
    let changed =
        each_range(leads, |first, last| statement.execute(params![first, last, ask.now.0, untouched_at_most]))?;
    if changed == claims.len() { Ok(()) } else { Err(rusqlite::Error::StatementChangedRows(changed)) }
}

/// Calls `change` with the first and the last of each run of consecutive numbers, and adds up what it changed. Leads are sent in the order of
/// the export, so that most batches are few runs, and a statement over a run costs half as much a lead as one for each.
fn each_range(
    mut leads: Vec<i64>,
    mut change: impl FnMut(i64, i64) -> rusqlite::Result<usize>,
) -> rusqlite::Result<usize> {
    leads.sort_unstable();
    let mut changed = 0;
    for run in leads.chunk_by(|lead, next| lead + 1 == *next) {
        if let (Some(first), Some(last)) = (run.first(), run.last()) {
            changed += change(*first, *last)?;
        }
    }
    Ok(changed)
}

/// The first of each, the second of each, and so on.
fn in_turn(first: Vec<Claim>, second: Vec<Claim>) -> Vec<Claim> {
    if first.is_empty() || second.is_empty() {
        return [first, second].into_iter().flatten().collect();
    }
    let mut all = Vec::with_capacity(first.len() + second.len());
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    while first.len() + second.len() > 0 {
        all.extend(first.next().into_iter().chain(second.next()));
    }
    all
}

fn due(db: &Connection, sync: i64, state: &str, ask: &Ask, claims: &mut Vec<Claim>) -> rusqlite::Result<()> {
    // `state <> 'delivered'` is what lets SQLite use the partial index, whose order is the one asked for. There is no LIMIT: SQLite would plan
    // the statement anew each time, for the limit that was bound. We stop asking instead.
    let sql =
        "SELECT l.id, l.sync, l.key, l.version, l.attempts, l.tries, l.since, l.updated_at, l.possibly_sent, c.payload
                 FROM lead l INDEXED BY lead_open CROSS JOIN content c ON c.lead = l.id
                WHERE l.sync = ?1 AND l.state = ?2 AND l.state <> 'delivered' AND l.next_at <= ?3
                ORDER BY l.next_at, l.id";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![sync, state, ask.now.0])?;
    while claims.len() < ask.limit
        && let Some(row) = rows.next()?
    {
        claims.push(Claim {
            lead: row.get(0)?,
            sync: row.get(1)?,
            key: row.get(2)?,
            version: row.get(3)?,
            attempts: row.get(4)?,
            tries: row.get(5)?,
            age: retry::age(ask.max_age, Timestamp(row.get(6)?), Timestamp(row.get(7)?), ask.now),
            possibly_sent: row.get(8)?,
            payload: row.get(9)?,
        });
    }
    Ok(())
}

/// Writes the ends of claims, as many as one transaction has. Most leads are delivered: that is what is quick.
pub(super) struct Settle<'c> {
    db: &'c Connection,
    run: i64,
    deliver: CachedStatement<'c>,
    /// Leads whose content is still to go.
    delivered: Vec<i64>,
    /// By sync, for the run's counts.
    ends: BTreeMap<i64, Ends>,
}

impl<'c> Settle<'c> {
    pub(super) fn new(db: &'c Connection, run: i64) -> rusqlite::Result<Self> {
        let deliver =
            "UPDATE lead SET state = 'delivered', attempts = attempts + 1, tries = tries + 1, updated_at = ?2,
                          http_status = ?3, remote_id = ?4, reason = NULL
                    WHERE id = ?1 AND state = 'sending'";
        Ok(Self { db, run, deliver: db.prepare_cached(deliver)?, delivered: Vec::new(), ends: BTreeMap::new() })
    }

    /// The content of what was delivered goes, and the run's counts grow.
    pub(super) fn finish(self) -> rusqlite::Result<()> {
        for (sync, ends) in self.ends {
            ends.store(self.db, self.run, sync)?;
        }
        let mut forget = self.db.prepare_cached("DELETE FROM content WHERE lead BETWEEN ?1 AND ?2")?;
        each_range(self.delivered, |first, last| forget.execute([first, last])).map(drop)
    }

    /// Writes the end of a claim. What is written of a delivered lead is one small row.
    pub(super) fn write(&mut self, settlement: &Settlement, now: Timestamp) -> rusqlite::Result<()> {
        let (lead, db, run) = (settlement.lead, self.db, self.run);
        if let Some(earlier) = &settlement.earlier {
            record(db, lead, Some(run), earlier)?;
        }
        let changed = match (&settlement.to, &settlement.post) {
            (Next::Delivered { remote_id }, Some(post)) => {
                self.delivered.push(lead);
                self.deliver.execute(params![lead, post.at.0, post.http_status, remote_id])?
            }
            (to @ Next::Released { .. }, post) => {
                let changed = release(db, lead, to, now)?;
                if let Some(post) = post {
                    record(db, lead, Some(run), post)?;
                }
                changed
            }
            (to, Some(post)) => {
                let changed = end_without_delivery(db, lead, to, post)?;
                record(db, lead, Some(run), post)?;
                changed
            }
            (_, None) => 0,
        };
        self.ends.entry(settlement.sync).or_default().add(settlement.to.state());
        // A claim that is no longer `sending` would mean that two processes send at once: better to stop than to guess.
        if changed == 1 { Ok(()) } else { Err(rusqlite::Error::StatementChangedRows(changed)) }
    }
}

/// Due since it was due first, so that it keeps its place.
fn release(db: &Connection, lead: i64, to: &Next, now: Timestamp) -> rusqlite::Result<usize> {
    let sql =
        "UPDATE lead SET state = ?3, next_at = since + ?2 - updated_at, since = since + ?2 - updated_at, updated_at = ?2
                WHERE id = ?1 AND state = 'sending'";
    db.prepare_cached(sql)?.execute(params![lead, now.0, to.state().as_str()])
}

fn end_without_delivery(db: &Connection, lead: i64, to: &Next, post: &Post) -> rusqlite::Result<usize> {
    let (next_at, in_doubt) = match to {
        Next::Waiting { until, possibly_sent } => (Some(until.0), *possibly_sent),
        Next::Failed { possibly_sent } => (None, *possibly_sent),
        Next::Held => (None, true),
        Next::Delivered { .. } | Next::Rejected | Next::Released { .. } => (None, false),
    };
    let sql = "UPDATE lead SET state = ?2, next_at = ?3, attempts = attempts + ?4, tries = tries + 1,
                      possibly_sent = max(possibly_sent, ?5), since = since + ?6 - updated_at - ?9, updated_at = ?6, http_status = ?7, reason = ?8
                WHERE id = ?1 AND state = 'sending'";
    let (state, took) = (to.state().as_str(), milliseconds(post.took_ms));
    let values = params![lead, state, next_at, post.charged, in_doubt, post.at.0, post.http_status, post.reason, took];
    db.prepare_cached(sql)?.execute(values)
}

/// Adds to a lead's history.
pub(super) fn record(db: &Connection, lead: i64, run: Option<i64>, post: &Post) -> rusqlite::Result<()> {
    let sql = "INSERT INTO failure (lead, run, attempt, at, kind, http_status, reason, took_ms)
               SELECT id, ?2, attempts, ?3, ?4, ?5, ?6, ?7 FROM lead WHERE id = ?1";
    let values = params![lead, run, post.at.0, post.kind, post.http_status, post.reason, milliseconds(post.took_ms)];
    db.prepare_cached(sql)?.execute(values).map(drop)
}

/// SQLite's integers are signed; no request takes 2⁶³ ms.
fn milliseconds(took: u64) -> i64 {
    i64::try_from(took).unwrap_or(i64::MAX)
}

impl Ledger {
    /// The earliest time at which a waiting or pending lead of these syncs is due.
    pub fn next_due(&self, syncs: &[i64]) -> Result<Option<Timestamp>> {
        next_due(&self.db, syncs).map_err(|error| self.error(&error))
    }
}

pub(super) fn next_due(db: &Connection, syncs: &[i64]) -> rusqlite::Result<Option<Timestamp>> {
    let sql = "SELECT min(next_at) FROM lead WHERE sync = ?1 AND state = ?2 AND state <> 'delivered'";
    let mut statement = db.prepare_cached(sql)?;
    let mut earliest: Option<i64> = None;
    for sync in syncs {
        for state in ["pending", "waiting"] {
            let due: Option<i64> = statement.query_row(params![sync, state], |row| row.get(0))?;
            earliest = [earliest, due].into_iter().flatten().min();
        }
    }
    Ok(earliest.map(Timestamp))
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
