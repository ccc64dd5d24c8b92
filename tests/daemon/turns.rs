//! Several syncs in one daemon.

use std::fs;

use rustix::process::Signal;

use crate::process::Daemon;
use crate::support::Scene;

#[test]
fn a_sync_whose_api_is_away_keeps_no_other_one_waiting() {
    let mut scene = Scene::new();
    scene.customers(0..2);
    scene.sync("schedule", "\"* * * * * *\"").more(
        r#"
[connections.away]
kind = "http"
base_url = "http://127.0.0.1:9"
patience = "1h"
retry = { first = "1h", cap = "1h" }
auth = { kind = "none" }

[syncs.away]
connection = "away"
schedule = "* * * * * *"
request = { path = "/leads" }
source = { kind = "csv", path = "away.csv", key = "id" }
lead = { id = "{{ id }}" }
"#,
    );
    fs::write(scene.path("away.csv"), "id\n1\n").unwrap();
    let daemon = Daemon::start(&scene);
    // It would wait an hour for its own next try.
    daemon.until_ended("complete", 3);
    daemon.until_ended("deferred", 2);
    daemon.signal(Signal::TERM);
    let (code, log) = daemon.end();
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(scene.stored().len(), 2);
    let away: Vec<_> = scene.leads().into_iter().filter(|lead| lead["sync"] == "away").collect();
    assert_eq!((away[0]["state"].as_str(), away[0]["attempts"].as_u64()), (Some("waiting"), Some(0)));
}

/// Another sync that is due with `customers`, after it, and finds nothing.
const NOTHING: &str = r#"
[syncs.nothing]
connection = "wegroup"
schedule = "0 0 0 1 1 *"
run_at_start = true
source = { kind = "csv", path = "none*.csv", key = "id" }
lead = { id = "{{ id }}" }
"#;

#[test]
fn a_run_that_left_its_file_for_the_next_one_is_put_off_and_not_done_again_at_once_for_others_sake() {
    let mut scene = Scene::new();
    scene.sync("schedule", "\"0 0 0 1 1 *\"").sync("run_at_start", "true").source("require_final_newline", "true");
    scene.export("customers.csv", "id,first_name,last_name,email\n1,A,B,a@example.com");
    scene.more(NOTHING);
    let daemon = Daemon::start(&scene);
    daemon.until_said("the run was put off and is taken up again");
    let status = scene.cli(&["status"]).stdout;
    assert!(status.contains("the run that was put off is taken up again by "), "{status}");
    daemon.signal(Signal::TERM);
    let (code, log) = daemon.end();
    assert_eq!((code, log.matches("outcome=\"deferred\"").count()), (Some(0), 1), "{log}");
}
