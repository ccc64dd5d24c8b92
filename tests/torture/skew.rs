//! A wall clock that is wrong, and that is set while the program is at work. The program runs as it is, with a small library before it
//! that bends the clock (`clock.c`).

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use lead_sync::sandbox::{Answer, Fault, Kind, RandomFaults, RetryAfter};

use crate::crash::{OF_A_LEDGER, ROUND, pass};
use crate::oracle::{Policy, Seen, judge};
use crate::random::{Random, count};
use crate::sessions;
use crate::support::{Ran, Scene};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// Rounds of a test, unless `LEAD_SYNC_TEST_CLOCKS` says otherwise.
const ROUNDS: u64 = 12;

/// The library that bends the clock, made once.
fn library() -> &'static PathBuf {
    static MADE: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let make = || {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("clock.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/torture/clock.c");
        let made = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).status();
        assert!(made.unwrap().success(), "the C compiler that builds SQLite builds this, too");
        (folder, library)
    };
    &MADE.get_or_init(make).1
}

/// The command with a clock that [`set`] sets.
fn bent(scene: &Scene, args: &[&str]) -> Command {
    let mut command = scene.command(args);
    command.env("LD_PRELOAD", library()).env("LEAD_SYNC_TEST_CLOCK", scene.path("clock"));
    command
}

/// Sets the clock so many milliseconds ahead of the right time.
fn set(scene: &Scene, ahead: i64) {
    fs::write(scene.path("clock.new"), ahead.to_string()).unwrap();
    fs::rename(scene.path("clock.new"), scene.path("clock")).unwrap();
}

fn run_at(scene: &Scene, ahead: i64) -> Ran {
    set(scene, ahead);
    bent(scene, &["--run-now", "--json"]).output().unwrap().into()
}

#[test]
fn the_clock_is_bent() {
    let scene = Scene::new();
    scene.customers(0..1);
    let year = |ran: &Ran| ran.json()["started_at"].as_str().unwrap()[..4].parse::<i64>().unwrap();
    assert_eq!(year(&run_at(&scene, 3660 * DAY)) - year(&scene.run()), 10);
}

#[test]
fn a_clock_that_is_set_all_the_time_loses_and_doubles_nothing() {
    for (mut random, rounds) in Random::shares(count("LEAD_SYNC_TEST_CLOCKS", ROUNDS), OF_A_LEDGER) {
        set_all_the_time(rounds, &mut random);
    }
}

fn set_all_the_time(rounds: u64, random: &mut Random) {
    let mut scene = Scene::new();
    scene.connection("on_in_doubt", Policy::Hold.toml()).connection("rate_limit", "\"200/s\"");
    let soon = Answer { retry_after: Some(RetryAfter::Seconds(1)), ..Answer::new(429) };
    let kinds = vec![Kind::Slow { ms: 5 }, Kind::Status(Answer::new(408)), Kind::Status(soon)];
    scene.api.set_random_faults(RandomFaults { probability: 0.2, seed: random.below(1 << 32), kinds }).unwrap();
    let moments = [-DAY, -HOUR, -1000, 0, 1000, HOUR, DAY];
    let mut rows = 0;
    for _ in 0..rounds {
        rows += ROUND;
        scene.customers(0..rows);
        let mut child =
            bent(&scene, &["--run-now", "--json"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while child.try_wait().unwrap().is_none() {
            set(&scene, random.one_of(&moments));
            pass(Duration::from_micros(random.below(20_000)));
        }
        assert!(matches!(child.wait().unwrap().code(), Some(0 | 4)));
    }
    scene.api.clear_faults();
    // Pauses that were written by a clock an hour ahead may stand for an hour; nothing longer may.
    assert_eq!(scene.cli(&["resume", "wegroup"]).code, 0);
    assert_eq!(run_at(&scene, 0).code, 0);
    let keys: BTreeSet<String> = (0..rows).map(|key| key.to_string()).collect();
    judge(&scene, Policy::Hold, &Seen::by(&scene), &keys);
    assert_eq!(scene.stored().len(), keys.len());
}

#[test]
fn a_run_whose_clock_is_set_back_while_it_waits_is_no_longer_patient_than_it_may_be() {
    let mut scene = Scene::new();
    scene.connection("patience", "\"2s\"").customers(0..2);
    let soon = Answer { retry_after: Some(RetryAfter::Seconds(1)), ..Answer::new(429) };
    scene.fault(Fault::once(Kind::Status(soon)).always());
    set(&scene, HOUR);
    let child = bent(&scene, &["--run-now", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while scene.api.summary().received == 0 {
        pass(Duration::from_millis(1));
    }
    pass(Duration::from_millis(300));
    set(&scene, 0);
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.outcome().as_str()), (4, "deferred"), "{ran:?}");
}

#[test]
fn a_session_goes_on_whatever_the_clock_says() {
    let mut refreshes = 0;
    for (mut random, rounds) in Random::shares(count("LEAD_SYNC_TEST_CLOCKS", ROUNDS), OF_A_LEDGER) {
        refreshes += a_session_goes_on(rounds, &mut random);
    }
    assert!(refreshes > 0, "no token ended");
}

/// Gives how often the session was renewed.
fn a_session_goes_on(rounds: u64, random: &mut Random) -> u64 {
    let (scene, provider) = sessions::scene(Duration::ZERO);
    sessions::log_in(&scene);
    let mut rows = 0;
    for _ in 0..rounds {
        rows += ROUND;
        scene.customers(0..rows);
        if random.below(3) == 0 {
            provider.revoke_access_tokens();
        }
        let ran = run_at(&scene, random.one_of(&[-3 * HOUR, -HOUR, 0, HOUR, 3 * HOUR]));
        assert_eq!((ran.code, ran.count("delivered")), (0, u64::from(ROUND)), "{ran:?}");
    }
    let counters = provider.counters();
    assert_eq!((counters.reuses, counters.logins), (0, 1), "{counters:?}");
    counters.refreshes
}
