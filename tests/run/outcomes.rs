//! What each answer of the API does to a lead, to the run and to the connection.

use lead_sync::sandbox::{Answer, Fault, Kind, Options, RetryAfter};

use serde_json::json;

use crate::support::{Ran, Scene};

pub(crate) fn status(code: u16) -> Kind {
    Kind::Status(Answer::new(code))
}

fn throttled(code: u16, retry_after: RetryAfter) -> Kind {
    Kind::Status(Answer { retry_after: Some(retry_after), ..Answer::new(code) })
}

/// Runs over three leads with a fault for the one with key 1.
pub(crate) fn one_of_three(kind: Kind, times: Option<u64>, change: impl FnOnce(&mut Scene)) -> (Scene, Ran) {
    let mut scene = Scene::new();
    scene.connection("max_in_flight", "1");
    change(&mut scene);
    scene.customers(0..3);
    let fault = Fault::once(kind).for_lead("1");
    scene.fault(times.map_or_else(|| fault.clone().always(), |times| fault.clone().times(times)));
    let ran = scene.run();
    (scene, ran)
}

#[test]
fn an_answer_that_asks_for_an_hour_ends_the_run_and_silences_the_next() {
    for retry_after in [RetryAfter::Seconds(3600), RetryAfter::Date(3600)] {
        for code in [429, 503] {
            let mut scene = Scene::new();
            scene.connection("max_in_flight", "1").connection("patience", "\"2m\"");
            scene.customers(0..5);
            scene.fault(Fault::once(throttled(code, retry_after.clone())));
            let ran = scene.run();
            assert_eq!((ran.code, ran.outcome().as_str()), (4, "deferred"), "{ran:?}");
            let received = scene.requests().len();
            assert_eq!(received, 1, "nothing is sent after HTTP {code}");
            let next = scene.run();
            assert_eq!((next.code, scene.requests().len()), (4, received), "{next:?}");
            assert_eq!(scene.lead_of("0")["attempts"], 0);
            assert!(scene.cli(&["status"]).stdout.contains("paused until"));
            assert_eq!(scene.cli(&["resume", "wegroup"]).code, 0);
            let resumed = scene.run();
            assert_eq!((resumed.code, resumed.count("delivered")), (0, 5), "{resumed:?}");
        }
    }
}

#[test]
fn a_short_pause_is_waited_for_within_the_run() {
    let (scene, ran) = one_of_three(throttled(429, RetryAfter::Seconds(0)), Some(2), |_| {});
    assert_eq!((ran.code, ran.count("delivered")), (0, 3), "{ran:?}");
    assert_eq!(scene.lead_of("1")["attempts"], 1, "a throttled POST is no attempt");
    assert_eq!(scene.query("SELECT kind FROM failures"), ["throttled", "throttled"]);
}

#[test]
fn every_lead_that_a_deferred_run_leaves_is_counted_also_one_that_was_tried_and_then_released() {
    let mut scene = Scene::new();
    scene.connection("max_in_flight", "4");
    scene.customers(0..8);
    for lead in 0..8 {
        let again = [throttled(429, RetryAfter::Seconds(0)), status(429), throttled(429, RetryAfter::Seconds(3600))];
        for kind in again {
            scene.fault(Fault::once(kind).for_lead(&lead.to_string()));
        }
    }
    let ran = scene.run();
    assert_eq!((ran.code, ran.outcome().as_str()), (4, "deferred"), "{ran:?}");
    assert_eq!(ran.count("waiting") + ran.count("pending"), 8, "{ran:?}");
    let waiting = scene.leads().iter().filter(|lead| lead["state"] == "waiting").count();
    assert_eq!(ran.count("waiting"), waiting as u64, "{ran:?}");
}

