//! What a user sees of a database that another program has open.

use std::time::Duration;

use rusqlite::Connection;

use super::*;
use crate::domain::record::{Cell, Record, Row, RowFault};
use crate::domain::time::Timestamp;
use crate::sources::{CELL_LIMIT, Error};

/// 2026-06-01T00:00:00Z.
const NOW: Timestamp = Timestamp(1_780_272_000_000);

/// Another program's database.
struct Crm {
    _dir: tempfile::TempDir,
    writer: Connection,
    settings: Settings,
}

impl Crm {
    fn new(sql: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("crm?x=1#.db");
        let writer = Connection::open(&path).unwrap();
        writer.execute_batch(sql).unwrap();
        let settings = Settings {
            path,
            shown: "crm.db".to_owned(),
            query: "SELECT * FROM person;\n".to_owned(),
            key: "id".to_owned(),
            cursor: None,
        };
        Self { _dir: dir, writer, settings }
    }

    fn query(mut self, query: &str) -> Self {
        query.clone_into(&mut self.settings.query);
        self
    }

    fn refusal(&self, wanted: &[&str]) -> String {
        let database = Database::open(&self.settings).unwrap();
        match database.select(&owned(wanted), None) {
            Ok(_) => panic!("the query was accepted"),
            Err(error) => error.to_string(),
        }
    }

