//! A database that another program writes to all the time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use crate::support::Scene;

/// Transactions that add rows; after them the writer goes on with updates.
const GROWING: u32 = 200;

/// Runs while the writer goes on.
const RUNS: usize = 4;

/// The CRM's own program: each transaction adds two rows that belong together, and sets two others to one same number.
struct Writer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u32>,
}

impl Writer {
    fn start(path: &Path, journal: &str) -> Self {
        let crm = Connection::open(path).unwrap();
        crm.busy_timeout(Duration::from_mins(1)).unwrap();
        crm.execute_batch(&format!(
            "PRAGMA journal_mode = {journal}; PRAGMA synchronous = OFF;
             CREATE TABLE person (id TEXT PRIMARY KEY, number INTEGER, at INTEGER);
             INSERT INTO person VALUES ('debit', 0, 0), ('credit', 0, 0);"
        ))
        .unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut number = 0;
            while !stopped.load(Ordering::Relaxed) {
                number += 1;
                commit(&crm, number);
            }
            number.min(GROWING)
        });
        Self { stop, thread }
    }

    /// Stops and says how many pairs there are.
    fn stop(self) -> u32 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

fn commit(crm: &Connection, number: u32) {
    let pair = if number > GROWING {
        String::new()
    } else {
        format!("INSERT INTO person VALUES ('{number}a', {number}, {number}), ('{number}b', {number}, {number});")
    };
    crm.execute_batch(&format!(
        "BEGIN IMMEDIATE; {pair}
         UPDATE person SET number = {number}, at = {number} WHERE id = 'debit';
         UPDATE person SET number = {number}, at = {number} WHERE id = 'credit'; COMMIT;"
    ))
    .unwrap();
}

fn scene(cursor: bool) -> (Scene, PathBuf) {
    let mut scene = Scene::new();
    scene.source("kind", "\"sqlite\"").source("path", "\"crm.db\"").source("query", "\"SELECT * FROM person\"");
    if cursor {
        scene.source("cursor", "\"at\"");
    }
    scene.sync("on_change", "\"resend\"").lead(
        "\norigin = \"CRM\"\nbackref = \"https://crm.example.com/{{ id }}\"\n[syncs.customers.lead.prospect]\n\
         first_name = \"{{ id }}\"\nlast_name = \"{{ number }}x\"\n\
         external_ref = { external_ref = \"{{ id }}\", external_ref_company = \"crm\" }\n",
    );
    let path = scene.path("crm.db");
    (scene, path)
}

/// Runs beside the writer; what was sent since the last look must be whole transactions.
fn check_each_run_sends_whole_transactions(journal: &str, cursor: bool) {
    let (scene, path) = scene(cursor);
    let writer = Writer::start(&path, journal);
    let mut times_sent = BTreeMap::<String, u32>::new();
    let mut seen = 0;
    let mut look = |scene: &Scene| {
        let stored = scene.stored();
        let sent: BTreeMap<String, String> = stored[seen..]
            .iter()
            .map(|lead| {
                let prospect = &lead.body["prospect"];
                let text = |field: &str| prospect[field].as_str().unwrap().to_owned();
                (text("first_name"), text("last_name"))
            })
            .collect();
        seen = stored.len();
        assert_eq!(sent.get("debit"), sent.get("credit"), "{journal}: half a transaction");
        for (id, number) in sent {
            *times_sent.entry(id.clone()).or_default() += 1;
            if let Some(pair) = id.strip_suffix('a') {
                assert_eq!(format!("{pair}x"), number);
            }
        }
        for number in 1..=GROWING {
            let times = |half: char| times_sent.get(&format!("{number}{half}")).copied().unwrap_or_default();
            assert_eq!(times('a'), times('b'), "{journal}: half of pair {number}");
            assert!(times('a') <= 1, "{journal}: pair {number} twice");
        }
        times_sent.len()
    };
    for _ in 0..RUNS {
        let ran = scene.run();
        // 4: the other program's lock was there all the time that we waited.
        assert!(ran.code == 0 || ran.code == 4, "{ran:?}");
        look(&scene);
    }
    let pairs = writer.stop();
    assert_eq!(scene.run().code, 0);
    assert_eq!(look(&scene), 2 + 2 * usize::try_from(pairs).unwrap(), "{journal}: each row arrived");
}

#[test]
fn beside_a_writer_with_a_write_ahead_log_each_run_sends_whole_transactions() {
    check_each_run_sends_whole_transactions("WAL", false);
}

#[test]
fn beside_a_writer_with_a_rollback_journal_each_run_sends_whole_transactions() {
    check_each_run_sends_whole_transactions("DELETE", false);
}

#[test]
fn a_cursor_beside_a_writer_skips_no_row() {
    check_each_run_sends_whole_transactions("WAL", true);
}