#[test]
fn under_resend_a_lead_in_doubt_is_sent_again_with_the_same_key_and_marked() {
    let kinds = [
        Kind::LostAnswer,
        Kind::StoredThenReset,
        Kind::StoredThenStatus(Answer::new(500)),
        Kind::Garbage,
        status(502),
        status(504),
        status(503),
        Kind::CutAfterBytes { bytes: 5 },
    ];
    for kind in kinds {
        let (scene, ran) = one_of_three(kind.clone(), Some(1), |_| {});
        assert_eq!((ran.code, ran.count("delivered")), (0, 3), "{kind:?}: {ran:?}");
        let lead = scene.lead_of("1");
        assert_eq!((lead["state"].as_str(), lead["attempts"].as_u64()), (Some("delivered"), Some(2)), "{kind:?}");
        assert_eq!(lead["reason"], "possibly sent twice", "{kind:?}");
        let keys: Vec<_> = scene.requests().into_iter().filter(|r| r.external_ref.as_deref() == Some("1")).collect();
        assert_eq!(keys.len(), 2, "{kind:?}");
        assert_eq!(keys[0].idempotency_key, keys[1].idempotency_key, "{kind:?}");
        assert_eq!(scene.query("SELECT kind FROM failures"), ["in_doubt"], "{kind:?}");
    }
}

#[test]
fn under_hold_a_lead_in_doubt_waits_for_a_person() {
    let (scene, ran) = one_of_three(Kind::LostAnswer, Some(1), |scene| {
        scene.connection("on_in_doubt", "\"hold\"");
    });
    assert_eq!((ran.code, ran.count("delivered"), ran.count("held")), (3, 2, 1), "{ran:?}");
    assert_eq!(scene.run().code, 0, "it is reported once");
    assert_eq!(scene.stored().len(), 3);
    assert_eq!(scene.cli(&["resolve", "1", "--delivered", "--remote-id", "abc"]).code, 0);
    let lead = scene.lead_of("1");
    assert_eq!((lead["state"].as_str(), lead["remote_id"].as_str()), (Some("delivered"), Some("abc")));
    assert_eq!(scene.cli(&["resolve", "1", "--delivered"]).code, 2, "it is held no more");
}

#[test]
fn who_decides_about_a_held_lead_is_told_whether_it_may_have_arrived_once_or_twice() {
    let (scene, _) = one_of_three(Kind::LostAnswer, Some(2), |scene| {
        scene.connection("on_in_doubt", "\"hold\"");
    });
    let note = || scene.cli(&["show", "1"]).stdout.lines().find(|line| line.contains("  note ")).map(str::to_owned);
    assert!(note().unwrap().ends_with("an attempt is in doubt: this lead may have arrived"), "{:?}", note());
    for (told, state) in [("may have arrived, possibly twice", "held"), ("was possibly sent twice", "delivered")] {
        assert_eq!(scene.cli(&["resolve", "1", "--resend"]).code, 0);
        scene.run();
        assert_eq!(scene.lead_of("1")["state"], state);
        assert!(note().unwrap().ends_with(told), "{:?}", note());
    }
    assert_eq!(scene.lead_of("1")["reason"], "possibly sent twice");
}

#[test]
fn what_may_have_arrived_before_hold_was_asked_for_is_held_too_unless_a_person_has_said_otherwise() {
    let mut scene = Scene::new();
    scene.connection("patience", "\"0s\"").connection("retry", r#"{ first = "1h", cap = "1h" }"#);
    scene.customers(0..2);
    scene.fault(Fault::once(Kind::LostAnswer).times(2));
    assert_eq!(scene.run().count("waiting"), 2);
    scene.cli(&["retry", "1"]);
    scene.connection("on_in_doubt", "\"hold\"");
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("held"), ran.count("delivered")), (3, 1, 1), "{ran:?}");
    assert_eq!((scene.lead_of("0")["state"].as_str(), scene.requests().len()), (Some("held"), 3));
    assert_eq!(scene.run().code, 0);
}

#[test]
fn a_held_lead_that_a_person_resends_goes_out_again() {
    let (scene, _) = one_of_three(Kind::Reset, Some(1), |scene| {
        scene.connection("on_in_doubt", "\"hold\"");
    });
    assert_eq!(scene.cli(&["resolve", "1", "--resend"]).code, 0);
    assert_eq!(scene.run().count("delivered"), 1);
    assert_eq!(scene.stored().len(), 3);
    assert!(scene.cli(&["show", "1"]).stdout.contains("to be sent again"));
}

