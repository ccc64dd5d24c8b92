//! A clock that was ahead, and is right again.

use lead_sync::sandbox::{Answer, Fault, Kind};
use rusqlite::Connection;

use crate::support::Scene;

/// A year, in milliseconds.
const YEAR: i64 = 31_536_000_000;

fn ledger(scene: &Scene) -> Connection {
    Connection::open(scene.path("lead-sync.db")).unwrap()
}

/// One lead delivered, and two that have not been sent.
fn begun() -> Scene {
    let mut scene = Scene::new();
    scene.connection("rate_limit", "\"50/s\"");
    scene.customers(0..3);
    scene.cli(&["--run-now", "--limit", "1"]);
    scene
}

#[test]
fn a_request_of_the_future_does_not_hold_the_next_one_back() {
    let scene = begun();
    ledger(&scene).execute("UPDATE connection SET last_request_at = last_request_at + ?1", [YEAR]).unwrap();
    assert_eq!(scene.run().count("delivered"), 2);
}

#[test]
fn a_pause_longer_than_any_that_is_granted_does_not_hold() {
    let scene = begun();
    let sql = "UPDATE connection SET pause_until = last_request_at + ?1, pause_reason = 'the API asked for it'";
    ledger(&scene).execute(sql, [YEAR]).unwrap();
    assert_eq!(scene.run().count("delivered"), 2);
}

#[test]
fn an_open_breaker_of_the_future_does_not_hold() {
    let scene = begun();
    let sql = "UPDATE connection SET breaker_failures = 5, breaker_trips = 1, breaker_until = last_request_at + ?1";
    ledger(&scene).execute(sql, [YEAR]).unwrap();
    assert_eq!(scene.run().count("delivered"), 2);
}

#[test]
fn a_lead_that_waits_for_longer_than_any_pause_is_tried_now() {
    let scene = begun();
    scene.fault(Fault::once(Kind::Status(Answer::new(408))));
    scene.cli(&["--run-now", "--limit", "1"]);
    let moved = ledger(&scene)
        .execute("UPDATE lead SET next_at = coalesce(next_at, updated_at) + ?1 WHERE state <> 'delivered'", [YEAR]);
    assert!(moved.unwrap() > 0);
    scene.run();
    assert!(scene.leads().iter().all(|lead| lead["state"] == "delivered"), "{:?}", scene.leads());
}

/// Sets the clock that wrote the unsettled leads back, and has the API refuse the next try: what has become of them all.
fn tried_after_a_year_behind(scene: &Scene) -> Vec<String> {
    let sql = "UPDATE lead SET since = since - ?1, updated_at = updated_at - ?1, next_at = next_at - ?1 WHERE state <> 'delivered'";
    assert!(ledger(scene).execute(sql, [YEAR]).unwrap() > 0);
    scene.fault(Fault::once(Kind::Status(Answer::new(408))));
    scene.run();
    scene.leads().iter().map(|lead| lead["state"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn leads_taken_in_by_a_clock_that_was_a_year_behind_are_not_too_old_at_their_first_retry() {
    assert_eq!(tried_after_a_year_behind(&begun()), ["delivered"; 3]);
}

#[test]
fn a_lead_tried_by_a_clock_that_was_a_year_behind_is_not_too_old_at_its_next_retry() {
    let scene = begun();
    scene.fault(Fault::once(Kind::Status(Answer::new(408))));
    scene.cli(&["--run-now", "--limit", "1"]);
    assert_eq!(tried_after_a_year_behind(&scene), ["delivered"; 3]);
}

#[test]
fn a_lead_that_was_being_sent_by_a_clock_a_year_behind_is_not_too_old_at_its_next_retry() {
    let scene = begun();
    assert_eq!(ledger(&scene).execute("UPDATE lead SET state = 'sending' WHERE key = '1'", []).unwrap(), 1);
    assert_eq!(tried_after_a_year_behind(&scene), ["delivered"; 3]);
}
