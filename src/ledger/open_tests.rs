use std::fs;

use rusqlite_migration::M;

use super::*;
use crate::domain::time::Timestamp;
use crate::ledger::schema::{upgrade, upgrade_to_latest};

const NOW: Timestamp = Timestamp(0);

/// The schema of a release to come.
fn next() -> Vec<M<'static>> {
    MIGRATIONS.iter().cloned().chain([M::up("ALTER TABLE run ADD COLUMN note TEXT")]).collect()
}

/// A ledger of today in a folder of its own, with one connection in it.
fn ledger() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lead-sync.db");
    let ledger = Ledger::open_or_create(&path, &dir.path().join("tokens"), NewLedger::Unconfirmed).unwrap();
    ledger.connection_id("wegroup").unwrap();
    (dir, path)
}

/// The version of this release's schema.
const CURRENT: i64 = 8;

/// What a ledger of this version is copied to before it is migrated.
fn copy_of(version: i64) -> String {
    format!("lead-sync.db.bak-v{version}")
}

fn connections(path: &Path) -> Vec<String> {
    let db = Connection::open(path).unwrap();
    let mut statement = db.prepare("SELECT name FROM connection").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(rusqlite::Result::unwrap).collect()
}

#[test]
fn a_migration_leaves_a_copy_of_the_ledger_as_it_was() {
    let (dir, path) = ledger();
    upgrade(&path, &next()).unwrap();
    let copy = dir.path().join(copy_of(CURRENT));
    assert_eq!(connections(&copy), ["wegroup"]);
    let version = |path: &Path| -> i64 {
        Connection::open(path).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    };
    assert_eq!((version(&copy), version(&path)), (CURRENT, CURRENT + 1));
}

#[test]
fn what_a_migration_left_that_was_killed_goes_with_the_next() {
    let (dir, path) = ledger();
    let left = dir.path().join(copy_of(CURRENT) + ".0123456789abcdef.partial");
    fs::write(&left, "half").unwrap();
    upgrade(&path, &next()).unwrap();
    assert!(!left.exists());
}

#[test]
fn a_ledger_that_is_up_to_date_is_not_copied() {
    let (dir, path) = ledger();
    upgrade_to_latest(&path).unwrap();
    assert!(!dir.path().join(copy_of(CURRENT)).exists());
}

#[test]
fn a_migration_that_fails_changes_nothing() {
    let (_dir, path) = ledger();
    let broken: Vec<M<'static>> = MIGRATIONS
        .iter()
        .cloned()
        .chain([M::up("ALTER TABLE run ADD COLUMN note TEXT; ALTER TABLE nowhere ADD COLUMN note TEXT")])
        .collect();
    upgrade(&path, &broken).unwrap_err();
    let ledger = Ledger::open(&path).unwrap();
    ledger.db.prepare("SELECT note FROM run").unwrap_err();
}

#[test]
fn a_ledger_of_a_later_release_is_refused_and_not_copied() {
    let (dir, path) = ledger();
    upgrade(&path, &next()).unwrap();
    fs::remove_file(dir.path().join(copy_of(CURRENT))).unwrap();
    assert!(
        matches!(Lease::take(&path, "test", NOW), Err(Error::Newer { found, known, .. }) if (found, known) == (CURRENT + 1, CURRENT))
    );
    assert!(matches!(Ledger::open(&path), Err(Error::Newer { .. })));
    assert!(!dir.path().join(copy_of(CURRENT + 1)).exists());
}

#[test]
fn a_backup_is_whole_private_and_opens_with_its_key() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, path) = ledger();
    let original = Ledger::open(&path).unwrap();
    let copy = dir.path().join("copy.db");
    let backup = original.back_up(&copy).unwrap();
    assert_eq!((backup.ledger.as_path(), backup.key), (copy.as_path(), dir.path().join("copy.key")));
    for name in ["copy.db", "copy.key"] {
        let mode = fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!(connections(&copy), ["wegroup"]);
    assert_eq!(Ledger::open(&copy).unwrap().key(), original.key());
    assert_eq!(
        fs::read_dir(dir.path())
            .unwrap()
            .filter(|e| e.as_ref().unwrap().path().extension().is_some_and(|e| e == "partial"))
            .count(),
        0
    );
}

