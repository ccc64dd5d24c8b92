//! Names and forms that scripts and outside tools rely on.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;

use lead_sync::sandbox::{Answer, Fault, Kind};

use crate::support::{Ran, Scene};

#[test]
fn the_document_of_a_run_has_the_names_and_sums_of_the_contract() {
    let scene = Scene::new();
    scene.export("customers.csv", "id,first_name,last_name,email\n1,Ann,Peeters,\n2,Bob\n,Cid,Claes,\n");
    let document = scene.run().json();
    let names: Vec<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["run", "outcome", "started_at", "finished_at", "syncs"]);
    let counts = document["syncs"]["customers"].as_object().unwrap();
    let names: Vec<&str> = counts.keys().map(String::as_str).collect();
    let expected = "read new changed unchanged skipped invalid delivered rejected waiting held failed pending";
    assert_eq!(names, expected.split(' ').collect::<Vec<_>>());
    let sum: u64 =
        ["new", "changed", "unchanged", "skipped", "invalid"].iter().map(|n| counts[*n].as_u64().unwrap()).sum();
    assert_eq!((counts["read"].as_u64().unwrap(), sum), (3, 3));
}

#[test]
fn the_views_have_the_columns_of_the_contract_and_utc_times() {
    let scene = Scene::new();
    scene.export("customers.csv", "id,first_name,last_name,email\n1,Ann,Peeters,a@refused.example\n2,Bob\n");
    scene.run();
    let columns = |view: &str| scene.query(&format!("SELECT group_concat(name, ' ') FROM pragma_table_info('{view}')"));
    let leads = "sync key state backref remote_id attempts http_status reason origin updated_at";
    assert_eq!(columns("leads"), [leads]);
    assert_eq!(columns("failures"), ["sync key backref run attempt at kind http_status reason"]);
    let runs = "run started_at finished_at trigger outcome read new changed unchanged skipped invalid delivered rejected \
                waiting held failed pending";
    assert_eq!(columns("runs"), [runs]);
    for sql in ["SELECT updated_at FROM leads", "SELECT at FROM failures", "SELECT finished_at FROM runs"] {
        for time in scene.query(sql) {
            assert!(time.len() == 24 && time.ends_with('Z') && time.contains('T'), "{sql}: {time}");
        }
    }
    assert_eq!(
        scene.query("SELECT origin FROM leads ORDER BY origin"),
        ["exports/customers.csv:2", "exports/customers.csv:3"]
    );
    assert_eq!(scene.query("SELECT \"trigger\" || outcome FROM runs"), ["manualattention"]);
}

