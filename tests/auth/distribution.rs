//! The distribution that leads go to, as a session tells it or does not.

use axum::Router;
use axum::routing::get;
use lead_sync::auth::{self, Distribution};
use lead_sync::sandbox::Options;
use serde_json::json;

use crate::desk::{Desk, said};
use crate::support::{Consent, Sandbox};

/// Changes a text of the configuration.
fn change(desk: &Desk, from: &str, to: &str) {
    let configuration = std::fs::read_to_string(desk.file("lead-sync.toml")).unwrap();
    assert!(configuration.contains(from), "{configuration}");
    desk.configure(&configuration.replace(from, to));
}

/// The distribution that the stored session tells.
fn session_tells(desk: &Desk, distribution: &serde_json::Value) {
    let path = desk.file("tokens/wegroup.json");
    let mut file: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    file["session"]["distribution_id"] = distribution.clone();
    std::fs::write(&path, format!("{file}\n")).unwrap();
}

async fn refused(desk: &Desk, arguments: &[&str], why: &str) {
    let output = desk.run(arguments).await;
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains(why), "{}", said(&output));
}

const REDIRECT: &str = "redirect_url =";

#[tokio::test]
async fn a_login_as_a_user_without_a_distribution_says_what_is_missing_and_keeps_nothing() {
    let sandbox = Sandbox::start(|settings| settings.distribution_id = String::new()).await;
    let context = auth::Context { distribution: Distribution::OfSession, ..sandbox.context() };
    let (ended, _) = sandbox.login_with(&sandbox.sso(), &context, Consent::Allow).await;
    let error = ended.unwrap_err().to_string();
    assert!(
        error.contains("distribution_id is missing, and userinfo names none (`did`) for this user: set it"),
        "{error}"
    );
    assert!(!sandbox.token_file().exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_whose_session_could_not_tell_the_distribution_is_refused_before_anybody_is_bothered() {
    let desk = Desk::start(|_| {}).await;
    change(&desk, REDIRECT, "scopes = [\"offline\", \"leads:write\"]\nredirect_url =");
    refused(&desk, &["login", "--no-browser"], "distribution_id is missing, and without the scope openid").await;
    assert_eq!(desk.counters().token_requests, 0);
    change(
        &desk,
        "kind = \"wegroup\"",
        &format!("kind = \"wegroup\"\ndistribution_id = \"{}\"", Options::DISTRIBUTION_ID),
    );
    assert_eq!(desk.login().await.status.code(), Some(0));
    desk.export(1);
    assert_eq!(desk.run(&["--run-now"]).await.status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_without_a_distribution_logs_in_only_where_one_is_configured() {
    let desk = Desk::start(|settings| settings.distribution_id = String::new()).await;
    let login = desk.login().await;
    assert_eq!(login.status.code(), Some(2), "{}", said(&login));
    assert!(!desk.file("tokens/wegroup.json").exists());
    assert_eq!(desk.counters().revocations, 1);
    change(
        &desk,
        "kind = \"wegroup\"",
        &format!("kind = \"wegroup\"\ndistribution_id = \"{}\"", Options::DISTRIBUTION_ID),
    );
    assert_eq!(desk.login().await.status.code(), Some(0));
    desk.export(1);
    assert_eq!(desk.run(&["--run-now"]).await.status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stored_session_that_tells_no_distribution_is_refused_with_the_cause_by_a_run_and_by_check() {
    let desk = Desk::start(|_| {}).await;
    desk.export(1);
    assert_eq!(desk.login().await.status.code(), Some(0));
    session_tells(&desk, &json!(null));
    let cause =
        "distribution_id is missing, and userinfo named none (`did`) for the user who logged in: set it, or run `";
    refused(&desk, &["--run-now"], cause).await;
    refused(&desk, &["check"], cause).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_finds_that_the_leads_would_go_to_another_distribution_than_before() {
    let desk = Desk::start(|_| {}).await;
    desk.export(1);
    assert_eq!(desk.login().await.status.code(), Some(0));
    assert_eq!(desk.run(&["--run-now"]).await.status.code(), Some(0));
    let check = desk.run(&["check"]).await;
    assert_eq!(check.status.code(), Some(0), "{}", said(&check));
    session_tells(&desk, &json!("another"));
    let cause = format!("its leads were delivered to distribution {} at this machine", Options::DISTRIBUTION_ID);
    refused(&desk, &["--run-now"], &cause).await;
    refused(&desk, &["check"], &cause).await;
    // Also where the configuration alone tells the place.
    change(&desk, "kind = \"wegroup\"", "kind = \"wegroup\"\ndistribution_id = \"another\"");
    refused(&desk, &["check"], &cause).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_session_of_a_new_connection_is_held_against_the_place_of_the_one_before() {
    let desk = Desk::start(|_| {}).await;
    desk.export(1);
    assert_eq!(desk.login().await.status.code(), Some(0));
    assert_eq!(desk.run(&["--run-now"]).await.status.code(), Some(0));
    session_tells(&desk, &json!("another"));
    std::fs::rename(desk.file("tokens/wegroup.json"), desk.file("tokens/other.json")).unwrap();
    change(&desk, "connections.wegroup", "connections.other");
    change(&desk, "connection = \"wegroup\"", "connection = \"other\"");
    let cause = format!("its leads were delivered to distribution {} at this machine", Options::DISTRIBUTION_ID);
    for command in ["check", "--run-now", "check", "--run-now"] {
        refused(&desk, &[command], &cause).await;
    }
    assert_eq!(desk.run(&["resume", "other", "--moved"]).await.status.code(), Some(0));
    assert_eq!(desk.run(&["--run-now"]).await.status.code(), Some(0));
}

#[tokio::test]
async fn ids_that_userinfo_gives_as_numbers_are_as_good_as_texts() {
    let user = json!({"sub": "broker@example.com", "uid": 1, "bid": 2, "did": 3, "username": null});
    let numbers = |provider: Router| {
        let userinfo = get(|| async move { user.to_string() });
        Router::new().route("/userinfo", userinfo).fallback_service(provider)
    };
    let sandbox = Sandbox::start_behind(|_| {}, numbers).await;
    let context = auth::Context { distribution: Distribution::Named("3".into()), ..sandbox.context() };
    let (logged_in, _) = sandbox.login_with(&sandbox.sso(), &context, Consent::Allow).await;
    let user = logged_in.unwrap().user.unwrap();
    assert_eq!((user.uid.as_deref(), user.bid.as_deref(), user.did.as_deref()), (Some("1"), Some("2"), Some("3")));
    assert_eq!(user.username, None);
}
