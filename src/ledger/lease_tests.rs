use std::fs;
use std::os::unix::fs::symlink;

use super::*;

const NOW: Timestamp = Timestamp(0);

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("l.db");
    (folder, ledger)
}

/// A lease, and a ledger that it has opened.
fn held() -> (tempfile::TempDir, PathBuf, Lease) {
    let (folder, ledger) = folder();
    let lease = Lease::take(&ledger, "test", NOW).unwrap();
    lease.open_ledger(&folder.path().join("tokens"), NewLedger::Unconfirmed).unwrap();
    (folder, ledger, lease)
}

#[test]
fn a_ledger_has_one_lock_whichever_links_lead_to_it() {
    let (folder, ledger, _lease) = held();
    let other = tempfile::tempdir().unwrap();
    let (file, beside) = (other.path().join("other.db"), other.path().join("folder"));
    symlink(&ledger, &file).unwrap();
    symlink(folder.path(), &beside).unwrap();
    for link in [file, beside.join("l.db")] {
        assert!(matches!(Lease::take(&link, "second", NOW), Err(Error::Held { .. })), "{}", link.display());
        assert_eq!(Ledger::open(&link).unwrap().key(), Ledger::open(&ledger).unwrap().key());
    }
    assert_eq!(fs::read_dir(other.path()).unwrap().count(), 2, "no lock and no key beside a link");
}

#[test]
fn a_ledger_that_is_not_there_yet_has_the_same_lock_through_a_link_to_its_folder() {
    let (folder, ledger) = folder();
    let other = tempfile::tempdir().unwrap();
    symlink(folder.path(), other.path().join("folder")).unwrap();
    let _lease = Lease::take(&ledger, "test", NOW).unwrap();
    let second = Lease::take(&other.path().join("folder/l.db"), "second", NOW);
    assert!(matches!(second, Err(Error::Held { .. })));
}

#[test]
fn a_ledger_with_two_names_is_refused_by_either() {
    let (folder, ledger, lease) = held();
    let second = folder.path().join("second.db");
    fs::hard_link(&ledger, &second).unwrap();
    assert!(matches!(lease.confirm(), Err(Error::SeveralNames { names: 2, .. })));
    for name in [&ledger, &second] {
        assert!(matches!(Lease::take(name, "second", NOW), Err(Error::SeveralNames { .. })));
        assert!(matches!(Ledger::open(name), Err(Error::SeveralNames { .. })));
    }
}

#[test]
fn who_asks_for_the_holder_keeps_nobody_from_the_lease() {
    let (_folder, ledger) = folder();
    fs::write(lock_path(&ledger), "").unwrap();
    let asks = File::open(lock_path(&ledger)).unwrap();
    asks.lock_shared().unwrap();
    let mut asks = Some(asks);
    Lease::take_with(&ledger, "test", NOW, || drop(asks.take())).unwrap();
}

#[test]
fn a_lock_that_is_replaced_while_it_is_taken_is_taken_anew() {
    let (_folder, ledger) = folder();
    let path = lock_path(&ledger);
    let first = open_lock(&path).unwrap();
    first.lock().unwrap();
    let lease = Lease::take_with(&ledger, "test", NOW, || fs::remove_file(&path).unwrap()).unwrap();
    lease.confirm().unwrap();
}

#[test]
fn a_holder_whose_lock_was_removed_or_replaced_goes_no_further() {
    let (folder, ledger, lease) = held();
    let tokens = folder.path().join("tokens");
    fs::remove_file(lock_path(&ledger)).unwrap();
    assert!(matches!(lease.confirm(), Err(Error::LockLost { .. })));
    let _second = Lease::take(&ledger, "second", NOW).unwrap();
    assert!(matches!(lease.open_ledger(&tokens, NewLedger::Unconfirmed), Err(Error::LockLost { .. })));
}

#[test]
fn a_ledger_that_is_gone_or_replaced_is_not_made_anew_by_who_has_opened_it() {
    let (folder, ledger, lease) = held();
    let tokens = folder.path().join("tokens");
    let aside = folder.path().join("aside");
    fs::rename(&ledger, &aside).unwrap();
    fs::remove_file(super::super::key_path(&ledger)).unwrap();
    assert!(matches!(lease.open_ledger(&tokens, NewLedger::Confirmed), Err(Error::Replaced { .. })));
    assert!(!ledger.exists());
    fs::copy(&aside, &ledger).unwrap();
    assert!(matches!(lease.open_ledger(&tokens, NewLedger::Confirmed), Err(Error::Replaced { .. })));
}

#[test]
fn a_link_that_leads_elsewhere_now_is_a_ledger_replaced() {
    let (folder, ledger, first) = held();
    let link = folder.path().join("link.db");
    symlink(&ledger, &link).unwrap();
    drop(first);
    let lease = Lease::take(&link, "test", NOW).unwrap();
    let (_other, elsewhere, _) = held();
    fs::remove_file(&link).unwrap();
    symlink(&elsewhere, &link).unwrap();
    assert!(matches!(lease.confirm(), Err(Error::Replaced { .. })));
}
