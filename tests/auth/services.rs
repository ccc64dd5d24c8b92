//! The three other services, with nothing but configuration.

use std::sync::Arc;
use std::time::Duration;

use lead_sync::auth::{self, ClientAuth, Error, Grant, OAuth, Settings, TokenSource};
use lead_sync::sandbox::identity::{BearerState, Fault};
use serde_json::json;

use crate::endpoint::Endpoint;
use crate::support::{Sandbox, connect};

async fn token(source: &Arc<dyn TokenSource>) -> String {
    let authorization = source.token().await.unwrap();
    let (_, header) = authorization.header.unwrap();
    let (scheme, token) = header.to_str().unwrap().split_once(' ').unwrap();
    assert_eq!(scheme, "Bearer");
    token.to_owned()
}

#[tokio::test]
async fn each_service_gives_a_token_that_is_used_for_many_calls_and_runs() {
    let sandbox = Sandbox::start(|_| {}).await;
    for (name, settings) in [("weseedo", sandbox.weseedo()), ("we360", sandbox.we360()), ("credit", sandbox.credit())] {
        let before = sandbox.provider.counters().issued;
        let mut context = sandbox.context();
        context.connection = name.into();
        let first = token(&connect(&settings, &context)).await;
        let second = token(&connect(&settings, &context)).await;
        assert_eq!(first, second, "{name}");
        assert!(matches!(sandbox.provider.check_bearer(&first), BearerState::Valid { .. }), "{name}");
        assert_eq!(sandbox.provider.counters().issued, before + 1, "{name}");
    }
}

#[tokio::test]
async fn the_credit_api_grants_the_scopes_that_were_asked_for() {
    let sandbox = Sandbox::start(|_| {}).await;
    let token = token(&connect(&sandbox.credit(), &sandbox.context())).await;
    let BearerState::Valid { scopes, .. } = sandbox.provider.check_bearer(&token) else {
        panic!("the token is not valid");
    };
    assert_eq!(scopes, ["person", "company"]);
}

#[tokio::test]
async fn an_absolute_end_counts_as_the_tokens_end() {
    let sandbox = Sandbox::start(|settings| settings.access_lifetime = Duration::from_hours(1)).await;
    let _ = token(&connect(&sandbox.weseedo(), &sandbox.context())).await;
    let file = std::fs::read_to_string(sandbox.token_file()).unwrap();
    let session = serde_json::from_str::<serde_json::Value>(&file).unwrap()["session"].clone();
    let lifetime = session["expires_at"].as_i64().unwrap() - session["obtained_at"].as_i64().unwrap();
    assert!((3_600_000..3_660_000).contains(&lifetime), "{lifetime}");
}

#[tokio::test]
async fn we360_logs_in_once_then_refreshes_with_the_newest_pair() {
    let sandbox = Sandbox::start(|_| {}).await;
    let source = connect(&sandbox.we360(), &sandbox.context());
    for generation in 1..=5 {
        let authorization = source.token().await.unwrap();
        assert_eq!(authorization.generation, generation);
        assert!(source.reject(generation).await.unwrap());
    }
    let counters = sandbox.provider.counters();
    assert_eq!((counters.logins, counters.refreshes, counters.reuses), (1, 5, 0));
}

#[tokio::test]
async fn we360_logs_in_again_when_the_refresh_token_is_refused() {
    let sandbox = Sandbox::start(|_| {}).await;
    let source = connect(&sandbox.we360(), &sandbox.context());
    let first = source.token().await.unwrap();
    // The refresh token of the stored session is spent behind its back.
    let file = std::fs::read_to_string(sandbox.token_file()).unwrap();
    assert!(source.reject(first.generation).await.unwrap());
    std::fs::write(sandbox.token_file(), file).unwrap();
    let second = source.token().await.unwrap();
    sandbox.provider.revoke_access_tokens();
    let stale = connect(&sandbox.we360(), &sandbox.context());
    let _ = second;
    let authorization = stale.token().await.unwrap();
    assert!(stale.reject(authorization.generation).await.unwrap());
    let token = token(&stale).await;
    assert!(matches!(sandbox.provider.check_bearer(&token), BearerState::Valid { .. }));
    assert_eq!(sandbox.provider.counters().logins, 2);
}

#[tokio::test]
async fn a_wrong_password_is_presented_once_per_run() {
    let sandbox = Sandbox::start(|_| {}).await;
    let mut settings = sandbox.we360();
    settings.grant =
        Grant::Password { username: sandbox.settings.username.clone().into(), password: "planted-wrong".into() };
    let source = connect(&settings, &sandbox.context());
    for _ in 0..5 {
        let error = source.token().await.unwrap_err();
        assert!(matches!(error, Error::NeedsPerson(_)), "{error:?}");
        assert!(!error.to_string().contains("planted"));
    }
    assert_eq!(sandbox.provider.counters().token_requests, 1);
}

