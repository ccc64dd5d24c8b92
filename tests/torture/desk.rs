//! An operator who does everything at once beside a daemon, while the API refuses, fails and hangs up.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::process::{Child, Stdio};
use std::time::Duration;

use lead_sync::sandbox::{Answer, Kind, RandomFaults};
use rustix::process::{Pid, Signal, kill_process};

use crate::crash::{OF_A_LEDGER, pass};
use crate::oracle::{Policy, Seen, rows, sound};
use crate::random::{Random, count};
use crate::support::{Ran, Scene};

/// Commands beside the daemon, unless `LEAD_SYNC_TEST_ACTS` says otherwise.
const ACTS: u64 = 150;
/// Rows of the export, of which a few more come with each act.
const ROWS: u32 = 40;
const MORE: u32 = 3;

/// What was asked for with success: keys that were forgotten, and how often each was to be sent again.
#[derive(Debug, Default)]
struct Done {
    forgotten: BTreeSet<String>,
    resent: BTreeMap<String, usize>,
}

fn scene(random: &mut Random) -> Scene {
    let mut scene = Scene::new();
    scene.sync("schedule", "\"* * * * * *\"").sync("run_at_start", "true");
    scene.connection("on_in_doubt", Policy::Hold.toml()).connection("timeout", "\"200ms\"");
    scene.connection("retry", "{ attempts = 3, first = \"1ms\", cap = \"5ms\" }");
    let kinds = vec![
        Kind::Status(Answer::new(422)),
        Kind::Status(Answer::new(408)),
        Kind::LostAnswer,
        Kind::Reset,
        Kind::Slow { ms: 20 },
    ];
    scene.api.set_random_faults(RandomFaults { probability: 0.4, seed: random.below(1 << 32), kinds }).unwrap();
    scene
}

/// A daemon at work. Killed if the test leaves it.
struct Daemon(Child);

impl Daemon {
    fn start(scene: &Scene) -> Self {
        let log = File::create(scene.path("daemon.log")).unwrap();
        let mut daemon = Self(scene.command(&[]).stdout(Stdio::null()).stderr(log).spawn().unwrap());
        // From then on the configuration, which each command of a scene writes anew, is not read any more.
        while !log_of(scene).contains("ready") {
            daemon.assert_alive(scene);
            pass(Duration::from_millis(1));
        }
        daemon
    }

    fn assert_alive(&mut self, scene: &Scene) {
        assert!(self.0.try_wait().unwrap().is_none(), "{}", log_of(scene));
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn log_of(scene: &Scene) -> String {
    fs::read_to_string(scene.path("daemon.log")).unwrap()
}

/// One act of chance on a key of chance.
fn act(scene: &Scene, random: &mut Random, keys: u32, done: &mut Done) {
    let held = random.sample(scene.query("SELECT key FROM leads WHERE state = 'held'"), 1).pop();
    let any = random.below(u64::from(keys)).to_string();
    let key = held.filter(|_| random.below(2) > 0).unwrap_or(any);
    let copy = format!("copy-{}.db", random.below(1 << 40));
    let page = format!("page-{}.html", random.below(1 << 40));
    let acts: [&[&str]; 14] = [
        &["retry", "--state", "rejected", "--yes"],
        &["retry", "--state", "failed", "--yes"],
        &["retry", "--state", "waiting", "--yes"],
        &["retry", &key, "--yes"],
        &["resolve", &key, "--delivered", "--yes"],
        &["resolve", &key, "--resend", "--yes"],
        &["forget", &key, "--yes"],
        &["prune"],
        &["resume", "wegroup"],
        &["backup", &copy],
        &["report", &page],
        &["show", &key],
        &["status"],
        &["plan"],
    ];
    let chosen = random.one_of(&acts);
    let ran: Ran = scene.cli(chosen);
    // 2: there is no such lead, or it is not in a state for this. 4: erased, but somebody was reading, and the files hold traces; or it was
    // being sent at that moment, and nothing was erased. The daemon may be in the way of `prune` as well, which says so.
    let in_the_way = match chosen[0] {
        "forget" => true,
        "prune" => ran.stderr.contains("another process was reading the ledger"),
        _ => false,
    };
    assert!(matches!(ran.code, 0 | 2 | 3) || ran.code == 4 && in_the_way, "{chosen:?}: {ran:?}");
    if matches!(ran.code, 0 | 4) && !ran.stderr.contains("nothing was erased") {
        match chosen {
            ["forget", ..] => drop(done.forgotten.insert(key.clone())),
            ["resolve", _, "--resend", _] => *done.resent.entry(key.clone()).or_default() += 1,
            _ => {}
        }
    }
}

/// Nothing is lost, nothing is stored oftener than a person asked for, nobody comes back who was forgotten.
fn judged(scene: &Scene, keys: u32, done: &Done) {
    sound(scene);
    let seen = Seen::by(scene);
    let times = seen.times_stored();
    let found: BTreeMap<String, String> = rows(scene).into_iter().map(|row| (row.key, row.state)).collect();
    for key in (0..keys).map(|key| key.to_string()) {
        let (state, times) = (found.get(&key), times.get(key.as_str()).copied().unwrap_or(0));
        let asked = done.resent.get(&key).copied().unwrap_or(0);
        assert!(times <= 1 + asked, "{key}: stored {times} times, {asked} times sent again by hand");
        match state.map(String::as_str) {
            None => assert!(done.forgotten.contains(&key), "{key} is lost"),
            Some("delivered" | "rejected" | "held") => assert!(!done.forgotten.contains(&key), "{key} came back"),
            Some(other) => panic!("{key} is {other}"),
        }
    }
}

#[test]
fn an_operator_beside_a_daemon_loses_doubles_and_breaks_nothing() {
    let (mut forgotten, mut resent) = (0, 0);
    for (mut random, acts) in Random::shares(count("LEAD_SYNC_TEST_ACTS", ACTS), OF_A_LEDGER) {
        let done = one_ledger(acts, &mut random);
        forgotten += done.forgotten.len();
        resent += done.resent.len();
    }
    assert!(forgotten > 0 && resent > 0, "{forgotten} forgotten, {resent} sent again");
}

/// An operator's day; gives what was done.
fn one_ledger(acts: u64, random: &mut Random) -> Done {
    let (scene, mut done) = (scene(random), Done::default());
    scene.customers(0..ROWS);
    assert!(matches!(scene.run().code, 0 | 3));
    let mut daemon = Daemon::start(&scene);
    let mut keys = ROWS;
    for _ in 0..acts {
        keys += MORE;
        scene.customers(0..keys);
        act(&scene, random, keys, &mut done);
        daemon.assert_alive(&scene);
    }
    kill_process(Pid::from_child(&daemon.0), Signal::TERM).unwrap();
    assert_eq!(daemon.0.wait().unwrap().code(), Some(0));
    scene.api.clear_faults();
    assert!(matches!(scene.run().code, 0 | 3 | 4));
    assert!(matches!(scene.run().code, 0 | 3));
    let outcomes =
        scene.query("SELECT outcome || '' FROM runs WHERE outcome NOT IN ('complete', 'attention', 'deferred')");
    assert!(outcomes.iter().all(|outcome| outcome == "interrupted"), "{outcomes:?}");
    judged(&scene, keys, &done);
    done
}
