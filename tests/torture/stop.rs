//! SIGTERM at any moment: what is under way is finished, and nothing is left in doubt while the API answers.

use std::collections::BTreeSet;
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use lead_sync::sandbox::Options;
use rustix::process::{Pid, Signal, kill_process};

use crate::crash::{OF_A_LEDGER, pass, wait_for_the_moment};
use crate::oracle::{Policy, Seen, judge};
use crate::random::{Random, count};
use crate::support::Scene;

/// Signals of each test, unless `LEAD_SYNC_TEST_STOPS` says otherwise.
const STOPS: u64 = 30;
/// New rows with each round.
const ROUND: u32 = 40;
/// The service managers' patience: the grace of 30 s, and five more.
const PATIENCE: Duration = Duration::from_secs(35);

fn scene() -> Scene {
    let mut scene = Scene::with(Options { latency: Duration::from_millis(3), ..Options::default() });
    scene.connection("on_in_doubt", Policy::Hold.toml());
    scene
}

/// Rounds of a program that is started, has new rows, and is stopped.
fn rounds(make: fn() -> Scene, start: fn(&Scene) -> Child, stopped: fn(ExitStatus) -> bool) {
    for (mut random, stops) in Random::shares(count("LEAD_SYNC_TEST_STOPS", STOPS), OF_A_LEDGER) {
        one_ledger(&make(), start, stopped, u32::try_from(stops).unwrap(), &mut random);
    }
}

fn one_ledger(
    scene: &Scene,
    start: fn(&Scene) -> Child,
    stopped: fn(ExitStatus) -> bool,
    rounds: u32,
    random: &mut Random,
) {
    for round in 1..=rounds {
        scene.customers(0..round * ROUND);
        let mut child = start(scene);
        wait_for_the_moment(scene, &mut child, random);
        if child.try_wait().unwrap().is_none() {
            kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        }
        let status = ended(&mut child);
        assert!(stopped(status), "{status}");
        nothing_in_doubt(scene);
    }
    assert_eq!(scene.run().code, 0);
    let keys: BTreeSet<String> = (0..rounds * ROUND).map(|key| key.to_string()).collect();
    judge(scene, Policy::Hold, &Seen::by(scene), &keys);
    assert_eq!(scene.stored().len(), keys.len(), "a lead was stored twice");
}

/// Waits for its end, for as long as a service manager would.
fn ended(child: &mut Child) -> ExitStatus {
    for _ in 0..PATIENCE.as_millis() {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        pass(Duration::from_millis(1));
    }
    child.kill().unwrap();
    panic!("not drained in {PATIENCE:?}");
}

/// What the API has stored is delivered, and no request ended in doubt.
fn nothing_in_doubt(scene: &Scene) {
    let stored = i64::try_from(scene.stored().len()).unwrap();
    if !scene.path("lead-sync.db").exists() {
        assert_eq!(stored, 0);
        return;
    }
    let number = |sql: &str| scene.ledger().query_row(sql, [], |row| row.get::<_, i64>(0));
    // A ledger that was just being made may have no tables yet.
    let delivered = number("SELECT count(*) FROM leads WHERE state = 'delivered'").unwrap_or(0);
    let others = number("SELECT count(*) FROM leads WHERE state NOT IN ('delivered', 'pending')").unwrap_or(0);
    let failures = number("SELECT count(*) FROM failures").unwrap_or(0);
    assert_eq!((delivered, others, failures), (stored, 0, 0));
}

#[test]
fn a_run_that_is_stopped_at_any_moment_leaves_nothing_in_doubt() {
    // Complete, interrupted, or stopped before it could tell.
    rounds(scene, Scene::spawn, |status| matches!(status.code(), Some(0 | 4) | None));
}

#[test]
fn a_daemon_that_is_stopped_at_any_moment_leaves_nothing_in_doubt() {
    let scheduled = || {
        let mut scene = scene();
        scene.sync("schedule", "\"* * * * * *\"").sync("run_at_start", "true");
        scene
    };
    let start = |scene: &Scene| scene.command(&[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    rounds(scheduled, start, |status| matches!(status.code(), Some(0) | None));
}