#[tokio::test]
async fn a_refused_password_is_not_presented_by_later_runs_until_it_changes() {
    let sandbox = Sandbox::start(|_| {}).await;
    let right = sandbox.we360();
    let username = sandbox.settings.username.clone();
    let wrong = OAuth {
        grant: Grant::Password { username: username.into(), password: "planted-wrong".into() },
        ..right.clone()
    };
    let refusal = async |settings: &OAuth| connect(settings, &sandbox.context()).token().await.unwrap_err().to_string();
    assert!(refusal(&wrong).await.contains("Invalid user credentials"));
    for _ in 0..2 {
        let text = refusal(&wrong).await;
        assert!(text.contains("not presented again") && text.contains("wegroup.json"), "{text}");
    }
    assert_eq!(sandbox.provider.counters().token_requests, 1);
    assert!(!std::fs::read_to_string(sandbox.token_file()).unwrap().contains("planted"));

    let _ = token(&connect(&right, &sandbox.context())).await;
    let _ = token(&connect(&right, &sandbox.context())).await;
    assert_eq!(sandbox.provider.counters().token_requests, 2);
}

#[tokio::test]
async fn a_person_can_have_the_same_password_tried_again() {
    let sandbox = Sandbox::start(|_| {}).await;
    let username = sandbox.settings.username.clone();
    let wrong =
        OAuth { grant: Grant::Password { username: username.into(), password: "wrong".into() }, ..sandbox.we360() };
    for _ in 0..2 {
        assert!(connect(&wrong, &sandbox.context()).token().await.is_err());
        std::fs::remove_file(sandbox.token_file()).unwrap();
    }
    assert_eq!(sandbox.provider.counters().token_requests, 2);
}

#[tokio::test]
async fn a_password_that_was_changed_at_the_service_is_presented_once_after_the_refresh_token_is_refused() {
    let sandbox = Sandbox::start(|settings| settings.refresh_lifetime = Some(Duration::ZERO)).await;
    let first = connect(&sandbox.we360(), &sandbox.context());
    let _ = token(&first).await;
    let username = sandbox.settings.username.clone();
    let wrong =
        OAuth { grant: Grant::Password { username: username.into(), password: "old".into() }, ..sandbox.we360() };
    sandbox.provider.revoke_access_tokens();
    for _ in 0..3 {
        let source = connect(&wrong, &sandbox.context());
        let authorization = source.token().await.unwrap();
        assert!(matches!(source.reject(authorization.generation).await, Err(Error::NeedsPerson(_))));
    }
    // The first login, the refused refresh, the refused password.
    assert_eq!(sandbox.provider.counters().token_requests, 3);
}

#[tokio::test]
async fn bad_client_credentials_need_a_person_in_the_servers_words() {
    let sandbox = Sandbox::start(|_| {}).await;
    let mut settings = sandbox.credit();
    settings.client_secret = Some("planted:wrong".into());
    let error = connect(&settings, &sandbox.context()).token().await.unwrap_err();
    assert!(matches!(error, Error::NeedsPerson(_)), "{error:?}");
    assert!(error.to_string().contains("invalid_client (Bad credentials)"), "{error}");
    assert!(!error.to_string().contains("planted"));
}

#[tokio::test]
async fn credentials_with_reserved_characters_arrive_as_they_are() {
    let sandbox = Sandbox::start(|settings| {
        settings.client_id = "client:with/odd +&%é".into();
        settings.client_secret = "secret:with/odd +&%é".into();
    })
    .await;
    for (name, settings) in [("credit", sandbox.credit()), ("weseedo", sandbox.weseedo())] {
        let mut context = sandbox.context();
        context.connection = name.into();
        let _ = token(&connect(&settings, &context)).await;
    }
}

#[tokio::test]
async fn a_server_that_decodes_no_form_in_basic_is_sent_id_and_secret_as_they_are() {
    let sandbox = Sandbox::start(|_| {}).await;
    let endpoint = Endpoint::answering(401, &json!({"error": "invalid_client"})).await;
    let settings = |client_auth, secret: &str| OAuth {
        server: endpoint.server(),
        client_id: "cid".into(),
        client_auth,
        client_secret: Some(secret.into()),
        ..sandbox.credit()
    };
    let answer = async |settings: OAuth| connect(&settings, &sandbox.context()).token().await;
    let encoded = answer(settings(ClientAuth::Basic, "Zx/9+aB==")).await.unwrap_err().to_string();
    assert!(encoded.contains("client_auth = \"basic_plain\" sends it plain"), "{encoded}");
    // cid:Zx%2F9%2BaB%3D%3D
    assert!(endpoint.seen().pop().unwrap().contains("Basic Y2lkOlp4JTJGOSUyQmFCJTNEJTNE"));
    for (client_auth, secret) in [(ClientAuth::BasicPlain, "Zx/9+aB=="), (ClientAuth::Basic, "plain")] {
        let other = answer(settings(client_auth, secret)).await.unwrap_err().to_string();
        assert!(!other.contains("basic_plain"), "{other}");
    }
    endpoint.answer(200, &json!({"access_token": "a"}));
    answer(settings(ClientAuth::BasicPlain, "Zx/9+aB==")).await.unwrap();
    let sent = endpoint.seen().pop().unwrap();
    // cid:Zx/9+aB==
    assert!(sent.contains("Basic Y2lkOlp4LzkrYUI9PQ==") && !sent.contains("client_secret"), "{sent}");
}

