//! Logs tell what happened and to which lead, and nothing of the lead.

use serde_json::Value;

use super::site::{Site, assert_nothing_planted};

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
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
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
    let output = again.env(PANICS, "1").output().unwrap();
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
