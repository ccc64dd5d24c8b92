use super::*;
use crate::ledger::NewLedger;

/// A ledger whose pages were split again and again, as keys in no order split them.
fn crowded(folder: &std::path::Path, leads: u32) -> Ledger {
    let ledger = Ledger::open_or_create(&folder.join("l.db"), folder, NewLedger::Confirmed).unwrap();
    ledger
        .db
        .execute_batch(
            "INSERT INTO connection (name) VALUES ('c'); INSERT INTO sync (name, connection) VALUES ('s', 1);
             INSERT INTO basis (sync, digest) VALUES (1, x''); INSERT INTO origin (sync, path, layout) VALUES (1, 'f', '{}');",
        )
        .unwrap();
    for begin in (0..leads).step_by(500) {
        ledger.db.execute_batch("BEGIN").unwrap();
        for number in begin..begin + 500 {
            // A prime step: every key once, in no order.
            let key = format!("KEY-{:07}-Z", u64::from(number) * 7919 % u64::from(leads));
            let sql =
                "INSERT INTO lead (sync, basis, fingerprint, state, key, since, updated_at, origin, line, backref)
                       VALUES (1, 1, randomblob(16), 'pending', ?1, 0, 0, 1, 1, 'https://x/' || ?1)";
            ledger.db.execute(sql, [&key]).unwrap();
        }
        let sql = "UPDATE lead SET state = 'delivered', remote_id = 'R' || key WHERE state = 'pending'";
        ledger.db.execute(sql, []).unwrap();
        ledger.db.execute_batch("COMMIT").unwrap();
    }
    ledger
}

#[test]
fn no_copy_of_a_deleted_key_is_left_between_the_pages() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = crowded(folder.path(), 20_000);
    ledger.db.execute("DELETE FROM lead WHERE id % 3 = 0", []).unwrap();
    assert!(ledger.wipe().unwrap());
    let file = std::fs::read(folder.path().join("l.db")).unwrap();
    let held = memchr::memmem::find_iter(&file, "KEY-").count();
    let leads: i64 = ledger.db.query_row("SELECT count(*) FROM lead", [], |row| row.get(0)).unwrap();
    // Each lead that is left has its key in four places: the key, its index, the backref and the remote id.
    assert_eq!(i64::try_from(held).unwrap(), leads * 4);
}
