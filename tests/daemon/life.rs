//! One daemon through everything that happens to it in a month, each time as `/metrics` and `status` show it.

use lead_sync::sandbox::{Answer, Fault, Kind, RetryAfter};
use rustix::process::Signal;
use serde_json::Value;

use crate::process::{Daemon, until};
use crate::support::Scene;

const RELOADED: &str = "lead_sync_config_last_reload_successful";
const PAUSE: &str = r#"lead_sync_pause_seconds{connection="wegroup"}"#;

fn leads(state: &str) -> String {
    format!(r#"lead_sync_leads{{sync="customers",state="{state}"}}"#)
}

fn outcome(name: &str) -> String {
    format!(r#"lead_sync_last_run_outcome{{sync="customers",outcome="{name}"}}"#)
}

fn attempts(outcome: &str) -> String {
    format!(r#"lead_sync_attempts_total{{connection="wegroup",outcome="{outcome}"}}"#)
}

/// `status`, as JSON: the one sync there is.
fn status(scene: &Scene) -> Value {
    scene.cli(&["status", "--format", "json"]).json()[0].clone()
}

/// Waits until metrics and `status` show that a run ended like this and left so many leads delivered and pending.
fn until_shown(scene: &Scene, daemon: &Daemon, ended: &str, delivered: u32, pending: u32) {
    daemon.until_metric(&outcome(ended), 1.0);
    daemon.until_metric(&leads("delivered"), delivered);
    daemon.until_metric(&leads("pending"), pending);
    until("status says so, too", || {
        let status = status(scene);
        (&status["last_outcome"], &status["delivered"], &status["pending"])
            == (&ended.into(), &delivered.into(), &pending.into())
    });
}

/// The keys of what the API has stored, in order, repeated ones too.
fn stored(scene: &Scene) -> Vec<u32> {
    let mut keys: Vec<u32> = scene.stored().into_iter().filter_map(|lead| lead.external_ref?.parse().ok()).collect();
    keys.sort_unstable();
    keys
}

/// State and charged attempts of every lead.
fn states(scene: &Scene) -> Vec<(String, u64)> {
    let of = |lead: &Value| (lead["state"].as_str().unwrap().to_owned(), lead["attempts"].as_u64().unwrap());
    scene.leads().iter().map(of).collect()
}

fn export(scene: &Scene, name: &str, keys: std::ops::Range<u32>) {
    let rows: Vec<String> = keys.map(|key| format!("{key},A,B,a@example.com\n")).collect();
    scene.export(name, format!("id,first_name,last_name,email\n{}", rows.concat()));
}

#[test]
fn a_daemon_loses_no_lead_doubles_none_and_charges_none_wrongly_whatever_happens_to_it_and_shows_it_all() {
    let mut scene = Scene::new();
    scene.sync("schedule", "\"* * * * * *\"").connection("max_in_flight", "2").connection("patience", "\"0s\"");
    scene.more("[http]\nlisten = \"127.0.0.1:0\"");
    scene.customers(0..2);
    let daemon = Daemon::start(&scene);
    daemon.until_ended("complete", 2);
    assert_eq!(stored(&scene), [0, 1]);
    until_shown(&scene, &daemon, "complete", 2, 0);
    assert_eq!((daemon.get("/healthz").0, daemon.get("/readyz").0), (200, 200));
    assert_eq!((daemon.metric(RELOADED), daemon.metric(&attempts("accepted"))), (Some(1.0), Some(2.0)));
    assert!(daemon.metric(r#"lead_sync_next_run_timestamp_seconds{sync="customers"}"#) > Some(0.0));

    a_wrong_configuration_and_a_good_one(&mut scene, &daemon);
    the_api_goes_away_and_comes_back(&scene, &daemon);

    // Stopped in the middle of a run.
    scene.fault(Fault::once(Kind::Slow { ms: 30 }).always());
    export(&scene, "new-3.csv", 4..104);
    until("it is under way", || scene.stored().len() > 10);
    daemon.until_some(&leads("pending"));
    assert!(status(&scene)["pending"].as_u64() > Some(0));
    daemon.signal(Signal::TERM);
    let (code, log) = daemon.end();
    assert_eq!(code, Some(0), "{log}");
    let delivered = scene.stored().len() as u64;
    assert!(delivered < 104);
    for (state, attempts) in states(&scene) {
        assert!(matches!((state.as_str(), attempts), ("delivered", 1) | ("pending", 0)), "{state} {attempts}");
    }
    let left = status(&scene);
    assert_eq!(
        (&left["last_outcome"], &left["delivered"], &left["pending"]),
        (&"interrupted".into(), &delivered.into(), &(104 - delivered).into())
    );

    // Started again, it goes on where it was.
    let daemon = Daemon::start(&scene);
    until_shown(&scene, &daemon, "complete", 104, 0);
    let sent = u32::try_from(104 - delivered).unwrap();
    assert_eq!(daemon.metric(&attempts("accepted")), Some(f64::from(sent)));
    daemon.signal(Signal::INT);
    assert_eq!(daemon.end().0, Some(0));
    assert_eq!(stored(&scene), (0..104).collect::<Vec<_>>());
    assert_eq!(states(&scene), vec![("delivered".to_owned(), 1); 104]);
}

fn a_wrong_configuration_and_a_good_one(scene: &mut Scene, daemon: &Daemon) {
    // A wrong one: both mistakes are named, and the old one stays in force.
    scene.sync("schedule", "\"* * * * *\"").connection("burst", "0");
    let status = scene.cli(&["status"]);
    assert_eq!((status.code, status.stderr.contains("connections.wegroup.burst: ")), (2, true), "{status:?}");
    daemon.signal(Signal::HUP);
    daemon.until_said("the old one stays in force");
    assert_eq!((daemon.said("syncs.customers.schedule: "), daemon.said("connections.wegroup.burst: ")), (1, 1));
    daemon.until_metric(RELOADED, 0.0);
    daemon.until_ended("complete", 2);
    assert_eq!(daemon.get("/readyz").0, 200, "it goes on");

    // A good one, for another export.
    scene.sync("schedule", "\"* * * * * *\"").connection("burst", "1").source("path", "\"exports/new-*.csv\"");
    drop(scene.command(&[]));
    export(scene, "new-1.csv", 2..3);
    daemon.signal(Signal::HUP);
    until("the new export is read", || stored(scene) == [0, 1, 2]);
    daemon.until_metric(RELOADED, 1.0);
    until_shown(scene, daemon, "complete", 3, 0);
}

fn the_api_goes_away_and_comes_back(scene: &Scene, daemon: &Daemon) {
    let away = Answer { retry_after: Some(RetryAfter::Seconds(2)), ..Answer::new(503) };
    scene.fault(Fault::once(Kind::Status(away)).always());
    export(scene, "new-2.csv", 3..4);
    daemon.until_metric(&outcome("deferred"), 1.0);
    daemon.until_some(PAUSE);
    daemon.until_some(&attempts("throttled"));
    until("status shows the pause", || status(scene)["paused_until"].is_string());
    let waits = status(scene);
    assert_eq!((&waits["last_outcome"], &waits["delivered"]), (&"deferred".into(), &3.into()), "{waits}");
    scene.api.clear_faults();
    until("it is back", || stored(scene) == [0, 1, 2, 3]);
    until_shown(scene, daemon, "complete", 4, 0);
    assert_eq!(daemon.metric(PAUSE), Some(0.0));
    assert_eq!(states(scene), vec![("delivered".to_owned(), 1); 4]);
}
