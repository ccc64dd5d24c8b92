//! The judge of every faulty run. It knows what the API received and stored, and reads the ledger as any other program does; it shares
//! no code with the product.
//!
//! | invariant | says |
//! |---|---|
//! | I1 | no lead is stored twice, but under `resend` those that the ledger marks *possibly sent twice* |
//! | I2 | every complete request belongs to a lead of the ledger, and every row of the export is one |
//! | I3 | nothing is delivered that the API did not answer 2xx, and its id is one that the API gave |
//! | I4 | the ledger passes `integrity_check` and `foreign_key_check` |
//! | I5 | of refresh tokens: judged where there are any (`stories.rs`) |
//! | I6 | no value of a delivered lead is left in a file of ours |

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use lead_sync::sandbox::{Received, StoredLead};

use crate::support::Scene;

/// `on_in_doubt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    Resend,
    Hold,
}

impl Policy {
    /// The value in the configuration.
    pub(crate) fn toml(self) -> &'static str {
        match self {
            Self::Resend => "\"resend\"",
            Self::Hold => "\"hold\"",
        }
    }
}

/// What the API has seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    requests: Vec<Received>,
    stored: Vec<StoredLead>,
}

impl Seen {
    /// Everything since the sandbox started or forgot.
    pub(crate) fn by(scene: &Scene) -> Self {
        Self { requests: scene.requests(), stored: scene.stored() }
    }

    /// These and what came after them.
    pub(crate) fn and(&self, later: Self) -> Self {
        let join = |a: &[Received], b: Vec<Received>| a.iter().cloned().chain(b).collect();
        let stored = self.stored.iter().cloned().chain(later.stored).collect();
        Self { requests: join(&self.requests, later.requests), stored }
    }

    /// How often each lead was stored.
    pub(crate) fn times_stored(&self) -> BTreeMap<&str, usize> {
        let mut times = BTreeMap::new();
        for lead in &self.stored {
            *times.entry(lead.external_ref.as_deref().unwrap()).or_default() += 1;
        }
        times
    }
}

/// A row of the view `leads`.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) key: String,
    pub(crate) state: String,
    pub(crate) remote_id: Option<String>,
    pub(crate) reason: Option<String>,
}

/// All rows of the view `leads`.
pub(crate) fn rows(scene: &Scene) -> Vec<Row> {
    let ledger = scene.ledger();
    let mut statement = ledger.prepare("SELECT key, state, remote_id, reason FROM leads").unwrap();
    let row = |row: &rusqlite::Row<'_>| {
        Ok(Row { key: row.get(0)?, state: row.get(1)?, remote_id: row.get(2)?, reason: row.get(3)? })
    };
    statement.query_map([], row).unwrap().map(Result::unwrap).collect()
}

/// I1 to I4 and I6 at the end of a run that nothing disturbed: `keys` are all the leads there should be, and all of them are settled or
/// for a person.
pub(crate) fn judge(scene: &Scene, policy: Policy, seen: &Seen, keys: &BTreeSet<String>) {
    sound(scene);
    let rows = rows(scene);
    let known: BTreeSet<String> = rows.iter().map(|row| row.key.clone()).collect();
    assert_eq!((known.len(), &known), (rows.len(), keys), "the ledger has other leads than the exports");
    let times = seen.times_stored();
    let ids: BTreeSet<(&str, &str)> =
        seen.stored.iter().map(|lead| (lead.external_ref.as_deref().unwrap(), lead.id.as_str())).collect();
    let accepted = |request: &&Received| request.status.is_some_and(|status| status / 100 == 2);
    let answered: BTreeSet<&str> = seen.requests.iter().filter(accepted).map(key).collect();
    let spoiled: BTreeSet<&str> =
        seen.requests.iter().filter(accepted).filter(|request| request.fault.is_some()).map(key).collect();
    for row in &rows {
        let stored = times.get(row.key.as_str()).copied().unwrap_or(0);
        match (row.state.as_str(), policy) {
            ("delivered", _) => {
                assert!(answered.contains(row.key.as_str()), "the API never answered 2xx: {row:?}");
                match row.remote_id.as_deref() {
                    Some(id) => assert!(ids.contains(&(row.key.as_str(), id)), "not the API's id: {row:?}"),
                    None => assert!(spoiled.contains(row.key.as_str()), "the API gave an id: {row:?}"),
                }
            }
            ("held", Policy::Hold) => assert!(row.reason.is_some(), "held without a reason: {row:?}"),
            _ => panic!("neither settled nor for a person: {row:?}"),
        }
        let marked = row.reason.as_deref().is_some_and(|reason| reason.contains("possibly sent twice"));
        assert!(stored <= 1 || (marked && policy == Policy::Resend), "stored {stored} times: {row:?}");
    }
    for request in &seen.requests {
        assert!(known.contains(key(request)), "the ledger knows nothing of {request:?}");
    }
    one_idempotency_key_each(seen);
    if rows.iter().all(|row| row.state == "delivered") {
        forgotten(scene.folder.path());
    }
}

