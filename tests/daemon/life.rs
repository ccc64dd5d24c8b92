//! One daemon through everything that happens to it in a month.

use std::fs;

use lead_sync::sandbox::{Fault, Kind, Options};
use rustix::process::Signal;

use crate::process::{Daemon, until};
use crate::support::Scene;

fn scheduled(options: Options) -> Scene {
    let mut scene = Scene::with(options);
    scene.sync("schedule", "\"* * * * * *\"").connection("max_in_flight", "1");
    scene
}

fn finished_runs(scene: &Scene) -> usize {
    if !scene.path("lead-sync.db").exists() {
        return 0;
    }
    let runs = scene.cli(&["runs", "--json"]).json();
    runs.as_array().unwrap().iter().filter(|run| run["outcome"].is_string()).count()
}

fn keys_stored(scene: &Scene) -> Vec<String> {
    let mut keys: Vec<_> = scene.stored().into_iter().filter_map(|lead| lead.external_ref).collect();
    keys.sort();
    keys
}

#[test]
fn a_daemon_loses_no_lead_and_charges_none_wrongly_whatever_happens_to_it() {
    let mut scene = scheduled(Options::default());
    scene.customers(0..2);
    let daemon = Daemon::start(&scene);
    until("two runs", || finished_runs(&scene) >= 2);
    assert_eq!(keys_stored(&scene), ["0", "1"]);

    // A configuration with two mistakes changes nothing, and both are named.
    fs::write(
        scene.path("lead-sync.toml"),
        fs::read_to_string(scene.path("lead-sync.toml")).unwrap() + "\n[nonsense]\n",
    )
    .unwrap();
    scene.sync("schedule", "\"* * * * *\"").sync("on_chance", "\"ignore\"");
    let _ = scene.command(&[]);
    daemon.signal(Signal::HUP);
    daemon.until_said("no cron expression");
    daemon.until_said("on_chance");
    let before = finished_runs_by_hand(&scene);
    until("runs go on", || finished_runs_by_hand(&scene) > before);

    // The API is away for a while, and the export grows.
    scene
        .without_sync("on_chance")
        .sync("schedule", "\"* * * * * *\"")
        .connection("retry", r#"{ first = "10ms", cap = "50ms" }"#);
    let _ = scene.command(&[]);
    let failing = scene.api.add_fault(Fault::always(Kind::Status { status: 503, body: String::new() })).unwrap();
    let _ = failing;
    scene.customers(0..4);
    until("the API refuses", || scene.requests().len() >= 4);
    scene.api.clear_faults();
    until("all delivered", || keys_stored(&scene) == ["0", "1", "2", "3"]);
    daemon.signal(Signal::TERM);
    let (code, log) = daemon.end();
    assert_eq!(code, Some(0), "{log}");
}

fn finished_runs_by_hand(scene: &Scene) -> usize {
    scene.query("SELECT count(*) FROM runs WHERE outcome IS NOT NULL")[0].parse().unwrap()
}
