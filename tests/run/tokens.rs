//! A run whose token endpoint is slow, away or asks it to wait.

use std::process::{Child, Stdio};

use lead_sync::sandbox::identity::{Fault as TokenFault, Provider};
use lead_sync::sandbox::{Answer, Fault, Kind};
use rustix::process::Signal;

use crate::stop::signal;
use crate::support::{Ran, Scene};

/// Longer than any test.
const NEVER: TokenFault = TokenFault::SlowMs(3_600_000);

/// An API that takes tokens of the sandbox's credit service.
fn scene() -> (Scene, Provider) {
    let (mut scene, provider) = Scene::with_logins(|_| {});
    let auth = format!(
        "kind = \"oauth2\"\ngrant = \"client_credentials\"\ntoken_url = \"{}/credit/token\"\n\
         client_id = \"sandbox-client\"\nclient_secret = \"sandbox-client-secret\"",
        scene.api.url()
    );
    scene.auth(&auth).connection("on_in_doubt", "\"hold\"");
    (scene, provider)
}

/// As [`scene`], but an API of any other kind.
fn other_api() -> (Scene, Provider) {
    let (mut scene, provider) = scene();
    let base_url = format!("\"{}/generic\"", scene.api.url());
    scene.without_connection("api_url").without_connection("distribution_id");
    scene.connection("kind", "\"http\"").connection("base_url", &base_url);
    scene.sync("request", r#"{ method = "POST", path = "/leads" }"#);
    (scene, provider)
}

/// Starts a run whose grace is as good as none, and waits until the token endpoint has seen so many requests.
fn until_asked(scene: &Scene, provider: &Provider, requests: u64) -> Child {
    let mut command = scene.command(&["--run-now", "--json"]);
    let command = command.env("LEAD_SYNC__SHUTDOWN_GRACE", "1ms").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    while provider.counters().token_requests < requests {
        assert!(child.try_wait().unwrap().is_none(), "it ended without asking for a token");
        std::thread::yield_now();
    }
    child
}

/// Every lead that is not delivered is as if nothing had been tried.
fn nothing_is_in_doubt(scene: &Scene) {
    for lead in scene.leads().iter().filter(|lead| lead["state"] != "delivered") {
        assert_eq!((lead["state"].as_str(), lead["attempts"].as_u64()), (Some("pending"), Some(0)), "{lead}");
    }
}

#[test]
fn a_run_that_is_stopped_while_it_waits_for_a_token_ends_at_once_with_nothing_in_doubt() {
    for (scene, provider) in [scene(), other_api()] {
        scene.customers(0..3);
        provider.plan_faults([NEVER]);
        let child = until_asked(&scene, &provider, 1);
        signal(&child, Signal::TERM);
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_eq!((ran.code, ran.outcome().as_str(), ran.count("pending")), (4, "interrupted", 3), "{ran:?}");
        assert!(!ran.stderr.contains("in doubt"), "{ran:?}");
        assert_eq!(provider.counters().token_requests, 1, "it waited until the request was too late");
        nothing_is_in_doubt(&scene);
        let next = scene.run();
        assert_eq!((next.code, next.count("delivered")), (0, 3), "{next:?}");
    }
}

#[test]
fn a_run_that_is_killed_while_it_waits_for_a_token_leaves_nothing_in_doubt() {
    for (scene, provider) in [scene(), other_api()] {
        scene.customers(0..10);
        provider.plan_faults([NEVER]);
        let mut child = until_asked(&scene, &provider, 1);
        child.kill().unwrap();
        child.wait().unwrap();
        nothing_is_in_doubt(&scene);
        let next = scene.run();
        assert_eq!((next.code, next.count("delivered")), (0, 10), "{next:?}");
    }
}

#[test]
fn a_lead_whose_token_was_refused_is_not_in_doubt_if_the_run_is_stopped_before_there_is_another() {
    let (scene, provider) = scene();
    scene.customers(0..1);
    assert_eq!(scene.run().code, 0);
    scene.customers(0..2);
    scene.fault(Fault::once(Kind::Status(Answer::new(401))));
    provider.plan_faults([NEVER]);
    let child = until_asked(&scene, &provider, 2);
    signal(&child, Signal::TERM);
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.outcome().as_str()), (4, "interrupted"), "{ran:?}");
    nothing_is_in_doubt(&scene);
    assert_eq!(scene.query("SELECT key || ' ' || kind || ' ' || attempt FROM failures"), ["1 unauthorized 0"]);
    assert_eq!(scene.run().count("delivered"), 1);
}