#[tokio::test]
async fn client_credentials_are_asked_for_again_after_a_lost_answer() {
    let sandbox = Sandbox::start(|_| {}).await;
    sandbox.provider.plan_faults([Fault::LoseAnswer, Fault::Status(500)]);
    let token = token(&connect(&sandbox.credit(), &sandbox.context())).await;
    assert!(matches!(sandbox.provider.check_bearer(&token), BearerState::Valid { .. }));
    assert_eq!(sandbox.provider.counters().token_requests, 3);
}

#[tokio::test]
async fn a_configured_refresh_token_starts_a_session_that_the_answers_carry_on() {
    let sandbox = Sandbox::start(|_| {}).await;
    let mut settings = sandbox.we360();
    let _ = token(&connect(&settings, &sandbox.context())).await;
    let file = std::fs::read_to_string(sandbox.token_file()).unwrap();
    let session = serde_json::from_str::<serde_json::Value>(&file).unwrap()["session"].clone();
    let refresh_token = session["refresh_token"].as_str().unwrap();
    settings.grant = Grant::RefreshToken { refresh_token: refresh_token.into() };
    std::fs::remove_file(sandbox.token_file()).unwrap();
    for run in 1..=3 {
        let source = connect(&settings, &sandbox.context());
        let authorization = source.token().await.unwrap();
        assert!(source.reject(authorization.generation).await.unwrap());
        assert_eq!(sandbox.provider.counters().refreshes, run + 1);
    }
    assert_eq!(sandbox.provider.counters().reuses, 0);
}

#[tokio::test]
async fn an_odd_field_beside_good_tokens_does_not_cost_the_rotated_refresh_token() {
    for (field, odd) in [
        ("scope", json!(["a"])),
        ("token_type", json!(null)),
        ("expires", json!(4_102_444_800_u64)),
        ("id_token", json!({})),
        ("error", json!("")),
    ] {
        let sandbox = Sandbox::start(|_| {}).await;
        let answer = json!({"access_token": "a", "refresh_token": "second", field: odd});
        let endpoint = Endpoint::answering(200, &answer).await;
        let grant = Grant::RefreshToken { refresh_token: "first".into() };
        let settings = OAuth { server: endpoint.server(), grant, ..sandbox.we360() };
        let source = connect(&settings, &sandbox.context());
        assert!(source.token().await.is_ok(), "{field}");
        assert!(source.reject(1).await.is_ok(), "{field}");
        let seen = endpoint.seen();
        assert!(seen.len() == 2 && seen[1].contains("refresh_token=second"), "{field}: {seen:?}");
    }
}

#[tokio::test]
async fn a_refusal_with_an_odd_description_is_still_a_refusal() {
    let sandbox = Sandbox::start(|_| {}).await;
    let endpoint = Endpoint::answering(400, &json!({"error": "invalid_grant", "error_description": ["no"]})).await;
    let settings = OAuth { server: endpoint.server(), ..sandbox.we360() };
    let error = connect(&settings, &sandbox.context()).token().await.unwrap_err();
    assert!(matches!(error, Error::NeedsPerson(_)), "{error:?}");
    assert!(error.to_string().contains("invalid_grant"), "{error}");
}

#[tokio::test]
async fn a_wrong_address_is_a_matter_of_configuration() {
    let sandbox = Sandbox::start(|_| {}).await;
    let mut settings = sandbox.credit();
    let url = format!("{}/nowhere", sandbox.settings.issuer);
    settings.server = auth::Server::TokenUrl(url.parse().unwrap());
    let error = connect(&settings, &sandbox.context()).token().await.unwrap_err();
    assert!(matches!(error, Error::Configuration(_)), "{error:?}");
    assert!(error.to_string().contains("404"), "{error}");
}

#[tokio::test]
async fn a_plain_http_endpoint_on_another_machine_is_refused_at_once() {
    let sandbox = Sandbox::start(|_| {}).await;
    let mut settings = sandbox.credit();
    settings.server = auth::Server::TokenUrl("http://credit.example.com/token".parse().unwrap());
    let refused = auth::connect(&Settings::OAuth(Box::new(settings)), &sandbox.context());
    assert!(matches!(refused.err(), Some(Error::Configuration(_))));
}