#[test]
fn a_timeout_is_in_doubt() {
    let (scene, ran) = one_of_three(Kind::Stall { ms: 60_000 }, Some(1), |scene| {
        scene.connection("timeout", "\"300ms\"");
    });
    assert_eq!((ran.code, ran.count("delivered")), (0, 3), "{ran:?}");
    assert_eq!(scene.lead_of("1")["reason"], "possibly sent twice");
}

#[test]
fn a_key_that_is_not_accepted_stops_the_run_and_charges_nothing() {
    let mut scene = Scene::with(Options { api_tokens: vec!["another".to_owned()], ..Options::default() });
    scene.connection("max_in_flight", "2");
    scene.customers(0..5);
    let ran = scene.run();
    assert_eq!((ran.code, ran.outcome().as_str()), (5, "auth"), "{ran:?}");
    assert!(scene.requests().len() <= 2, "nothing is sent after a 401");
    for lead in scene.leads() {
        assert_eq!((lead["state"].as_str(), lead["attempts"].as_u64()), (Some("pending"), Some(0)), "{lead}");
    }
}

#[test]
fn a_conflict_is_what_the_connection_says_it_is() {
    let (_, ran) = one_of_three(status(409), Some(1), |_| {});
    assert_eq!((ran.code, ran.count("rejected")), (3, 1), "{ran:?}");
    let (_, ran) = one_of_three(status(409), Some(1), |scene| {
        scene.connection("on_conflict", "\"delivered\"");
    });
    assert_eq!((ran.code, ran.count("delivered")), (0, 3), "{ran:?}");
}

#[test]
fn a_refused_lead_keeps_the_servers_reason_and_can_be_retried() {
    let body = json!({ "error": "validation_failed", "message": "First1 Last1 has no vin" });
    let answer = Answer { body: Some(body), ..Answer::new(422) };
    let (scene, ran) = one_of_three(Kind::Status(answer), Some(1), |_| {});
    assert_eq!((ran.code, ran.count("rejected")), (3, 1), "{ran:?}");
    let lead = scene.lead_of("1");
    assert_eq!(lead["reason"], "HTTP 422: validation_failed: *** *** has no vin");
    assert_eq!((lead["attempts"].as_u64(), lead["http_status"].as_u64()), (Some(1), Some(422)));
    assert_eq!(scene.run().code, 0, "it is reported once");
    assert_eq!(scene.cli(&["retry", "1"]).code, 0);
    assert_eq!(scene.run().count("delivered"), 1);
}

#[test]
fn an_api_that_is_away_charges_no_attempt_and_ends_in_a_deferral() {
    let mut scene = Scene::new();
    // A port of loopback that nothing listens on.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    scene.connection("api_url", &format!("\"http://{nobody}\"")).connection("patience", "\"300ms\"");
    scene.customers(0..20);
    let ran = scene.run();
    assert_eq!((ran.code, ran.outcome().as_str()), (4, "deferred"), "{ran:?}");
    assert!(ran.stderr.contains("Connection refused"), "{ran:?}");
    assert!(scene.leads().iter().all(|lead| lead["attempts"] == 0));
}

#[test]
fn an_outage_puts_a_few_leads_in_doubt_and_not_all() {
    let mut scene = Scene::new();
    scene.connection("patience", "\"300ms\"").connection("max_in_flight", "1");
    scene.customers(0..50);
    scene.fault(Fault::once(status(500)).always().on(lead_sync::sandbox::Requests::Every));
    let ran = scene.run();
    assert_eq!(ran.code, 4, "{ran:?}");
    let touched = scene.leads().iter().filter(|lead| lead["attempts"] != 0).count();
    assert!(touched <= 5, "{touched} leads were tried while the API was away");
    scene.api.clear_faults();
    assert_eq!(scene.cli(&["resume", "wegroup"]).code, 0);
    assert_eq!(scene.run().count("delivered"), 50);
}

