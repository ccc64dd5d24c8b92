//! What a process left behind that died while it sent.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::queue::record;
use super::{Ledger, Result, runs};
use crate::domain::delivery::Post;
use crate::domain::time::Timestamp;
use crate::domain::verdict::OnInDoubt;

/// The leads that a dead process left in `sending`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// All of them.
    pub leads: usize,
    /// Those that a person has to decide about, by sync.
    pub held: BTreeMap<i64, u64>,
}

/// Takes up the leads that a dead process left in `sending`: each of them is in doubt, and the attempt is charged. Call it under the
/// lease, before anything is claimed. `policy` tells, for a connection's name, what a lead in doubt means there.
pub fn recover(ledger: &mut Ledger, now: Timestamp, policy: impl Fn(&str) -> OnInDoubt) -> Result<Recovered> {
    let path = ledger.path.clone();
    let tx = ledger.write()?;
    let recovered = recover_in(&tx, now, policy).map_err(|error| super::Error::from_sqlite(&path, &error))?;
    tx.commit().map_err(|error| super::Error::from_sqlite(&path, &error))?;
    Ok(recovered)
}

fn recover_in(db: &Connection, now: Timestamp, policy: impl Fn(&str) -> OnInDoubt) -> rusqlite::Result<Recovered> {
    let sql =
        "SELECT l.id, s.id, c.name FROM sync s JOIN connection c ON c.id = s.connection JOIN lead l ON l.sync = s.id
                WHERE l.state = 'sending' AND l.state <> 'delivered'";
    runs::count_left(db)?;
    let mut statement = db.prepare(sql)?;
    let left: Vec<(i64, i64, String)> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect::<rusqlite::Result<_>>()?;
    let mut recovered = Recovered { leads: left.len(), held: BTreeMap::new() };
    for (lead, sync, connection) in &left {
        let (state, next_at) = match policy(connection) {
            OnInDoubt::Resend => ("waiting", Some(now.0)),
            OnInDoubt::Hold => {
                *recovered.held.entry(*sync).or_default() += 1;
                ("held", None)
            }
        };
        let post = Post {
            kind: "in_doubt",
            charged: true,
            http_status: None,
            reason: "the program was stopped while this lead was being sent; it may have arrived".to_owned(),
            at: now,
            took_ms: 0,
        };
        let sql =
            "UPDATE lead SET state = ?2, next_at = ?3, attempts = attempts + 1, tries = tries + 1, possibly_sent = 1,
                          since = since + ?4 - updated_at, updated_at = ?4, http_status = NULL, reason = ?5 WHERE id = ?1";
        db.execute(sql, params![lead, state, next_at, now.0, post.reason])?;
        record(db, *lead, None, &post)?;
    }
    db.execute("UPDATE run SET finished_at = ?1, outcome = 'interrupted' WHERE finished_at IS NULL", [now.0])?;
    Ok(recovered)
}

/// Holds the leads of the connection `name` that wait for another try although one may have arrived, for `on_in_doubt = "hold"` was not in
/// force then. Not those of which a person has said since that they are to be sent again. Returns how many by sync.
pub fn hold_in_doubt(ledger: &mut Ledger, name: &str, now: Timestamp) -> Result<BTreeMap<i64, u64>> {
    const WAITING: &str = "state = 'waiting' AND state <> 'delivered' AND possibly_sent = 1
        AND sync IN (SELECT s.id FROM sync s JOIN connection c ON c.id = s.connection WHERE c.name = ?1)
        AND NOT EXISTS (SELECT 1 FROM failure act WHERE act.lead = lead.id AND act.kind IN ('resolve', 'retry')
                           AND act.id > (SELECT max(id) FROM failure WHERE lead = lead.id AND kind = 'in_doubt'))";
    let path = ledger.path.clone();
    let tx = ledger.write()?;
    let change = || -> rusqlite::Result<BTreeMap<i64, u64>> {
        let mut counted = tx.prepare(&format!("SELECT sync, count(*) FROM lead WHERE {WAITING} GROUP BY sync"))?;
        let held = counted.query_map([name], |row| Ok((row.get(0)?, row.get::<_, u32>(1)?.into())))?.collect();
        let sql = format!(
            "UPDATE lead SET state = 'held', next_at = NULL, since = since + ?2 - updated_at, updated_at = ?2 WHERE {WAITING}"
        );
        tx.execute(&sql, params![name, now.0])?;
        held
    };
    let held = change().map_err(|error| super::Error::from_sqlite(&path, &error))?;
    tx.commit().map_err(|error| super::Error::from_sqlite(&path, &error))?;
    Ok(held)
}
