//! A backup goes on where the ledger was.

use std::os::unix::fs::FileExt;

use super::site::{Site, mode};

const FIRST: [[&str; 3]; 2] = [["1", "Jan", "jan@example.com"], ["2", "Piet", "piet@example.com"]];
const THEN: [[&str; 3]; 3] = [FIRST[0], FIRST[1], ["3", "An", "an@example.com"]];

#[tokio::test]
async fn a_restored_backup_sends_what_is_new_and_nothing_twice() {
    let site = Site::new("").await;
    site.export(&FIRST);
    assert_eq!(site.run(&["--run-now"]).await.code, 0);
    let ran = site.run(&["backup", "safe.db"]).await;
    assert_eq!((ran.code, ran.stdout.contains("safe.db: 2 leads")), (0, true), "{ran:?}");
    assert_eq!((mode(&site.file("safe.db")), mode(&site.file("safe.key"))), (0o600, 0o600));

    // The disk is lost, and the backup is put in its place.
    site.remove("lead-sync.db");
    site.remove("lead-sync.key");
    std::fs::rename(site.file("safe.db"), site.file("lead-sync.db")).unwrap();
    std::fs::rename(site.file("safe.key"), site.file("lead-sync.key")).unwrap();
    site.export(&THEN);
    let ran = site.run(&["--run-now"]).await;
    assert_eq!((ran.code, ran.stdout.contains("(1 new, 0 changed, 2 unchanged")), (0, true), "{ran:?}");
    assert_eq!(site.api.leads().len(), 3);
}

#[tokio::test]
async fn a_backup_is_made_beside_a_holder_and_overwrites_nothing() {
    let site = Site::new("").await;
    site.export(&FIRST);
    site.run(&["--run-now"]).await;
    let lease = lead_sync::ledger::Lease::take(&site.ledger(), "a test", lead_sync::clock::now()).unwrap();
    assert_eq!(site.run(&["backup", "safe.db"]).await.code, 0);
    let before = std::fs::read(site.file("safe.db")).unwrap();
    let ran = site.run(&["backup", "safe.db"]).await;
    assert_eq!((ran.code, ran.stderr.contains("will not overwrite safe.db")), (2, true), "{ran:?}");
    assert_eq!(std::fs::read(site.file("safe.db")).unwrap(), before);
    drop(lease);
}

#[tokio::test]
async fn without_a_ledger_there_is_nothing_to_back_up() {
    let site = Site::new("").await;
    let ran = site.run(&["backup", "safe.db"]).await;
    assert_eq!((ran.code, ran.stderr.contains("there is no ledger at")), (2, true), "{ran:?}");
    assert!(!site.file("safe.db").exists() && !site.file("safe.key").exists());
}

#[tokio::test]
async fn a_backup_of_a_damaged_ledger_names_the_ledger() {
    let site = Site::new("").await;
    site.export(&FIRST);
    site.run(&["--run-now"]).await;
    let ledger = rusqlite::Connection::open(site.ledger()).unwrap();
    ledger.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let sql =
        "SELECT (rootpage - 1) * (SELECT page_size FROM pragma_page_size) FROM sqlite_schema WHERE name = 'latency'";
    let page: u32 = ledger.query_row(sql, [], |row| row.get(0)).unwrap();
    drop(ledger);
    let file = std::fs::OpenOptions::new().write(true).open(site.ledger()).unwrap();
    file.write_all_at(&[0xff; 64], page.into()).unwrap();
    let ran = site.run(&["backup", "safe.db"]).await;
    let named = format!("{} is not a readable ledger", site.ledger().display());
    assert!(ran.code == 2 && ran.stderr.contains(&named) && !ran.stderr.contains("partial"), "{ran:?}");
    assert!(!site.file("safe.db").exists());
}