#[test]
fn lists_come_as_one_array_or_as_csv_with_the_same_columns() {
    let scene = Scene::new();
    scene.customers(0..60);
    scene.run();
    assert_eq!(scene.leads().len(), 60, "json is not cut to a screenful");
    let csv = scene.cli(&["leads", "--format", "csv", "--state", "delivered", "--sync", "customers"]).stdout;
    assert_eq!(
        csv.lines().next(),
        Some("sync,key,state,backref,remote_id,attempts,http_status,reason,origin,updated_at")
    );
    assert_eq!(csv.lines().count(), 61);
    assert_eq!(scene.cli(&["leads", "--format", "json", "--limit", "7"]).json().as_array().unwrap().len(), 7);
    let names: Vec<String> = scene.leads()[0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(names.join(","), csv.lines().next().unwrap());
}

#[test]
fn ledger_key_lock_and_mark_are_for_their_owner_only() {
    let mut scene = Scene::new();
    scene.connection("max_in_flight", "2");
    scene.customers(0..3);
    scene.run();
    for name in ["lead-sync.db", "lead-sync.key", "lead-sync.lock", "lead-sync.db.mark"] {
        let mode = scene.path(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!(scene.query("PRAGMA journal_mode"), ["wal"]);
    assert_ne!(scene.query("PRAGMA application_id"), ["0"]);
    assert_ne!(scene.query("PRAGMA user_version"), ["0"]);
    assert_eq!(
        scene.query("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE '%STRICT%'"),
        Vec::<String>::new()
    );
}

#[test]
fn exports_are_found_whatever_their_names_and_the_folder_of_the_configuration_are() {
    let scene = Scene::new();
    let folder = scene.folder.path().join(OsStr::from_bytes(b"broker [1] caf\xe9"));
    fs::create_dir_all(folder.join("exports")).unwrap();
    let export = folder.join("exports").join(OsStr::from_bytes(b"Br\xfcssel.csv"));
    fs::write(export, "id,first_name,last_name,email\n1,Ann,Peeters,\n").unwrap();
    let mut command = scene.command(&["--run-now", "--json"]);
    fs::copy(scene.path("lead-sync.toml"), folder.join("lead-sync.toml")).unwrap();
    let ran: Ran = command.env("LEAD_SYNC_CONFIG", folder.join("lead-sync.toml")).output().unwrap().into();
    assert_eq!((ran.code, ran.count("delivered")), (0, 1), "{ran:?}");
}

#[test]
fn a_result_that_cannot_be_written_is_an_error_and_a_pipe_or_terminal_that_is_gone_is_none() {
    let scene = Scene::new();
    scene.customers(0..1);
    scene.run();
    for args in [&["leads"][..], &["leads", "--format", "csv"], &["status"], &["--run-now", "--json"]] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let ran: Ran = scene.command(args).stdout(full).output().unwrap().into();
        assert_eq!(ran.code, 1, "{args:?}: {ran:?}");
        assert!(ran.stderr.contains("the result cannot be written"), "{ran:?}");
        let (reader, closed) = std::io::pipe().unwrap();
        drop(reader);
        let terminal = nix::pty::openpty(None, None).unwrap();
        drop(terminal.master);
        for gone in [OwnedFd::from(closed), terminal.slave] {
            let ran: Ran = scene.command(args).stdout(gone).output().unwrap().into();
            assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        }
    }
}

#[test]
fn what_the_api_says_cannot_turn_or_hide_the_line_it_stands_in() {
    let scene = Scene::new();
    scene.export("customers.csv", "id,first_name,last_name,email\n\u{1b}[2J\u{202e}1,Ann,Peeters,\n");
    let body = serde_json::json!({ "message": "no\u{9b}2J\u{202e}way" });
    let answer = Answer { body: Some(body), ..Answer::new(422) };
    scene.fault(Fault::once(Kind::Status(answer)));
    scene.run();
    for args in [&["leads"][..], &["show", "\u{1b}[2J\u{202e}1"], &["status"], &["retry", "\u{1b}\u{202e}"]] {
        let ran = scene.cli(args);
        let text = ran.stdout.clone() + &ran.stderr;
        assert!(!text.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{args:?}: {ran:?}");
    }
}

#[test]
fn a_plan_sends_nothing_writes_nothing_and_masks_values() {
    let scene = Scene::new();
    scene.customers(0..8);
    let ran = scene.cli(&["plan"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("8 new") && !ran.stdout.contains("First1"), "{ran:?}");
    assert!(!scene.path("lead-sync.db").exists() && !scene.path("lead-sync.key").exists());
    assert_eq!(scene.cli(&["--run-now", "--dry-run", "--json"]).count("new"), 8);
    scene.run();
    let before = fs::read(scene.path("lead-sync.db")).unwrap();
    scene.customers(0..9);
    assert_eq!(scene.cli(&["--run-now", "--dry-run", "--json"]).count("new"), 1);
    assert_eq!(fs::read(scene.path("lead-sync.db")).unwrap(), before);
    assert_eq!(scene.requests().len(), 8);
}

#[test]
fn a_where_that_skips_every_row_is_told_and_changes_no_exit_code() {
    let mut scene = Scene::new();
    scene.customers(0..3);
    scene.sync("where", r#""{{ email == 'J' }}""#);
    for args in [&["plan"][..], &["--run-now"]] {
        let ran = scene.cli(args);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.stderr.contains("`where` skipped every row (3 read); if that is not meant, compare"), "{ran:?}");
    }
    scene.sync("where", r#""{{ email != 'p0@example.com' }}""#);
    let ran = scene.cli(&["plan"]);
    assert!(ran.stdout.contains("1 skipped") && !ran.stderr.contains("every row"), "{ran:?}");
}

#[test]
fn a_where_that_compares_text_with_a_number_or_takes_it_for_a_yes_is_refused_before_the_first_row() {
    let mut scene = Scene::new();
    scene.customers(0..3);
    for (filter, cure) in [("email == 1", "write '1' in quotes"), ("email and id != '0'", "as in email == 'J'")] {
        scene.sync("where", &format!("\"{{{{ {filter} }}}}\""));
        let ran = scene.cli(&["--run-now"]);
        assert!(
            ran.code == 2 && ran.stderr.contains("syncs.customers.where: ") && ran.stderr.contains(cure),
            "{ran:?}"
        );
    }
    assert!(!scene.path("lead-sync.db").exists());
}

#[test]
fn wrong_usage_and_wrong_configuration_end_with_2_and_say_what_is_wrong() {
    let mut scene = Scene::new();
    scene.customers(0..1);
    assert_eq!(scene.cli(&["--no-such-option"]).code, 2);
    assert_eq!(scene.cli(&["--run-now", "--sync", "nobody"]).code, 2);
    scene.connection("rate_limt", "\"5/s\"").sync("where", "\"{{ nobody }\"");
    for args in [&["--run-now", "--json"][..], &["--run-now", "--dry-run", "--json"], &["plan", "--json"]] {
        let ran = scene.cli(args);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains("connections.wegroup.rate_limt") && ran.stderr.contains("rate_limit"), "{ran:?}");
        assert_eq!(ran.json()["outcome"], "error");
    }
}

#[test]
fn a_source_that_is_not_there_ends_with_2_and_one_that_is_no_export_with_3() {
    let mut scene = Scene::new();
    scene.source("path", "\"exports/customers.csv\"");
    assert_eq!(scene.run().code, 2, "a missing file");
    scene.export("customers.csv", "<html>log in</html>");
    assert_eq!(scene.run().code, 3, "a web page");
    scene.source("path", "\"nowhere/*.csv\"");
    assert_eq!(scene.run().code, 2, "a missing folder");
}
