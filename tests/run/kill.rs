//! SIGKILL at any moment. The sandbox's own record is the oracle; it knows nothing of the ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lead_sync::sandbox::Options;

use crate::support::Scene;

/// Kills of each policy; together at least 50.
const KILLS: u64 = 30;

/// A small generator (splitmix64), so that a seed tells the whole story.
struct Random(u64);

impl Random {
    fn seeded() -> Self {
        let seed = std::env::var("LEAD_SYNC_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| u64::from(std::process::id()) ^ 0x5DEE_CE66);
        println!("LEAD_SYNC_TEST_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// Runs and kills until the kills are used up, then runs to the end. New rows come with every round.
fn torture(policy: &str) -> Scene {
    let mut random = Random::seeded();
    let options = Options { latency: Duration::from_millis(2), ..Options::default() };
    let mut scene = Scene::with(options);
    scene.connection("on_in_doubt", &format!("{policy:?}")).connection("max_in_flight", "4");
    let mut leads = 0;
    let mut landed = 0;
    while landed < KILLS {
        leads += 40;
        scene.customers(0..leads);
        let mut child = scene.spawn();
        // Anywhere from the first instruction to well into the sending.
        let moment = Duration::from_micros(random.below(120_000));
        if let Ok(None) = wait_at_most(&mut child, moment) {
            child.kill().unwrap();
            landed += 1;
        }
        child.wait().unwrap();
        bounded_doubt(&scene);
    }
    let ran = scene.run();
    assert!(ran.code == 0 || ran.code == 3, "{ran:?}");
    scene
}

/// Waits for the end of the process, or for the moment to pass: the only clock of these tests, and no assertion depends on it.
fn wait_at_most(
    child: &mut std::process::Child,
    moment: Duration,
) -> std::io::Result<Option<std::process::ExitStatus>> {
    let (told, heard) = std::sync::mpsc::channel::<()>();
    let _ = heard.recv_timeout(moment);
    drop(told);
    child.try_wait()
}

/// What a kill leaves between intent and outcome is at most twice `max_in_flight`.
fn bounded_doubt(scene: &Scene) {
    if !scene.path("lead-sync.db").exists() {
        return;
    }
    // A ledger that was just being made may have no tables yet.
    let Ok(sending) =
        scene.ledger().query_row("SELECT count(*) FROM leads WHERE state = 'sending'", [], |row| row.get::<_, i64>(0))
    else {
        return;
    };
    assert!(sending <= 8, "{sending} leads in doubt");
}

/// How often the API has stored each lead.
fn times_stored(scene: &Scene) -> BTreeMap<String, u64> {
    let mut times = BTreeMap::new();
    for lead in scene.stored() {
        *times.entry(lead.external_ref.unwrap()).or_default() += 1;
    }
    times
}

fn one_idempotency_key_each(scene: &Scene) {
    let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for request in scene.requests() {
        let (lead, key) = (request.external_ref.unwrap(), request.idempotency_key.unwrap());
        keys.entry(lead).or_default().insert(key);
    }
    let changed: Vec<_> = keys.iter().filter(|(_, keys)| keys.len() != 1).collect();
    assert!(changed.is_empty(), "{changed:?}");
}

fn sound(scene: &Scene) {
    assert_eq!(scene.query("PRAGMA integrity_check"), ["ok"]);
    one_idempotency_key_each(scene);
}

#[test]
fn under_resend_a_killed_program_loses_no_lead_and_marks_each_it_may_have_sent_twice() {
    let scene = torture("resend");
    let times = times_stored(&scene);
    let leads = scene.leads();
    for lead in &leads {
        let key = lead["key"].as_str().unwrap();
        assert_eq!(lead["state"], "delivered", "{lead}");
        let stored = times.get(key).copied().unwrap_or(0);
        assert!(stored >= 1, "{key} is delivered in the ledger, and the API never stored it");
        let marked = lead["reason"] == "possibly sent twice";
        assert!(stored == 1 || marked, "{key} was stored {stored} times without a mark");
    }
    assert_eq!(leads.len(), times.len());
    sound(&scene);
}

#[test]
fn under_hold_a_killed_program_never_has_a_lead_stored_twice() {
    let scene = torture("hold");
    let times = times_stored(&scene);
    let twice: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    for lead in scene.leads() {
        let key = lead["key"].as_str().unwrap();
        let stored = times.contains_key(key);
        match lead["state"].as_str().unwrap() {
            "delivered" => assert!(stored, "{key} is delivered in the ledger, and the API never stored it"),
            "held" => {}
            other => panic!("{key} is {other}"),
        }
    }
    sound(&scene);
}
