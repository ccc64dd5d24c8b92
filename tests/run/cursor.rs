//! Where a SQLite source is read from.

use rusqlite::Connection;

use crate::support::Scene;

/// A database with one customer in each of two branches, read for branch A only up to its last row.
fn branch_a() -> (Scene, Connection) {
    let mut scene = Scene::new();
    let crm = Connection::open(scene.path("crm.db")).unwrap();
    crm.execute_batch(
        "CREATE TABLE customer (id INTEGER, first_name TEXT, last_name TEXT, email TEXT, branch TEXT, at INTEGER);
         INSERT INTO customer VALUES (1, 'Ann', 'Maes', '', 'B', 1), (2, 'Bob', 'Claes', '', 'A', 2);",
    )
    .unwrap();
    scene.source("kind", "\"sqlite\"").source("path", "\"crm.db\"").source("cursor", "\"at\"");
    scene.source("query", "\"SELECT * FROM customer WHERE branch = 'A'\"");
    assert_eq!(scene.run().count("delivered"), 1);
    (scene, crm)
}

#[test]
fn a_broader_query_also_brings_the_rows_before_the_position_of_the_narrow_one() {
    let (mut scene, _crm) = branch_a();
    scene.source("query", "\"SELECT * FROM customer\"");
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("unchanged"), ran.count("delivered")), (0, 1, 1), "{ran:?}");
    assert_eq!(scene.run().count("read"), 1, "and goes on from there");
}

#[test]
fn a_mended_mapping_brings_the_rows_that_the_old_one_skipped() {
    let (mut scene, _crm) = branch_a();
    scene.source("query", "\"SELECT * FROM customer\"").sync("where", r#""{{ branch == 'C' }}""#);
    assert_eq!(scene.run().count("skipped"), 1);
    scene.sync("where", r#""{{ branch in ['A', 'B'] }}""#);
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("unchanged"), ran.count("delivered")), (0, 1, 1), "{ran:?}");
}

#[test]
fn a_date_far_in_the_future_hides_no_row_that_is_written_afterwards() {
    let mut scene = Scene::new();
    let crm = Connection::open(scene.path("crm.db")).unwrap();
    crm.execute_batch(
        "CREATE TABLE customer (id INTEGER, first_name TEXT, last_name TEXT, email TEXT, at TEXT);
         INSERT INTO customer VALUES (1, 'Ann', 'Maes', '', '2026-01-01 10:00:00'), (2, 'Bob', 'Claes', '', '2962-01-02 10:00:00');",
    )
    .unwrap();
    scene.source("kind", "\"sqlite\"").source("path", "\"crm.db\"").source("cursor", "\"at\"");
    scene.source("query", "\"SELECT * FROM customer\"");
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("delivered")), (0, 2), "{ran:?}");
    assert!(ran.stderr.contains("1 row has a date in the future in the column 'at'; it was read"), "{ran:?}");
    // As a release before this one left it.
    Connection::open(scene.path("lead-sync.db"))
        .unwrap()
        .execute("UPDATE sync SET cursor = 'text:2962-01-02 10:00:00'", [])
        .unwrap();
    crm.execute("INSERT INTO customer VALUES (3, 'Cas', 'Smet', '', '2026-01-03 10:00:00')", []).unwrap();
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("unchanged"), ran.count("delivered")), (0, 2, 1), "{ran:?}");
    crm.execute("INSERT INTO customer VALUES (4, 'Dirk', 'Peeters', '', '2026-01-04 10:00:00')", []).unwrap();
    let ran = scene.run();
    assert_eq!((ran.count("read"), ran.count("unchanged"), ran.count("delivered")), (3, 2, 1), "{ran:?}");
}
