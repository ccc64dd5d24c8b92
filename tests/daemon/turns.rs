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

#[test]
fn status_says_which_run_is_under_way_until_a_stop_ends_its_query() {
    let mut scene = Scene::new();
    scene.sync("schedule", "\"0 0 0 1 1 *\"").sync("run_at_start", "true").more(NOTHING);
    scene.source("kind", "\"sqlite\"").source("path", "\"crm.db\"").source("query", "\"SELECT * FROM person\"");
    // So long that nobody waits for its end, but it has one.
    let view = "CREATE VIEW person AS
                WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 100000000)
                SELECT x AS id, 'Ann' AS first_name, 'Peeters' AS last_name, '' AS email FROM c WHERE x < 0";
    rusqlite::Connection::open(scene.path("crm.db")).unwrap().execute_batch(view).unwrap();
    let daemon = Daemon::start(&scene);
    daemon.until_said("begins");
    let status = scene.cli(&["status"]).stdout;
    assert!(status.starts_with("run 1 over customers is under way since 20"), "{status}");
    let running_since = |scene: &Scene| scene.cli(&["status", "--format", "json"]).json()[0]["running_since"].clone();
    assert!(running_since(&scene).is_string());
    daemon.signal(Signal::TERM);
    let (code, log) = daemon.end();
    assert_eq!((code, log.contains("did not end in time")), (Some(0), false), "{log}");
    assert!(log.contains("sync customers: stopped while reading"), "{log}");
    assert!(running_since(&scene).is_null());
    assert!(!scene.cli(&["status"]).stdout.contains("under way"));
}
