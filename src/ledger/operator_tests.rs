//! What was asked about is what is changed.

use super::*;
use crate::ledger::NewLedger;

const NOW: Timestamp = Timestamp(1_000);

/// Leads 1, 2, …, each in one of the states, all of the sync `s`.
fn ledger(folder: &tempfile::TempDir, states: &[&str]) -> Ledger {
    let path = folder.path().join("l.db");
    let ledger = Ledger::open_or_create(&path, folder.path(), NewLedger::Confirmed).unwrap();
    let sync = ledger.sync_id("s", ledger.connection_id("c").unwrap()).unwrap();
    let around = "INSERT INTO origin (id, sync, path, layout) VALUES (1, 1, 'x.csv', '{}');
                  INSERT INTO basis (id, sync, digest) VALUES (1, 1, x'00');";
    ledger.db.execute_batch(around).unwrap();
    for (number, state) in states.iter().enumerate() {
        let sql = "INSERT INTO lead (sync, basis, fingerprint, state, key, since, updated_at, origin, line)
                   VALUES (?1, 1, zeroblob(16), ?2, ?3, 0, 0, 1, 1)";
        ledger.db.execute(sql, params![sync, state, (number + 1).to_string()]).unwrap();
    }
    ledger
}

#[test]
fn leads_are_put_back_only_if_they_are_as_many_as_were_shown() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = ledger(&folder, &["failed", "failed", "delivered"]);
    let all = Target { state: Some(State::Failed), ..Target::default() };
    assert_eq!(ledger.count_target(&all, NOW).unwrap(), 2);
    assert_eq!(ledger.retry(&all, Some(3), "me", NOW).unwrap(), None);
    assert_eq!(ledger.count_target(&all, NOW).unwrap(), 2);
    assert_eq!(ledger.retry(&all, Some(2), "me", NOW).unwrap().unwrap().leads, 2);
    assert_eq!(ledger.count_target(&all, NOW).unwrap(), 0);
}

#[test]
fn a_held_lead_is_settled_only_in_the_syncs_that_were_shown() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = ledger(&folder, &["held"]);
    let target = Target { keys: vec!["1".to_owned()], ..Target::default() };
    let shown: BTreeSet<String> = ["s".to_owned()].into();
    let more: BTreeSet<String> = ["s".to_owned(), "other".to_owned()].into();
    let how = Resolution::Delivered { remote_id: None };
    assert_eq!(ledger.resolve(&target, &how, Some(&more), "me", NOW).unwrap(), None);
    assert_eq!(ledger.holding(&target).unwrap(), shown);
    assert_eq!(ledger.resolve(&target, &how, Some(&shown), "me", NOW).unwrap(), Some(shown));
    assert!(ledger.holding(&target).unwrap().is_empty());
}
