//! Why a lead that a person named is not put back to be sent.

use rusqlite::{Connection, params};

use super::operator::Target;
use crate::domain::delivery::State;
use crate::domain::time::Timestamp;

/// The cause; where several apply, the one that has to be dealt with first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No lead and no row in quarantine has the key.
    Unknown,
    /// An attempt is in doubt: `resolve` settles it.
    Held,
    /// The mapping refused its row, or the row is in quarantine: the row has to be corrected.
    Row,
    /// It is being sent.
    Sending,
    /// The next run sends it as it is.
    Due,
    /// The API accepted it.
    Delivered,
    /// It could be put back, but its state or reason is not the one that was asked for.
    Other(State),
}

/// Why no lead of `key` was put back.
pub(super) fn of(db: &Connection, key: &str, sync: Option<&str>, now: Timestamp) -> rusqlite::Result<Refusal> {
    let sql = "SELECT l.state, l.by_mapping, l.next_at FROM sync s JOIN lead l ON l.sync = s.id
                WHERE l.key = ?1 AND (?2 IS NULL OR s.name = ?2)";
    let mut statement = db.prepare_cached(sql)?;
    let leads = statement.query_map(params![key, sync], |row| {
        let state: String = row.get(0)?;
        Ok(cause(&state, row.get(1)?, row.get::<_, Option<i64>>(2)?.is_none_or(|at| at <= now.0)))
    })?;
    let mut causes = leads.collect::<rusqlite::Result<Vec<_>>>()?;
    let meant = Target { keys: vec![key.to_owned()], sync: sync.map(str::to_owned), ..Target::default() };
    if quarantined(db, &meant)? > 0 {
        causes.push(Refusal::Row);
    }
    Ok(causes.into_iter().min_by_key(|cause| rank(*cause)).unwrap_or(Refusal::Unknown))
}

fn cause(state: &str, by_mapping: bool, is_due: bool) -> Refusal {
    match state.parse() {
        Ok(State::Held) => Refusal::Held,
        Ok(State::Rejected | State::Failed) if by_mapping => Refusal::Row,
        Ok(State::Sending) => Refusal::Sending,
        Ok(State::Pending) => Refusal::Due,
        Ok(State::Waiting) if is_due => Refusal::Due,
        Ok(State::Delivered) => Refusal::Delivered,
        Ok(state) => Refusal::Other(state),
        Err(_) => Refusal::Unknown,
    }
}

/// What needs a person comes first.
fn rank(cause: Refusal) -> u8 {
    match cause {
        Refusal::Other(_) => 0,
        Refusal::Held => 1,
        Refusal::Row => 2,
        Refusal::Sending => 3,
        Refusal::Due => 4,
        Refusal::Delivered => 5,
        Refusal::Unknown => 6,
    }
}

/// Rows in quarantine that the target means; it means none if it asks for another state than rejected.
pub(super) fn quarantined(db: &Connection, target: &Target) -> rusqlite::Result<usize> {
    if target.state.is_some_and(|state| state != State::Rejected) {
        return Ok(0);
    }
    let sql = "SELECT count(*) FROM sync s JOIN quarantine q ON q.sync = s.id
                WHERE (?1 IS NULL OR s.name = ?1) AND (?2 IS NULL OR instr(lower(q.reason), lower(?2)) > 0)
                  AND (?3 IS NULL OR q.key = ?3)";
    let count: i64 = db.query_row(sql, params![target.sync, target.reason, target.keys.first()], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}