/// I4.
pub(crate) fn sound(scene: &Scene) {
    assert_eq!(scene.query("PRAGMA integrity_check"), ["ok"]);
    assert_eq!(scene.query("PRAGMA foreign_key_check"), [""; 0]);
}

/// What a kill leaves between intent and outcome is at most twice `max_in_flight` for each connection; gives how many leads it is.
pub(crate) fn bounded_doubt(scene: &Scene, bound: i64) -> i64 {
    if !scene.path("lead-sync.db").exists() {
        return 0;
    }
    // A ledger that was just being made may have no tables yet.
    let sending = scene.ledger().query_row("SELECT count(*) FROM leads WHERE state = 'sending'", [], |row| row.get(0));
    let sending = sending.unwrap_or(0);
    assert!(sending <= bound, "{sending} leads in doubt");
    sending
}

fn key(request: &Received) -> &str {
    request.external_ref.as_deref().unwrap()
}

/// An idempotency key belongs to one lead, and a lead has one.
fn one_idempotency_key_each(seen: &Seen) {
    let pairs: BTreeSet<(&str, &str)> =
        seen.requests.iter().map(|request| (key(request), request.idempotency_key.as_deref().unwrap())).collect();
    let leads: BTreeSet<&str> = pairs.iter().map(|(lead, _)| *lead).collect();
    let keys: BTreeSet<&str> = pairs.iter().map(|(_, key)| *key).collect();
    assert_eq!((leads.len(), keys.len()), (pairs.len(), pairs.len()), "{pairs:?}");
}

/// I6: what the rows of [`Scene::customers`] have in common is in no file but the exports.
fn forgotten(folder: &Path) {
    let planted: Vec<Vec<u8>> = ["First", "@example.com"].into_iter().flat_map(forms).collect();
    for entry in fs::read_dir(folder).unwrap().chain(fs::read_dir(folder.join("tokens")).into_iter().flatten()) {
        let path = entry.unwrap().path();
        // Exports and configurations are not of our making, and the copy from before a migration is kept for going back, also if it was
        // never finished.
        let name = path.to_str().unwrap();
        let kept = [".csv", ".toml"].iter().any(|end| name.ends_with(end)) || name.contains(".bak-v");
        if path.is_file() && !kept {
            let bytes = fs::read(&path).unwrap();
            for form in &planted {
                let found = memchr::memmem::find(&bytes, form).is_some();
                assert!(!found, "{} holds {:?}", path.display(), String::from_utf8_lossy(form));
            }
        }
    }
}

/// A text as it is, as an address has it, in UTF-16, and in base64 at each of its three alignments.
fn forms(text: &str) -> Vec<Vec<u8>> {
    let wide = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut forms = vec![text.into(), text.replace('@', "%40").into(), wide];
    for shift in 0..3 {
        let padded = [&b"___"[..shift], text.as_bytes()].concat();
        // Only whole groups of three bytes that hold nothing but the text look the same wherever it stands.
        let whole = padded.len() / 3 * 3;
        let encoded = STANDARD_NO_PAD.encode(&padded[..whole]);
        forms.push(encoded[if shift == 0 { 0 } else { 4 }..].into());
    }
    forms
}