/// A run with three leads to send that has just sent its refresh token.
fn while_a_refresh_token_is_spent() -> (Scene, Provider, Child) {
    let (mut scene, provider) = scene();
    let url = scene.api.url();
    scene.auth(&format!(
        "kind = \"oauth2\"\nprovider = \"we360\"\ntoken_url = \"{url}/we360/token\"\nclient_id = \"sandbox-client\"\n\
         username = \"broker@example.com\"\npassword = \"sandbox-password\""
    ));
    scene.customers(0..1);
    assert_eq!(scene.run().code, 0);
    scene.customers(0..4);
    provider.revoke_access_tokens();
    provider.plan_faults([TokenFault::SlowMs(500)]);
    let child = until_asked(&scene, &provider, 2);
    (scene, provider, child)
}

#[test]
fn a_refresh_token_that_is_being_spent_when_the_run_is_stopped_is_not_lost() {
    let (scene, provider, child) = while_a_refresh_token_is_spent();
    signal(&child, Signal::TERM);
    assert_eq!(Ran::from(child.wait_with_output().unwrap()).code, 4);
    nothing_is_in_doubt(&scene);
    assert_eq!(scene.run().count("delivered"), 3);
    let counters = provider.counters();
    assert_eq!((counters.logins, counters.refreshes, counters.reuses), (1, 1, 0));
}

#[test]
fn a_renewed_session_that_cannot_be_saved_is_told_also_if_the_run_was_stopped_meanwhile() {
    let (scene, _provider, child) = while_a_refresh_token_is_spent();
    std::fs::remove_dir_all(scene.path("tokens")).unwrap();
    std::fs::write(scene.path("tokens"), "no folder").unwrap();
    signal(&child, Signal::TERM);
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert!(ran.code == 1 && ran.stderr.contains("THE RENEWED SESSION COULD NOT BE SAVED"), "{ran:?}");
}

#[test]
fn a_token_endpoint_that_asks_for_an_hour_ends_the_run_and_is_not_asked_before() {
    for (scene, provider) in [scene(), other_api()] {
        scene.customers(0..3);
        provider.plan_faults([TokenFault::RetryAfter(3600)]);
        for _ in 0..2 {
            let ran = scene.run();
            assert_eq!((ran.code, ran.outcome().as_str(), ran.count("pending")), (4, "deferred", 3), "{ran:?}");
            assert!(ran.stderr.contains("paused until 20"), "{ran:?}");
            assert!(ran.stderr.contains("the token endpoint asked for it (127.0.0.1 answered 429)"), "{ran:?}");
            assert_eq!(provider.counters().token_requests, 1);
        }
        nothing_is_in_doubt(&scene);
        assert!(scene.cli(&["status"]).stdout.contains("paused until"));
        assert_eq!(scene.cli(&["resume", "wegroup"]).code, 0);
        let resumed = scene.run();
        assert_eq!((resumed.code, resumed.count("delivered")), (0, 3), "{resumed:?}");
    }
}

#[test]
fn an_hour_that_is_asked_for_when_a_refused_token_is_renewed_is_the_connections_pause() {
    let (scene, provider) = scene();
    scene.customers(0..1);
    assert_eq!(scene.run().code, 0);
    scene.customers(0..2);
    scene.fault(Fault::once(Kind::Status(Answer::new(401))));
    provider.plan_faults([TokenFault::RetryAfter(3600)]);
    for _ in 0..2 {
        let ran = scene.run();
        assert_eq!((ran.code, ran.outcome().as_str(), ran.count("pending")), (4, "deferred", 1), "{ran:?}");
        assert_eq!((provider.counters().token_requests, scene.requests().len()), (2, 2));
    }
    nothing_is_in_doubt(&scene);
}

