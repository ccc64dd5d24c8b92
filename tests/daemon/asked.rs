//! Who asks the daemon's server is answered while a run has its hands full.

use lead_sync::sandbox::{Fault, Kind};

use crate::process::{Daemon, until};
use crate::support::Scene;

/// Enough rows that a run is long compared with an answer, however the machine is.
const ROWS: u32 = 100_000;

/// Waits until each path was answered from beginning to end within one and the same run, as the ledger shows it, which is `busy` all the
/// while. Runs follow each other, so that an answer that only just missed one is asked for again.
fn answers_during_a_run(scene: &Scene, daemon: &Daemon, busy: impl Fn() -> bool) {
    let under_way = || scene.query("SELECT id FROM run WHERE finished_at IS NULL");
    for path in ["/healthz", "/readyz", "/metrics"] {
        until(path, || {
            let before = under_way();
            if before.is_empty() || !busy() {
                return false;
            }
            let (status, _) = daemon.get(path);
            assert_eq!(status, 200, "{path}");
            under_way() == before && busy()
        });
    }
}

#[test]
fn health_and_metrics_answer_in_the_middle_of_a_long_intake() {
    let mut scene = Scene::new();
    scene.sync("schedule", "\"* * * * * *\"").more("[http]\nlisten = \"127.0.0.1:0\"");
    scene.customers(0..ROWS);
    // All of them are known: a run reads them, and has nothing to send.
    assert_eq!(scene.cli(&["baseline", "--yes"]).code, 0);
    let daemon = Daemon::start(&scene);
    answers_during_a_run(&scene, &daemon, || true);
    assert!(scene.requests().is_empty());
}

#[test]
fn health_and_metrics_answer_in_the_middle_of_a_long_send() {
    let mut scene = Scene::new();
    scene.sync("schedule", "\"* * * * * *\"").more("[http]\nlisten = \"127.0.0.1:0\"");
    scene.customers(0..10_000);
    scene.fault(Fault::once(Kind::Slow { ms: 20 }).always());
    let daemon = Daemon::start(&scene);
    until("it sends", || scene.stored().len() > 10);
    answers_during_a_run(&scene, &daemon, || {
        scene.query("SELECT 1 FROM lead WHERE state = 'pending' LIMIT 1") == ["1"]
    });
}
