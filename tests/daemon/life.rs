//! One daemon through everything that happens to it in a month.

use lead_sync::sandbox::{Answer, Fault, Kind, RetryAfter};
use rustix::process::Signal;

use crate::process::{Daemon, until};
use crate::support::Scene;

/// The keys of what the API has stored, in order, repeated ones too.
fn stored(scene: &Scene) -> Vec<u32> {
    let mut keys: Vec<u32> = scene.stored().into_iter().filter_map(|lead| lead.external_ref?.parse().ok()).collect();
    keys.sort_unstable();
    keys
}

/// State and charged attempts of every lead.
fn states(scene: &Scene) -> Vec<(String, u64)> {
    let of =
        |lead: &serde_json::Value| (lead["state"].as_str().unwrap().to_owned(), lead["attempts"].as_u64().unwrap());
    scene.leads().iter().map(of).collect()
}

#[test]
fn a_daemon_loses_no_lead_doubles_none_and_charges_none_wrongly_whatever_happens_to_it() {
    let mut scene = Scene::new();
    scene.sync("schedule", "\"* * * * * *\"").connection("max_in_flight", "2");
    scene.customers(0..2);
    let daemon = Daemon::start(&scene);
    daemon.until_ended("complete", 2);
    assert_eq!(stored(&scene), [0, 1]);

    // A wrong configuration: both mistakes are named, and the old one stays in force.
    scene.sync("schedule", "\"* * * * *\"").connection("burst", "0");
    drop(scene.command(&[]));
    daemon.signal(Signal::HUP);
    daemon.until_said("the old one stays in force");
    assert_eq!((daemon.said("syncs.customers.schedule: "), daemon.said("connections.wegroup.burst: ")), (1, 1));
    daemon.until_ended("complete", 2);

    // A good one, for another export.
    scene.sync("schedule", "\"* * * * * *\"").connection("burst", "1").source("path", "\"exports/new-*.csv\"");
    drop(scene.command(&[]));
    scene.export("new-1.csv", "id,first_name,last_name,email\n2,A,B,a@example.com\n");
    daemon.signal(Signal::HUP);
    until("the new export is read", || stored(&scene) == [0, 1, 2]);

    // The API is away, says so, and comes back.
    let away = Answer { retry_after: Some(RetryAfter::Seconds(1)), ..Answer::new(503) };
    scene.fault(Fault::once(Kind::Status(away)).always());
    scene.export("new-2.csv", "id,first_name,last_name,email\n3,A,B,a@example.com\n");
    let before = scene.requests().len();
    until("the API is asked in vain", || scene.requests().len() > before);
    scene.api.clear_faults();
    until("it is back", || stored(&scene) == [0, 1, 2, 3]);
    daemon.until_ended("complete", 1);
    assert_eq!(states(&scene), vec![("delivered".to_owned(), 1); 4]);

    // Stopped in the middle of a run.
    scene.fault(Fault::once(Kind::Slow { ms: 30 }).always());
    let rows: Vec<String> = (4..104).map(|key| format!("{key},A,B,a@example.com\n")).collect();
    scene.export("new-3.csv", format!("id,first_name,last_name,email\n{}", rows.concat()));
    until("it is under way", || scene.stored().len() > 10);
    daemon.signal(Signal::TERM);
    let (code, log) = daemon.end();
    assert_eq!(code, Some(0), "{log}");
    let delivered = scene.stored().len();
    assert!(delivered < 104);
    for (state, attempts) in states(&scene) {
        assert!(matches!((state.as_str(), attempts), ("delivered", 1) | ("pending", 0)), "{state} {attempts}");
    }

    // Started again, it goes on where it was.
    let daemon = Daemon::start(&scene);
    daemon.until_ended("complete", 1);
    daemon.signal(Signal::INT);
    assert_eq!(daemon.end().0, Some(0));
    assert_eq!(stored(&scene), (0..104).collect::<Vec<_>>());
    assert_eq!(states(&scene), vec![("delivered".to_owned(), 1); 104]);
}