    /// Keys of the rows from `after` on, and the position behind them.
    fn keys(&self, after: Option<&CursorValue>) -> (Vec<String>, Option<CursorValue>) {
        let database = Database::open(&self.settings).unwrap();
        let mut select = database.select(&[], after).unwrap();
        let mut rows = select.rows(NOW, || false).unwrap();
        let (mut keys, mut record) = (Vec::new(), Record::default());
        while rows.next(&mut record).unwrap().is_some() {
            keys.push(record.key().to_owned());
        }
        (keys, rows.position().cloned())
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn values_keep_their_types_and_bad_ones_cost_their_row() {
    let crm = Crm::new(
        "CREATE TABLE person (id, name);
         INSERT INTO person VALUES (1, 'Ann'), (2, NULL), (3, 7), (' 04 ', 0.5), (5, x'00ff'),
           (6, 'a' || char(0) || 'b'), (NULL, 'Bob'), ('  ', 'Cid'), (9, CAST(x'ff' AS TEXT));",
    );
    let database = Database::open(&crm.settings).unwrap();
    let mut select = database.select(&owned(&["name"]), None).unwrap();
    let mut rows = select.rows(NOW, || false).unwrap();
    let mut record = Record::default();
    let mut expect = |key: &str, expected: Result<Cell<'_>, RowFault>| {
        let row = rows.next(&mut record).unwrap().unwrap();
        assert_eq!(record.key(), key);
        match expected {
            Ok(cell) => assert_eq!((row, record.cell(0)), (Row::Good, cell)),
            Err(fault) => assert_eq!(row, Row::Bad(fault)),
        }
    };
    let (name, id) = ("name".to_owned(), "id".to_owned());
    expect("1", Ok(Cell::Text("Ann")));
    expect("2", Ok(Cell::Null));
    expect("3", Ok(Cell::Integer(7)));
    expect("04", Ok(Cell::Real(0.5)));
    expect("5", Err(RowFault::Blob { column: name.clone() }));
    expect("6", Err(RowFault::Nul { column: name }));
    expect("", Err(RowFault::EmptyKey { column: id.clone() }));
    expect("", Err(RowFault::EmptyKey { column: id }));
    expect("9", Err(RowFault::Undecodable { encoding: "UTF-8" }));
    assert!(rows.next(&mut record).unwrap().is_none());
}

#[test]
fn a_record_holds_the_whole_row_as_json() {
    let crm = Crm::new(&format!(
        "CREATE TABLE person (id, a, b, c);
         INSERT INTO person VALUES (7, 'x\"y', 0.5, NULL), (8, x'00', 9e999, printf('%.{}c', 'x'));",
        CELL_LIMIT + 1
    ));
    let database = Database::open(&crm.settings).unwrap();
    let mut select = database.select(&[], None).unwrap();
    let mut rows = select.rows(NOW, || false).unwrap();
    let mut record = Record::default();
    rows.next(&mut record).unwrap();
    assert_eq!((record.line, record.raw.as_slice()), (1, &br#"[7,"x\"y",0.5,null]"#[..]));
    rows.next(&mut record).unwrap();
    assert_eq!(record.raw, b"[8,null,null,null]");
}

#[test]
fn a_live_database_gives_one_snapshot_and_is_not_held_up_nor_changed() {
    let crm = Crm::new(
        "PRAGMA journal_mode = WAL; CREATE TABLE person (id, name);
         INSERT INTO person VALUES (1, 'Ann'), (2, 'Bob');
         BEGIN IMMEDIATE; INSERT INTO person VALUES (3, 'never committed');",
    );
    let database = Database::open(&crm.settings).unwrap();
    crm.writer.execute_batch("ROLLBACK; INSERT INTO person VALUES (4, 'Dan'); ALTER TABLE person ADD town;").unwrap();
    let mut select = database.select(&owned(&["name"]), None).unwrap();
    let mut rows = select.rows(NOW, || false).unwrap();
    let mut record = Record::default();
    for key in ["1", "2"] {
        assert_eq!(rows.next(&mut record).unwrap(), Some(Row::Good));
        assert_eq!(record.key(), key);
    }
    assert_eq!(rows.next(&mut record).unwrap(), None);
    assert_eq!(crm.keys(None).0, ["1", "2", "4"]);
    assert!(database.connection.execute_batch("DELETE FROM person").is_err());
    let mode: String = crm.writer.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

#[test]
fn a_database_that_stays_locked_is_busy() {
    let crm = Crm::new("CREATE TABLE person (id); BEGIN EXCLUSIVE;");
    let result = Database::open_waiting(&crm.settings, Duration::from_millis(1));
    assert!(matches!(result, Err(Error::Busy { .. })));
    crm.writer.execute_batch("COMMIT").unwrap();
    assert!(Database::open(&crm.settings).is_ok());
}

#[test]
fn a_missing_or_foreign_file_is_said_and_none_is_made() {
    let mut crm = Crm::new("");
    let path = crm.settings.path.with_file_name("other.db");
    crm.settings.path.clone_from(&path);
    assert!(matches!(Database::open(&crm.settings), Err(Error::Missing { .. })));
    assert!(!path.exists());
    std::fs::write(&path, "id;name\n".repeat(100)).unwrap();
    let error = Database::open(&crm.settings).err().unwrap().to_string();
    assert!(error.contains("not a SQLite database"), "{error}");
}

#[test]
fn a_path_that_is_no_regular_file_is_refused_without_being_opened() {
    let mut crm = Crm::new("");
    let place = |name: &str| crm.settings.path.with_file_name(name);
    let (pipe, link, socket, folder) = (place("pipe"), place("link"), place("socket"), place("folder"));
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::os::unix::fs::symlink(&pipe, &link).unwrap();
    let _bound = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    std::fs::create_dir(&folder).unwrap();
    for path in [pipe, link, socket, folder, "/dev/null".into(), "/dev/zero".into()] {
        crm.settings.path.clone_from(&path);
        let error = Database::open(&crm.settings).err().unwrap();
        assert!(matches!(error, Error::Database { .. }), "{}: {error:?}", path.display());
        assert!(error.to_string().contains("not a regular file"), "{}: {error}", path.display());
    }
}

#[test]
fn only_one_select_is_accepted() {
    let cases = [
        "DELETE FROM person",
        "DELETE FROM person RETURNING id",
        "SELECT 1 AS id; SELECT 2 AS id",
        "PRAGMA table_info(person)",
        "PRAGMA journal_mode = DELETE",
        "EXPLAIN SELECT id FROM person",
        "ATTACH 'x.db' AS x",
        "SELECT id FROM person WHERE id > ?1",
        "",
    ];
    for query in cases {
        let crm = Crm::new("CREATE TABLE person (id);").query(query);
        let refusal = crm.refusal(&[]);
        assert!(refusal.contains("SELECT"), "{query}: {refusal}");
    }
    let crm = Crm::new("CREATE TABLE person (id); INSERT INTO person VALUES (1);")
        .query("WITH p AS (SELECT id FROM person) SELECT id FROM p -- all ; of them\n;");
    assert_eq!(crm.keys(None).0, ["1"]);
}

#[test]
fn a_query_that_does_not_fit_is_refused_with_the_nearest_name() {
    let mut crm = Crm::new("CREATE TABLE person (id, name, updated_at);");
    let refusal = crm.refusal(&["nam"]);
    assert!(refusal.contains("'nam' is missing (is it 'name'?)"), "{refusal}");
    crm.settings.cursor = Some("updatedat".to_owned());
    assert!(crm.refusal(&["name"]).contains("is it 'updated_at'?"));
    let crm = crm.query("SELECT colour FROM person");
    let refusal = crm.refusal(&[]);
    assert!(refusal.contains("no such column: colour"), "{refusal}");
}

#[test]
fn a_cursor_reads_on_from_where_it_was_and_loses_no_tie() {
    let mut crm = Crm::new(
        "CREATE TABLE person (id, \"changed \"\"at\"\"\");
         INSERT INTO person VALUES ('c', '2026-01-03'), ('a', '2026-01-01'), ('n', NULL), ('b', '2026-01-02');",
    );
    crm.settings.cursor = Some("changed \"at\"".to_owned());
    let (keys, position) = crm.keys(None);
    assert_eq!(keys, ["n", "a", "b", "c"]);
    assert_eq!(position, Some(CursorValue::Text("2026-01-03".to_owned())));
    crm.writer.execute_batch("INSERT INTO person VALUES ('d', '2026-01-03'), ('e', '2026-01-04');").unwrap();
    let (keys, later) = crm.keys(position.as_ref());
    assert_eq!(keys, ["n", "c", "d", "e"], "'d' has the value of the position");
    assert_eq!(later, Some(CursorValue::Text("2026-01-04".to_owned())));
    crm.writer.execute_batch("DELETE FROM person WHERE id <> 'n'").unwrap();
    let unchanged = (vec!["n".to_owned()], later.clone());
    assert_eq!(crm.keys(later.as_ref()), unchanged, "no step back");
}

#[test]
fn a_cursor_of_mixed_types_skips_no_row() {
    for (declared, first, later) in
        [("", "'text'", "5"), ("", "7", "'text'"), ("INTEGER", "'text'", "5"), ("", "0.5", "x'00'")]
    {
        let mut crm = Crm::new(&format!(
            "CREATE TABLE person (id, at {declared}); INSERT INTO person VALUES ('a', 1), ('b', {first});"
        ));
        crm.settings.cursor = Some("at".to_owned());
        let (_, position) = crm.keys(None);
        crm.writer.execute_batch(&format!("INSERT INTO person VALUES ('late', {later});")).unwrap();
        let (keys, _) = crm.keys(position.as_ref());
        assert!(keys.contains(&"late".to_owned()), "{declared} {first} {later}: {keys:?}");
    }
}

#[test]
fn a_cursor_goes_on_when_its_column_becomes_text() {
    let mut crm = Crm::new("CREATE TABLE person (id, at TEXT); INSERT INTO person VALUES ('late', '10');");
    crm.settings.cursor = Some("at".to_owned());
    assert_eq!(crm.keys(Some(&CursorValue::Integer(5))).0, ["late"]);
}

#[test]
fn the_error_of_a_running_query_shows_no_value() {
    let crm = Crm::new("CREATE TABLE person (id, j); INSERT INTO person VALUES (1, 'Peeters');")
        .query("SELECT id, json_extract('{}', j) AS name FROM person");
    let database = Database::open(&crm.settings).unwrap();
    let mut select = database.select(&owned(&["name"]), None).unwrap();
    let mut rows = select.rows(NOW, || false).unwrap();
    let error = rows.next(&mut Record::default()).unwrap_err().to_string();
    assert!(error.contains("the query failed") && !error.contains("Peeters"), "{error}");
}

#[test]
fn a_query_that_finds_no_row_ends_once_it_is_to_stop() {
    // So long that nobody waits for its end, but it has one.
    let crm = Crm::new("").query(
        "WITH RECURSIVE c(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM c LIMIT 50000000) SELECT id FROM c WHERE id < 0",
    );
    let database = Database::open(&crm.settings).unwrap();
    let mut select = database.select(&[], None).unwrap();
    let mut asked = 0;
    let stopped = move || {
        asked += 1;
        asked > 2
    };
    let mut rows = select.rows(NOW, stopped).unwrap();
    let error = rows.next(&mut Record::default()).unwrap_err();
    assert!(matches!(error, Error::Stopped { .. }), "{error}");
}
