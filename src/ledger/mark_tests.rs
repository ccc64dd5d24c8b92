use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::ledger::{Lease, NewLedger, Trigger};

const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn ledger(folder: &Path) -> Ledger {
    Ledger::open_or_create(&folder.join("l.db"), &folder.join("tokens"), NewLedger::Unconfirmed).unwrap()
}

/// What can happen on a machine.
#[derive(Debug, Clone)]
enum Act {
    /// A run that has something to send, unless it is refused.
    Send,
    /// One that dies between the ledger's commit and the rename.
    DieBetween,
    Copy,
    PutBack(Index),
    Confirm,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => Just(Act::Send),
        1 => Just(Act::DieBetween),
        2 => Just(Act::Copy),
        2 => any::<Index>().prop_map(Act::PutBack),
        1 => Just(Act::Confirm),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The model knows by name what a ledger knows, and needs no count.
    #[test]
    fn the_ledger_that_sent_last_is_never_refused_and_one_that_does_not_know_it_always_is(acts in vec(act(), 1..30)) {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path());
        let path = mark_path(ledger.path());
        let now = || Count::read(&ledger.db).unwrap();
        let (mut known, mut copies) = (BTreeSet::new(), vec![(now(), BTreeSet::new())]);
        let (mut last, mut died) = (None, false);
        for (number, act) in (1..).zip(acts) {
            match act {
                Act::Send if ledger.refuse_older().is_ok() => {
                    ledger.mark(number, NOW).unwrap();
                    known.insert(number);
                    last = Some(number);
                }
                Act::DieBetween if ledger.refuse_older().is_ok() => {
                    let before = fs::read(&path).ok();
                    ledger.mark(number, NOW).unwrap();
                    match before {
                        Some(bytes) => fs::write(&path, bytes).unwrap(),
                        None => fs::remove_file(&path).unwrap(),
                    }
                    died = true;
                }
                // Refused.
                Act::Send | Act::DieBetween => {}
                Act::Copy => copies.push((now(), known.clone())),
                Act::PutBack(which) => {
                    let (count, knew): &(Count, BTreeSet<i64>) = which.get(&copies);
                    count.write(&ledger.db).unwrap();
                    known.clone_from(knew);
                }
                Act::Confirm => {
                    ledger.take_for_latest().unwrap();
                    known.extend(last);
                }
            }
            let knows_the_last = last.is_none_or(|last| known.contains(&last));
            let refused = ledger.refuse_older();
            prop_assert!(!knows_the_last || refused.is_ok(), "{refused:?}");
            // A run that died has counted without a mark: a copy of its ledger may pass for one that has sent as often.
            prop_assert!(knows_the_last || died || matches!(refused, Err(Error::Older { .. })), "{refused:?}");
        }
    }
}

#[test]
fn whatever_a_killed_run_leaves_of_its_mark_keeps_nobody_from_sending_and_goes_with_the_next_mark() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(folder.path());
    ledger.mark(1, NOW).unwrap();
    let path = mark_path(ledger.path());
    let left = folder.path().join("l.db.mark.0123456789abcdef.partial");
    for half in ["", "{\"ledger\":\"", &fs::read_to_string(&path).unwrap()] {
        fs::write(&left, half).unwrap();
        ledger.refuse_older().unwrap();
        ledger.mark(2, NOW).unwrap();
        assert!(!left.exists());
        ledger.refuse_older().unwrap();
    }
}

#[test]
fn a_mark_of_another_ledger_is_passed_over_and_replaced() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ledger, other) = (ledger(ours.path()), ledger(theirs.path()));
    for run in 1..4 {
        other.mark(run, NOW).unwrap();
    }
    fs::copy(mark_path(other.path()), mark_path(ledger.path())).unwrap();
    ledger.refuse_older().unwrap();
    ledger.mark(1, NOW).unwrap();
    assert_eq!(read(&mark_path(ledger.path())).unwrap().unwrap().sendings, 1);
    ledger.refuse_older().unwrap();
}

#[test]
fn a_damaged_mark_is_named_and_goes_once_it_is_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(folder.path());
    let path = mark_path(ledger.path());
    for damaged in ["", "\0\0\0\0", "{\"sendings\":1}"] {
        fs::write(&path, damaged).unwrap();
        let refused = ledger.refuse_older().unwrap_err();
        assert!(matches!(&refused, Error::DamagedMark { path: named } if *named == path), "{refused}");
        ledger.take_for_latest().unwrap();
        assert!(!path.exists());
        ledger.refuse_older().unwrap();
    }
}

#[test]
fn a_backup_made_while_a_run_sends_is_older_and_one_made_after_its_end_or_death_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = ledger(folder.path());
    let lease = Lease::take(ledger.path(), "a run", NOW).unwrap();
    let run = ledger.begin_run(Trigger::Manual, [], NOW).unwrap();
    ledger.mark(run, NOW).unwrap();
    let [during, dead, after] = ["during.db", "dead.db", "after.db"].map(|name| folder.path().join(name));
    ledger.back_up(&during).unwrap();
    drop(lease);
    ledger.back_up(&dead).unwrap();
    ledger.finish_run(run, "complete", NOW, &BTreeMap::new(), []).unwrap();
    ledger.back_up(&after).unwrap();
    for (copy, sendings) in [(during, 0), (dead, 1), (after, 1)] {
        let count = Count::read(&Connection::open(copy).unwrap()).unwrap();
        assert_eq!(count, Count { sendings, run });
    }
}

#[test]
fn through_a_link_a_ledger_has_the_same_mark_and_never_is_it() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(folder.path());
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(ledger.path(), &link).unwrap();
    assert_eq!(mark_path(&link), mark_path(ledger.path()));
    assert_eq!(mark_path(&link).file_name().unwrap(), "l.db.mark");
    assert_ne!(mark_path(&mark_path(ledger.path())), mark_path(ledger.path()));
}
