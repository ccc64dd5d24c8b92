//! The statement behind `leads`: only what the filter asks for is in it, so that SQLite finds the index for it.

use rusqlite::types::Value;

use super::Filter;
use crate::domain::delivery::State;

/// The statement that lists what the filter means, and its values.
pub(super) fn listing(filter: &Filter) -> (String, Vec<Value>) {
    let (lead, quarantine) = terms(filter);
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

/// What a lead and what a quarantined row has to be.
fn terms(filter: &Filter) -> (Terms, Terms) {
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
    (lead, quarantine)
}

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