#[test]
fn a_pause_that_a_token_endpoint_asks_for_is_waited_for_within_patience_and_not_beyond() {
    for (patience, code, delivered) in [("\"1m\"", 0, 3), ("\"500ms\"", 4, 0)] {
        let (mut scene, provider) = scene();
        scene.connection("patience", patience);
        scene.customers(0..3);
        provider.plan_faults([TokenFault::RetryAfter(1), TokenFault::RetryAfter(0)]);
        let ran = scene.run();
        assert_eq!((ran.code, ran.count("delivered")), (code, delivered), "{ran:?}");
        assert_eq!(provider.counters().token_requests, if code == 0 { 3 } else { 1 });
    }
}

#[test]
fn a_token_endpoint_that_fails_is_asked_again_only_within_patience() {
    for (patience, code, requests) in [("\"1m\"", 0, 2), ("\"0s\"", 4, 1)] {
        let (mut scene, provider) = scene();
        scene.connection("patience", patience);
        scene.customers(0..3);
        provider.plan_faults([TokenFault::Status(500)]);
        let ran = scene.run();
        assert_eq!((ran.code, provider.counters().token_requests), (code, requests), "{ran:?}");
    }
}

#[test]
fn a_token_endpoint_without_a_trusted_certificate_is_not_said_to_be_away() {
    let (scene, _provider) = scene();
    scene.customers(0..1);
    assert_eq!(scene.run().code, 0);
    // It speaks no TLS at all.
    let url = scene.api.url().replace("http:", "https:") + "/token";
    let mut check = scene.command(&["check"]);
    let checked = Ran::from(check.env("LEAD_SYNC__CONNECTIONS__WEGROUP__AUTH__TOKEN_URL", url).output().unwrap());
    assert_eq!(checked.code, 4, "{checked:?}");
    let found: Vec<&str> = checked.stdout.lines().skip_while(|line| !line.starts_with("FAIL")).take(2).collect();
    assert!(found[0].contains("wegroup.auth: no connection to 127.0.0.1: "), "{found:?}");
    assert!(found[1].contains("`ca_file` for a private certificate"), "{found:?}");
}

#[test]
fn a_wrong_token_url_that_answers_like_a_site_ends_runs_as_an_error_until_it_is_corrected() {
    let (scene, provider) = scene();
    scene.customers(0..1);
    provider.plan_faults([TokenFault::Status(200); 2]);
    for _ in 0..2 {
        let ran = scene.run();
        assert_eq!((ran.code, ran.outcome().as_str()), (2, "error"), "{ran:?}");
        assert!(ran.stderr.contains("answered with nothing instead of a token: look at token_url"), "{ran:?}");
    }
    nothing_is_in_doubt(&scene);
    assert_eq!(scene.run().count("delivered"), 1);
}

#[test]
fn a_run_with_nothing_to_send_asks_for_no_token() {
    let (scene, provider) = scene();
    scene.customers(0..0);
    assert_eq!((scene.run().code, provider.counters().token_requests), (0, 0));
}

#[test]
fn a_post_that_was_refused_stands_in_the_history_also_if_no_new_token_came_for_it() {
    for answer in [404, 400] {
        let (scene, provider) = scene();
        scene.customers(0..1);
        assert_eq!(scene.run().code, 0);
        provider.plan_faults([TokenFault::Status(answer)]);
        scene.customers(0..2);
        scene.fault(Fault::once(Kind::Status(Answer::new(401))));
        let ran = scene.run();
        assert!(matches!(ran.code, 2 | 5), "{ran:?}");
        let lead = scene.lead_of("1");
        assert_eq!((lead["state"].as_str(), lead["attempts"].as_u64()), (Some("pending"), Some(0)), "{lead}");
        let failures = scene.query("SELECT key || ' ' || kind || ' ' || http_status || ' ' || attempt FROM failures");
        assert_eq!(failures, ["1 unauthorized 401 0"], "HTTP {answer}");
        assert!(scene.cli(&["show", "1"]).stdout.contains("401"));
    }
}
