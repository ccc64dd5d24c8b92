//! What a person does to leads. Each act is recorded in the lead's history with the operator's name, and works beside a running daemon:
//! every change is guarded by the state it expects.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Ledger, Result, queue};
use crate::domain::delivery::{Post, State};
use crate::domain::time::Timestamp;

/// Which leads are meant.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// These keys; empty: all.
    pub keys: Vec<String>,
    /// Only of this sync.
    pub sync: Option<String>,
    /// Only in this state.
    pub state: Option<State>,
    /// Only where the reason holds this text, in upper or lower case.
    pub reason: Option<String>,
}

/// The states that a retry may begin in.
const RETRIED: [State; 3] = [State::Rejected, State::Failed, State::Waiting];

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
    /// refused stay: their row has to change first. Returns the keys it changed.
    pub fn retry(&mut self, target: &Target, who: &str, now: Timestamp) -> Result<Vec<String>> {
        let path = self.path.clone();
        let tx = self.write()?;
        let retried = retry(&tx, target, who, now).map_err(|error| super::Error::from_sqlite(&path, &error))?;
        tx.commit().map_err(|error| super::Error::from_sqlite(&path, &error))?;
        Ok(retried)
    }

    /// Settles held leads by hand. Returns how many of the key (one, unless two syncs have it).
    pub fn resolve(&mut self, target: &Target, how: &Resolution, who: &str, now: Timestamp) -> Result<usize> {
        let path = self.path.clone();
        let tx = self.write()?;
        let count = resolve(&tx, target, how, who, now).map_err(|error| super::Error::from_sqlite(&path, &error))?;
        tx.commit().map_err(|error| super::Error::from_sqlite(&path, &error))?;
        Ok(count)
    }

    /// Leads that a retry of this target would look at.
    pub fn count_target(&self, target: &Target) -> Result<usize> {
        let mut count = 0;
        for state in target.state.map_or(RETRIED.to_vec(), |state| vec![state]) {
            count += find(&self.db, target, state).map_err(|error| self.error(&error))?.len();
        }
        Ok(count)
    }

    /// Held leads of the target.
    pub fn count_held(&self, target: &Target) -> Result<usize> {
        find(&self.db, target, State::Held).map(|held| held.len()).map_err(|error| self.error(&error))
    }

    /// The number of the sync of this name, if the ledger has it.
    pub fn sync_number(&self, name: &str) -> Result<Option<i64>> {
        let found = self.db.query_row("SELECT id FROM sync WHERE name = ?1", [name], |row| row.get(0)).optional();
        found.map_err(|error| self.error(&error))
    }
}

fn retry(db: &Connection, target: &Target, who: &str, now: Timestamp) -> rusqlite::Result<Vec<String>> {
    let mut keys = Vec::new();
    for state in target.state.map_or(RETRIED.to_vec(), |state| vec![state]) {
        for (lead, key) in find(db, target, state)? {
            let sql = match state {
                State::Waiting => "UPDATE lead SET next_at = ?2 WHERE id = ?1 AND state = 'waiting'",
                // A failed lead that may have arrived keeps its content, its idempotency key and its mark.
                State::Rejected | State::Failed => {
                    "UPDATE lead SET state = 'pending', next_at = ?2, attempts = 0, tries = 0, since = ?2, updated_at = ?2,
                            http_status = NULL, reason = NULL
                      WHERE id = ?1 AND state IN ('rejected', 'failed') AND by_mapping = 0"
                }
                State::Pending | State::Sending | State::Delivered | State::Held => continue,
            };
            if db.execute(sql, params![lead, now.0])? == 1 {
                queue::record(db, lead, None, &act("retry", format!("put back to be sent by {who}"), now))?;
                keys.push(key);
            }
        }
    }
    Ok(keys)
}

fn resolve(db: &Connection, target: &Target, how: &Resolution, who: &str, now: Timestamp) -> rusqlite::Result<usize> {
    let held = find(db, target, State::Held)?;
    for (lead, _) in &held {
        let note = match how {
            Resolution::Delivered { remote_id } => {
                let sql = "UPDATE lead SET state = 'delivered', remote_id = coalesce(?2, remote_id), updated_at = ?3,
                                  possibly_sent = 0, reason = 'resolved by hand: delivered' WHERE id = ?1 AND state = 'held'";
                db.execute(sql, params![lead, remote_id, now.0])?;
                db.execute("DELETE FROM content WHERE lead = ?1", [lead])?;
                "settled as delivered"
            }
            Resolution::Resend => {
                let sql = "UPDATE lead SET state = 'pending', next_at = ?2, attempts = 0, tries = 0, since = ?2, updated_at = ?2
                            WHERE id = ?1 AND state = 'held'";
                db.execute(sql, params![lead, now.0])?;
                "to be sent again, possibly for the second time"
            }
        };
        queue::record(db, *lead, None, &act("resolve", format!("{note}, says {who}"), now))?;
    }
    Ok(held.len())
}

fn act(kind: &'static str, reason: String, at: Timestamp) -> Post {
    Post { kind, charged: false, http_status: None, reason, at, took_ms: 0 }
}

/// The leads of the target that are in `state`.
fn find(db: &Connection, target: &Target, state: State) -> rusqlite::Result<Vec<(i64, String)>> {
    let sql = "SELECT l.id, l.key FROM sync s JOIN lead l ON l.sync = s.id
                WHERE l.state = ?1 AND l.state <> 'delivered' AND (?2 IS NULL OR s.name = ?2)
                  AND (?3 IS NULL OR instr(lower(coalesce(l.reason, '')), lower(?3)) > 0) ORDER BY l.id";
    let one = "SELECT l.id, l.key FROM sync s JOIN lead l ON l.sync = s.id
                WHERE l.state = ?1 AND (?2 IS NULL OR s.name = ?2)
                  AND (?3 IS NULL OR instr(lower(coalesce(l.reason, '')), lower(?3)) > 0) AND l.key = ?4";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    if target.keys.is_empty() {
        return db.prepare_cached(sql)?.query_map(params![state.as_str(), target.sync, target.reason], read)?.collect();
    }
    let mut found = Vec::new();
    for key in &target.keys {
        let mut statement = db.prepare_cached(one)?;
        for row in statement.query_map(params![state.as_str(), target.sync, target.reason, key], read)? {
            found.push(row?);
        }
    }
    Ok(found)
}