#[test]
fn a_backup_overwrites_neither_a_file_nor_a_key() {
    let (dir, path) = ledger();
    let ledger = Ledger::open(&path).unwrap();
    for taken in ["copy.db", "copy.key"] {
        fs::write(dir.path().join(taken), "mine").unwrap();
        let error = ledger.back_up(&dir.path().join("copy.db")).unwrap_err();
        assert!(error.to_string().starts_with("will not overwrite "), "{error}");
        assert_eq!(fs::read_to_string(dir.path().join(taken)).unwrap(), "mine");
        fs::remove_file(dir.path().join(taken)).unwrap();
    }
    ledger.back_up(&dir.path().join("copy.db")).unwrap();
}

#[test]
fn a_backup_with_another_ledgers_key_is_refused() {
    let (dir, path) = ledger();
    let ledger = Ledger::open(&path).unwrap();
    fs::write(key_path(&path), [7; 32]).unwrap();
    let error = ledger.back_up(&dir.path().join("copy.db")).unwrap_err();
    assert!(matches!(error, Error::Key { .. }), "{error}");
    assert!(!dir.path().join("copy.db").exists() && !dir.path().join("copy.key").exists());
}

#[test]
fn a_backup_is_taken_in_the_middle_of_another_writers_transaction() {
    let (dir, path) = ledger();
    let mut writer = Ledger::open(&path).unwrap();
    let tx = writer.write().unwrap();
    tx.execute("INSERT INTO connection (name) VALUES ('uncommitted')", []).unwrap();
    let copy = dir.path().join("copy.db");
    Ledger::open_reader(&path).unwrap().back_up(&copy).unwrap();
    assert_eq!(connections(&copy), ["wegroup"]);
    tx.commit().unwrap();
}

/// A ledger as the first release left it, with one delivered lead.
fn first_release() -> (tempfile::TempDir, PathBuf) {
    let (dir, path) = ledger();
    let key = read_key(&key_path(&path)).unwrap();
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(dir.path().join(format!("lead-sync.db{end}")));
    }
    let db = Connection::open(&path).unwrap();
    db.execute_batch(include_str!("../../migrations/0001_ledger.sql")).unwrap();
    db.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 1")).unwrap();
    db.execute("INSERT INTO meta VALUES ('key_check', ?1)", [blake3::hash(&key).as_bytes().as_slice()]).unwrap();
    db.execute_batch(
        "INSERT INTO connection (id, name) VALUES (1, 'wegroup');
         INSERT INTO sync (id, name, connection) VALUES (1, 'customers', 1);
         INSERT INTO basis (id, sync, digest) VALUES (1, 1, x'00');
         INSERT INTO origin (id, sync, path, layout) VALUES (1, 1, 'a.csv', '{}');
         INSERT INTO lead (sync, basis, fingerprint, state, key, since, updated_at, origin, line)
                VALUES (1, 1, zeroblob(16), 'delivered', 'K1', 0, 0, 1, 2)",
    )
    .unwrap();
    (dir, path)
}

/// How the table of leads is declared.
fn lead_table(ledger: &Ledger) -> String {
    ledger.db.query_row("SELECT sql FROM sqlite_schema WHERE name = 'lead'", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_ledger_of_the_first_release_is_read_before_and_kept_by_the_migration() {
    let (_dir, path) = first_release();
    let delivered = |ledger: &Ledger| ledger.status().unwrap()[0].leads.clone();
    let before = delivered(&Ledger::open_reader(&path).unwrap());
    let version = |path: &Path| -> i64 {
        Connection::open(path).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    };
    assert_eq!((version(&path), before.clone()), (1, vec![("delivered".to_owned(), 1)]), "reading migrates nothing");
    let kept = Ledger::open(&path).unwrap();
    assert_eq!((version(&path), delivered(&kept)), (CURRENT, before));
    assert_eq!(kept.keyed_by(1).unwrap(), "wegroup", "leads in doubt keep their idempotency keys");
    // The states are still checked, by what a new ledger has.
    let written = kept.db.execute("UPDATE lead SET state = 'lost'", []).unwrap_err();
    assert!(written.to_string().contains("CHECK constraint failed"), "{written}");
    let (_new, new) = ledger();
    assert_eq!(lead_table(&kept), lead_table(&Ledger::open(&new).unwrap()));
}
