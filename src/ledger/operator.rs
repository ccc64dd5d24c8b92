//! What a person does to leads. Each act is recorded in the lead's history with the operator's name, and works beside a running daemon:
//! every change is guarded by the state it expects, and one that was asked about is made only if it still is the one that was shown.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};

use super::refusal::{self, Refusal};
use super::{Error, Ledger, Result, queue};
use crate::domain::delivery::{Post, State};
use crate::domain::plan;
use crate::domain::time::Timestamp;

/// Which leads are meant.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// These keys; empty: all.
    pub keys: Vec<String>,
    /// Only of this sync.
    pub sync: Option<String>,
    /// Only in this state; `None`: any that a retry may begin in, without keys none that is tried again anyway.
    pub state: Option<State>,
    /// Only where the reason holds this text, in upper or lower case.
    pub reason: Option<String>,
}

/// The states that a retry may begin in.
pub const RETRIED: [State; 3] = [State::Rejected, State::Failed, State::Waiting];

/// What a retry did, and why it left what it left.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Retried {
    /// Leads that are to be sent now.
    pub leads: usize,
    /// Their syncs, by name.
    pub syncs: BTreeSet<String>,
    /// Named keys of which no lead was put back, each with the cause.
    pub refused: Vec<(String, Refusal)>,
    /// Without named keys: leads that the mapping refused and rows in quarantine that are meant, too, and that no retry mends.
    pub unmended: usize,
}

/// How a held lead is settled by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// It arrived; the API's id, if known.
    Delivered {
        /// The API's id of the lead.
        remote_id: Option<String>,
    },
    /// It did not arrive, or a second one does no harm: send it (again).
    Resend,
}

impl Ledger {
    /// Puts rejected and failed leads back to pending with their attempts counted anew, and makes waiting ones due. Leads that the mapping
    /// refused stay: their row has to change first. `expected` is the number that was shown to a person: `None` if it is another one by now,
    /// and nothing is changed.
    pub fn retry(
        &mut self,
        target: &Target,
        expected: Option<usize>,
        who: &str,
        now: Timestamp,
    ) -> Result<Option<Retried>> {
        let path = self.path.clone();
        let tx = self.write()?;
        let retried = retry(&tx, target, who, now).map_err(|error| Error::from_sqlite(&path, &error))?;
        if expected.is_some_and(|expected| expected != retried.leads) {
            return Ok(None);
        }
        tx.commit().map_err(|error| Error::from_sqlite(&path, &error))?;
        Ok(Some(retried))
    }

    /// Settles held leads by hand. Gives the syncs of the leads (one, unless several have the key). `expected` as for [`Ledger::retry`].
    pub fn resolve(
        &mut self,
        target: &Target,
        how: &Resolution,
        expected: Option<&BTreeSet<String>>,
        who: &str,
        now: Timestamp,
    ) -> Result<Option<BTreeSet<String>>> {
        let path = self.path.clone();
        let tx = self.write()?;
        let syncs = resolve(&tx, target, how, who, now).map_err(|error| Error::from_sqlite(&path, &error))?;
        if expected.is_some_and(|expected| *expected != syncs) {
            return Ok(None);
        }
        tx.commit().map_err(|error| Error::from_sqlite(&path, &error))?;
        Ok(Some(syncs))
    }

    /// Leads that a retry of this target would put back now.
    pub fn count_target(&self, target: &Target, now: Timestamp) -> Result<usize> {
        let mut count = 0;
        for state in target.states() {
            let found = find(&self.db, target, state).map_err(|error| self.error(&error))?;
            count += found.iter().filter(|lead| lead.can_be_retried(state, now)).count();
        }
        Ok(count)
    }

    /// The syncs that hold a lead of the target.
    pub fn holding(&self, target: &Target) -> Result<BTreeSet<String>> {
        let held = find(&self.db, target, State::Held).map_err(|error| self.error(&error))?;
        Ok(held.into_iter().map(|lead| lead.sync).collect())
    }

    /// A held lead of the target is held because its row is not wanted any more.
    pub fn is_unwanted(&self, target: &Target) -> Result<bool> {
        let target = Target { reason: Some(plan::UNWANTED.to_owned()), ..target.clone() };
        find(&self.db, &target, State::Held).map(|held| !held.is_empty()).map_err(|error| self.error(&error))
    }

    /// The number of the sync of this name, if the ledger has it.
    pub fn sync_number(&self, name: &str) -> Result<Option<i64>> {
        let found = self.db.query_row("SELECT id FROM sync WHERE name = ?1", [name], |row| row.get(0)).optional();
        found.map_err(|error| self.error(&error))
    }
}

impl Target {
    fn states(&self) -> Vec<State> {
        match self.state {
            Some(state) => vec![state],
            None if self.keys.is_empty() => vec![State::Rejected, State::Failed],
            None => RETRIED.to_vec(),
        }
    }
}

/// A lead that is meant.
struct Meant {
    id: i64,
    key: String,
    sync: String,
    by_mapping: bool,
    next_at: Option<i64>,
}