#[test]
fn a_lead_whose_attempts_are_used_up_has_failed() {
    let (scene, ran) = one_of_three(status(500), None, |scene| {
        scene.connection("retry", r#"{ attempts = 3, first = "1ms", cap = "2ms" }"#);
    });
    assert_eq!((ran.code, ran.count("failed"), ran.count("delivered")), (3, 1, 2), "{ran:?}");
    assert_eq!(scene.lead_of("1")["attempts"], 3);
    assert_eq!(
        scene.lead_of("1")["reason"],
        "HTTP 500: sandbox_fault: scripted answer 500; given up: all tries of retry.attempts were made"
    );
    scene.api.clear_faults();
    assert_eq!(scene.cli(&["retry", "--state", "failed"]).code, 0);
    assert_eq!(scene.run().count("delivered"), 1);
}

#[test]
fn a_lead_that_has_become_too_old_has_failed_and_says_by_which_setting() {
    let (scene, ran) = one_of_three(throttled(503, RetryAfter::Seconds(3600)), Some(1), |scene| {
        scene.connection("retry", r#"{ max_age = "1m" }"#);
    });
    assert_eq!(ran.count("failed"), 1, "{ran:?}");
    let reason =
        "HTTP 503: sandbox_fault: scripted answer 503; given up: the next try would be later than retry.max_age allows";
    assert_eq!(scene.lead_of("1")["reason"], reason);
}

#[test]
fn a_pause_that_was_asked_for_beyond_a_day_is_said_to_be_cut() {
    let (scene, ran) = one_of_three(throttled(429, RetryAfter::Seconds(9 * 86_400)), Some(1), |_| {});
    let said = "the API asked for more than a day; a day it is";
    assert!(ran.code == 4 && ran.stderr.contains(said), "{ran:?}");
    assert!(scene.cli(&["status"]).stdout.contains(said));
}

#[test]
fn an_accepted_lead_is_delivered_whatever_its_answer_looks_like() {
    for kind in [
        Kind::Status(Answer { body: Some(json!("no object")), ..Answer::new(200) }),
        Kind::HugeBody { bytes: 10_000_000 },
        Kind::WrongLength,
        Kind::CloseAfter,
        Kind::Slow { ms: 1 },
    ] {
        let (scene, ran) = one_of_three(kind.clone(), Some(1), |_| {});
        assert_eq!((ran.code, ran.count("delivered")), (0, 3), "{kind:?}: {ran:?}");
        assert_eq!(scene.lead_of("1")["attempts"], 1, "{kind:?}");
    }
}

#[test]
fn the_leads_id_comes_from_the_configured_place_of_the_answer() {
    let body = json!({ "data": { "lead": { "id": 4711 } } });
    let answer = Answer { body: Some(body), ..Answer::new(201) };
    let (scene, _) = one_of_three(Kind::Status(answer), Some(1), |scene| {
        scene.connection("reference", "\"/data/lead/id\"");
    });
    assert_eq!(scene.lead_of("1")["remote_id"], "4711");
}

#[test]
fn what_turns_every_lead_away_is_named_by_the_keys_that_the_connection_has() {
    for (code, wegroup, http) in
        [(403, "leads:write", "request.path"), (404, "distribution_id", "check base_url, request.path")]
    {
        let mut scene = Scene::new();
        scene.customers(0..3);
        scene.fault(Fault::once(status(code)).always());
        let ran = scene.run();
        assert!(ran.stderr.contains(wegroup) && !ran.stderr.contains(http), "{ran:?}");
        let url = scene.api.url();
        scene.connection("kind", "\"http\"").connection("base_url", &format!("{url:?}"));
        scene.sync("request", "{ path = \"/generic/people\" }");
        scene.without_connection("api_url").without_connection("distribution_id");
        let ran = scene.run();
        assert!(ran.stderr.contains(http) && !ran.stderr.contains(wegroup), "{ran:?}");
    }
}
