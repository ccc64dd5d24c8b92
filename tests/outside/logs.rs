//! Logs tell what happened and to which lead, and nothing of the lead.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::site::{Site, assert_nothing_planted};

/// Each line as the JSON object that it is.
#[track_caller]
fn objects(log: &str) -> Vec<Value> {
    let object = |line: &str| {
        let object: Value = serde_json::from_str(line).unwrap_or_default();
        assert!(object.is_object(), "no JSON object: {line}\nin\n{log}");
        object
    };
    log.lines().map(object).collect()
}

async fn debug_log(format: &str) -> String {
    let site = Site::new("").await;
    site.export(&[["PLANTED-KEY-1", "Plantedfirst", "planted@example.com"], ["PLANTED-KEY-2", "Plantedfirst", ""]]);
    let ran = site.run_with(&["--run-now"], &[("LEAD_SYNC_LOG", "trace"), ("LEAD_SYNC_LOG_FORMAT", format)]).await;
    assert_eq!(ran.code, 3);
    assert_nothing_planted(&ran.stderr);
    assert_nothing_planted(&ran.stdout);
    ran.stderr
}

#[tokio::test]
async fn json_lines_name_run_sync_and_the_hashed_lead() {
    let log = debug_log("json").await;
    let lines = objects(&log);
    let answered = lines.iter().find(|line| line["message"] == "answered").unwrap();
    assert_eq!((&answered["level"], &answered["outcome"]), (&"DEBUG".into(), &"accepted".into()));
    let spans = answered["spans"].as_array().unwrap();
    assert_eq!((&spans[0]["name"], &spans[0]["run"]), (&"run".into(), &1.into()));
    assert_eq!((&spans[1]["name"], &spans[1]["sync"]), (&"lead".into(), &"customers".into()));
    assert_eq!(spans[1]["lead"].as_str().unwrap().len(), 8);
}

#[tokio::test]
async fn journal_lines_begin_with_their_priority() {
    let log = debug_log("journald").await;
    assert!(log.contains("<7>run{run=1}:lead{sync="), "{log}");
    assert!(log.contains("<6>run{run=1}: begins"), "{log}");
    let has_priority = |line: &str| ["<3>", "<4>", "<6>", "<7>"].iter().any(|priority| line.starts_with(priority));
    assert!(log.lines().all(has_priority), "{log}");
}

/// What a program in three ways of ending says of itself, its log being off: a warning of the start, the notice of a run, and a failure.
async fn said_of_itself(format: &str) -> [String; 3] {
    let site = Site::new("").await;
    let variables = [("LEAD_SYNC_LOG", "off"), ("LEAD_SYNC_LOG_FORMAT", format)];
    site.export(&[["1", "Jan", "jan@example.com"]]);
    assert_eq!(site.run(&["--run-now"]).await.code, 0);
    std::fs::set_permissions(site.file("lead-sync.toml"), PermissionsExt::from_mode(0o644)).unwrap();
    let warned = site.run_with(&["--run-now"], &variables).await;
    std::fs::set_permissions(site.file("lead-sync.toml"), PermissionsExt::from_mode(0o600)).unwrap();
    site.export(&[]);
    let noticed = site.run_with(&["--run-now"], &variables).await;
    // Two mistakes: what is said has more than one line.
    site.configure("[ledger]\nretain = \"long\"\nsize = 1\n");
    let failed = site.run_with(&["--run-now"], &variables).await;
    assert_eq!((warned.code, noticed.code, failed.code), (0, 3, 2));
    [warned, noticed, failed].map(|ran| ran.stderr)
}

#[tokio::test]
async fn what_the_program_says_of_itself_is_a_line_of_the_log_at_any_level_and_is_said_once() {
    let said = said_of_itself("json").await;
    let told = said.each_ref().map(|log| {
        let [line] = <[Value; 1]>::try_from(objects(log)).unwrap();
        (line["level"].as_str().unwrap().to_owned(), line["message"].as_str().unwrap().to_owned())
    });
    for ((level, message), (expected, part)) in
        told.iter().zip([("WARN", "others can read"), ("WARN", "not a single row was read"), ("ERROR", "ledger.size")])
    {
        assert!(level == expected && message.contains(part), "{level}: {message}");
    }
    for (log, start) in said_of_itself("journald").await.iter().zip(["<4>", "<4>", "<3>"]) {
        assert!(log.starts_with(start) && log.lines().count() == 1, "{log}");
    }
    for (log, level) in said_of_itself("text").await.iter().zip([" WARN ", " WARN ", " ERROR "]) {
        assert!(log.contains(level) && log.lines().count() == 1, "{log}");
    }
}

#[tokio::test]
async fn a_daemon_that_does_not_start_says_why_in_its_log() {
    let site = Site::new("").await;
    let ran = site.run_with(&[], &[("LEAD_SYNC_LOG_FORMAT", "json")]).await;
    let last = objects(&ran.stderr).pop().unwrap();
    assert_eq!((ran.code, &last["level"]), (2, &"ERROR".into()));
    assert!(last["message"].as_str().unwrap().contains("add `schedule` to a sync"), "{last}");
}

/// Set in the process that panics.
const PANICS: &str = "LEAD_SYNC_TEST_PANICS";

#[test]
fn a_panic_is_logged_by_its_place_and_never_by_its_message() {
    if std::env::var_os(PANICS).is_some() {
        lead_sync::telemetry::start(lead_sync::telemetry::Talk::Little);
        lead_sync::telemetry::keep_panics_quiet();
        let value = "planted@example.com";
        panic!("{value} is no address");
    }
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "--nocapture", "logs::a_panic_is_logged_by_its_place_and_never_by_its_message"]);
    let output = again.env(PANICS, "1").env("LEAD_SYNC_LOG", "off").output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains("a programming error at tests/outside/logs.rs:"), "{log}");
    assert!(!log.contains("planted@example.com"), "{log}");
}

#[tokio::test]
async fn outside_a_terminal_lines_are_json_and_a_wrong_format_is_said() {
    let site = Site::new("").await;
    site.export(&[["1", "Jan", "jan@example.com"]]);
    let ran = site.run_with(&["--run-now"], &[("LEAD_SYNC_LOG_FORMAT", "xml")]).await;
    let line: Value = serde_json::from_str(ran.stderr.lines().next().unwrap()).unwrap();
    assert_eq!(line["message"], "LEAD_SYNC_LOG_FORMAT=xml names no format; use text, json or journald");
}