impl Meant {
    fn can_be_retried(&self, state: State, now: Timestamp) -> bool {
        match state {
            State::Rejected | State::Failed => !self.by_mapping,
            State::Waiting => self.next_at.is_none_or(|at| at > now.0),
            State::Pending | State::Sending | State::Delivered | State::Held => false,
        }
    }
}

fn retry(db: &Connection, target: &Target, who: &str, now: Timestamp) -> rusqlite::Result<Retried> {
    let mut retried = Retried::default();
    let mut keys = BTreeSet::new();
    for state in target.states() {
        for lead in find(db, target, state)? {
            if !lead.can_be_retried(state, now) {
                retried.unmended += usize::from(lead.by_mapping);
                continue;
            }
            put_back(db, lead.id, state, who, now)?;
            retried.leads += 1;
            retried.syncs.insert(lead.sync);
            keys.insert(lead.key);
        }
    }
    if target.keys.is_empty() {
        retried.unmended += refusal::quarantined(db, target)?;
    } else {
        retried.unmended = 0;
    }
    for key in target.keys.iter().filter(|key| !keys.contains(*key)) {
        retried.refused.push((key.clone(), refusal::of(db, key, target.sync.as_deref(), now)?));
    }
    Ok(retried)
}

fn put_back(db: &Connection, lead: i64, state: State, who: &str, now: Timestamp) -> rusqlite::Result<()> {
    let sql = if state == State::Waiting {
        "UPDATE lead SET next_at = ?2 WHERE id = ?1 AND state = 'waiting'"
    } else {
        // A failed lead that may have arrived keeps its content, its idempotency key and its mark.
        "UPDATE lead SET state = 'pending', next_at = ?2, attempts = 0, tries = 0, since = ?2, updated_at = ?2,
                http_status = NULL, reason = NULL
          WHERE id = ?1 AND state IN ('rejected', 'failed') AND by_mapping = 0"
    };
    db.prepare_cached(sql)?.execute(params![lead, now.0])?;
    queue::record(db, lead, None, &act("retry", format!("put back to be sent by {who}"), now))
}

fn resolve(
    db: &Connection,
    target: &Target,
    how: &Resolution,
    who: &str,
    now: Timestamp,
) -> rusqlite::Result<BTreeSet<String>> {
    let held = find(db, target, State::Held)?;
    for lead in &held {
        let note = match how {
            Resolution::Delivered { remote_id } => {
                let sql = "UPDATE lead SET state = 'delivered', remote_id = coalesce(?2, remote_id), updated_at = ?3,
                                  possibly_sent = 0, reason = 'resolved by hand: delivered' WHERE id = ?1 AND state = 'held'";
                db.execute(sql, params![lead.id, remote_id, now.0])?;
                db.execute("DELETE FROM content WHERE lead = ?1", [lead.id])?;
                "settled as delivered"
            }
            Resolution::Resend => {
                let sql = "UPDATE lead SET state = 'pending', next_at = ?2, attempts = 0, tries = 0, since = ?2, updated_at = ?2
                            WHERE id = ?1 AND state = 'held'";
                db.execute(sql, params![lead.id, now.0])?;
                "to be sent again, possibly for the second time"
            }
        };
        queue::record(db, lead.id, None, &act("resolve", format!("{note}, says {who}"), now))?;
    }
    Ok(held.into_iter().map(|lead| lead.sync).collect())
}

fn act(kind: &'static str, reason: String, at: Timestamp) -> Post {
    Post { kind, charged: false, http_status: None, reason, at, took_ms: 0 }
}

/// The leads of the target that are in `state`; one whose key was named twice once.
fn find(db: &Connection, target: &Target, state: State) -> rusqlite::Result<Vec<Meant>> {
    let all = "SELECT l.id, l.key, s.name, l.by_mapping, l.next_at FROM sync s JOIN lead l ON l.sync = s.id
                WHERE l.state = ?1 AND l.state <> 'delivered' AND (?2 IS NULL OR s.name = ?2)
                  AND (?3 IS NULL OR instr(lower(coalesce(l.reason, '')), lower(?3)) > 0) ORDER BY l.id";
    let one = "SELECT l.id, l.key, s.name, l.by_mapping, l.next_at FROM sync s JOIN lead l ON l.sync = s.id
                WHERE l.state = ?1 AND (?2 IS NULL OR s.name = ?2)
                  AND (?3 IS NULL OR instr(lower(coalesce(l.reason, '')), lower(?3)) > 0) AND l.key = ?4";
    let read = |row: &rusqlite::Row<'_>| {
        let (id, key, sync) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(Meant { id, key, sync, by_mapping: row.get(3)?, next_at: row.get(4)? })
    };
    let (name, sync, reason) = (state.as_str(), &target.sync, &target.reason);
    if target.keys.is_empty() {
        return db.prepare_cached(all)?.query_map(params![name, sync, reason], read)?.collect();
    }
    let mut found = Vec::new();
    for key in target.keys.iter().collect::<BTreeSet<_>>() {
        let mut statement = db.prepare_cached(one)?;
        for lead in statement.query_map(params![name, sync, reason, key], read)? {
            found.push(lead?);
        }
    }
    Ok(found)
}

#[cfg(test)]
#[path = "operator_tests.rs"]
mod tests;
