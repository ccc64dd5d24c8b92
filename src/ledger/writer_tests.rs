use std::path::Path;

use tokio::sync::mpsc::unbounded_channel;

use super::*;
use crate::ledger::{Lease, NewLedger};

fn held(folder: &Path) -> (Ledger, Lease) {
    let lease = Lease::take(&folder.join("l.db"), "test", Timestamp(0)).unwrap();
    (lease.open_ledger(folder, NewLedger::Confirmed).unwrap(), lease)
}

#[test]
fn who_has_lost_the_ledger_or_its_lock_claims_nothing_and_still_writes_down_the_rest() {
    for lost in ["l.db", "l.lock"] {
        let folder = tempfile::tempdir().unwrap();
        let (ledger, lease) = held(folder.path());
        let connection = ledger.connection_id("c").unwrap();
        let writer = Writer::start(ledger, 1, lease.custody().unwrap()).unwrap();
        let (told, mut answers) = unbounded_channel();
        let ask = Ask { syncs: vec![1], limit: 1, now: Timestamp(0), max_age: Duration::ZERO, connection };
        writer.claim(ask.clone(), &told);
        assert!(matches!(answers.blocking_recv(), Some(Done::Claimed(..))));
        std::fs::remove_file(folder.path().join(lost)).unwrap();
        writer.claim(ask, &told);
        let Some(Done::Unclaimed(why)) = answers.blocking_recv() else { panic!("{lost}: claimed") };
        assert!(why.contains(lost) && why.contains("was removed or replaced"), "{why}");
        writer.store(connection, ConnectionState::default(), &told);
        assert!(matches!(answers.blocking_recv(), Some(Done::Stored)));
        writer.finish().unwrap();
    }
}

/// A writer that would gather for an hour, and five requests under way: a single command is a small batch.
fn patient(folder: &Path) -> (Writer, Lease, i64) {
    let (ledger, lease) = held(folder);
    let connection = ledger.connection_id("c").unwrap();
    let writer = Writer::start_gathering(ledger, 1, lease.custody().unwrap(), Duration::from_hours(1)).unwrap();
    for _ in 0..=SMALL {
        writer.expect();
    }
    (writer, lease, connection)
}

#[test]
fn a_small_batch_waits_until_it_is_small_no_longer() {
    let folder = tempfile::tempdir().unwrap();
    let (writer, _lease, connection) = patient(folder.path());
    let (told, mut answers) = unbounded_channel();
    for _ in 0..2 {
        writer.store(connection, ConnectionState::default(), &told);
    }
    for _ in 0..2 {
        assert!(matches!(answers.blocking_recv(), Some(Done::Stored)));
    }
    writer.finish().unwrap();
}

#[test]
fn a_claim_that_somebody_waits_for_waits_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (writer, _lease, connection) = patient(folder.path());
    let (told, mut answers) = unbounded_channel();
    let ask = Ask { syncs: vec![1], limit: 1, now: Timestamp(0), max_age: Duration::ZERO, connection };
    for _ in 0..100 {
        writer.claim(ask.clone(), &told);
        writer.hurry();
        assert!(matches!(answers.blocking_recv(), Some(Done::Claimed(..))));
    }
    writer.finish().unwrap();
}

#[test]
fn each_command_is_answered_once_and_by_its_own_kind_also_when_it_cannot_be_carried_out() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, lease) = held(folder.path());
    let connection = ledger.connection_id("c").unwrap();
    ledger.db.execute_batch("ALTER TABLE lead RENAME TO moved; ALTER TABLE connection RENAME TO away").unwrap();
    let writer = Writer::start(ledger, 1, lease.custody().unwrap()).unwrap();
    let (told, mut answers) = unbounded_channel();
    writer.claim(Ask { syncs: vec![1], limit: 1, now: Timestamp(0), max_age: Duration::ZERO, connection }, &told);
    assert!(matches!(answers.blocking_recv(), Some(Done::Unclaimed(_))));
    writer.store(connection, ConnectionState::default(), &told);
    assert!(matches!(answers.blocking_recv(), Some(Done::Unwritten(_))));
    writer.finish().unwrap();
    assert!(answers.try_recv().is_err());
}
