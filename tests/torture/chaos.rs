//! All at once: an API of which every second answer is spoiled, two connections, and SIGKILL at any moment.

use std::time::Duration;

use lead_sync::sandbox::{Answer, Kind, RandomFaults, RetryAfter};

use crate::crash::{IN_FLIGHT, OF_A_LEDGER, ROUND, Shape, pass, wait_for_the_moment};
use crate::oracle::{Policy, Seen, bounded_doubt, judge, rows};
use crate::random::{Random, count};
use crate::support::Scene;

/// Kills of each test, unless `LEAD_SYNC_TEST_CHAOS` says otherwise.
const KILLS: u64 = 25;
/// Runs that it takes at most until an API that is well again has everything.
const RUNS: u32 = 20;

/// Every kind of fault that leaves a lead to be sent again or in doubt.
fn kinds() -> Vec<Kind> {
    let again = |status| Answer { retry_after: Some(RetryAfter::Seconds(0)), ..Answer::new(status) };
    vec![
        Kind::Status(again(429)),
        Kind::Status(again(503)),
        Kind::Status(Answer::new(408)),
        Kind::Status(Answer::new(500)),
        Kind::StoredThenStatus(Answer::new(502)),
        Kind::EarlyStatus(Answer::new(503)),
        Kind::CutBefore,
        Kind::LostAnswer,
        Kind::CutAfterBytes { bytes: 10 },
        Kind::CutAfterBytes { bytes: 150 },
        Kind::Reset,
        Kind::StoredThenReset,
        Kind::Slow { ms: 3 },
        Kind::Stall { ms: 400 },
        Kind::Drip { ms: 0 },
        Kind::Garbage,
        Kind::HugeBody { bytes: 400_000 },
        Kind::HugeHeaders { bytes: 2_000_000 },
        Kind::WrongLength,
        Kind::CloseAfter,
    ]
}

fn chaos(policy: Policy) {
    for (mut random, kills) in Random::shares(count("LEAD_SYNC_TEST_CHAOS", KILLS), OF_A_LEDGER) {
        one_ledger(policy, kills, &mut random);
    }
}

/// An API that does what it should with every second request only.
fn scene(policy: Policy, shape: Shape, random: &mut Random) -> Scene {
    let mut scene = Scene::new();
    scene.connection("on_in_doubt", policy.toml()).connection("max_in_flight", &IN_FLIGHT.to_string());
    scene.connection("timeout", "\"200ms\"").connection("patience", "\"1s\"");
    scene.connection("retry", "{ attempts = 1000, first = \"1ms\", cap = \"5ms\" }");
    let more = shape.more(&scene, policy).replace("first = \"10ms\"", "attempts = 1000, first = \"1ms\"");
    scene.more(&more);
    let faults = RandomFaults { probability: 0.5, seed: random.below(1 << 32), kinds: kinds() };
    scene.api.set_random_faults(faults).unwrap();
    scene
}

fn one_ledger(policy: Policy, kills: u64, random: &mut Random) {
    let shape = Shape::OneSyncOnEachOfTwoConnections;
    let scene = scene(policy, shape, random);
    let (mut landed, mut count_of_rows) = (0, 0);
    while landed < kills {
        count_of_rows += ROUND;
        shape.export(&scene, count_of_rows);
        let mut child = scene.spawn();
        wait_for_the_moment(&scene, &mut child, random);
        pass(Duration::from_micros(random.below(100_000)));
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            landed += 1;
        }
        child.wait().unwrap();
        bounded_doubt(&scene, 2 * IN_FLIGHT * shape.connections());
    }
    let keys = shape.export(&scene, count_of_rows);
    scene.api.clear_faults();
    let settled = (0..RUNS).map(|_| scene.run()).find(|ran| matches!(ran.code, 0 | 3));
    assert!(settled.is_some(), "an API that is well did not get everything: {:?}", scene.run());
    let seen = Seen::by(&scene);
    judge(&scene, policy, &seen, &keys);
    let twice = seen.times_stored().values().filter(|times| **times > 1).count();
    let held = rows(&scene).iter().filter(|row| row.state == "held").count();
    println!("{} leads: {twice} stored more than once, {held} held", keys.len());
    assert!(if policy == Policy::Resend { twice > 0 } else { held > 0 }, "the API was never in the way");
}

#[test]
fn under_resend_no_lead_is_lost_and_each_that_may_be_there_twice_is_marked() {
    chaos(Policy::Resend);
}

#[test]
fn under_hold_no_lead_is_stored_twice_and_each_in_doubt_is_shown() {
    chaos(Policy::Hold);
}
