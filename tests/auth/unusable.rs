//! Token answers of which not all is of use.

use lead_sync::auth::{Error, Grant, OAuth};
use serde_json::json;

use crate::endpoint::{Endpoint, refusal};
use crate::support::{Sandbox, connect};

#[tokio::test]
async fn a_scope_that_was_not_granted_needs_a_person_until_it_is() {
    let sandbox = Sandbox::start(|_| {}).await;
    for (settings, granted) in [(sandbox.credit(), None), (sandbox.we360(), Some("company person"))] {
        let endpoint = Endpoint::start().await;
        let scopes = vec!["person".into(), "company".into()];
        let settings = OAuth { server: endpoint.server(), scopes, ..settings };
        endpoint.answer(200, &json!({"access_token": "narrow", "scope": "person", "refresh_token": "r"}));
        // The second one finds the session of the first.
        for _ in 0..2 {
            let error = refusal(&settings, &sandbox.context()).await;
            assert!(matches!(error, Error::NeedsPerson(_)), "{error:?}");
            assert!(error.to_string().contains(": company: have it enabled for client"), "{error}");
        }
        endpoint.answer(200, &json!({"access_token": "whole", "scope": granted}));
        assert!(connect(&settings, &sandbox.context()).token().await.is_ok(), "{granted:?}");
    }
}

#[tokio::test]
async fn a_renewal_that_takes_a_scope_away_needs_a_person_and_loses_no_refresh_token() {
    let sandbox = Sandbox::start(|_| {}).await;
    let endpoint = Endpoint::start().await;
    let grant = Grant::RefreshToken { refresh_token: "first".into() };
    let scopes = vec!["person".into(), "company".into()];
    let settings = OAuth { server: endpoint.server(), grant, scopes, ..sandbox.we360() };
    endpoint.answer(200, &json!({"access_token": "whole", "refresh_token": "second"}));
    let source = connect(&settings, &sandbox.context());
    let generation = source.token().await.unwrap().generation;
    endpoint.answer(200, &json!({"access_token": "narrow", "refresh_token": "third", "scope": "person"}));
    let error = source.reject(generation).await.unwrap_err();
    assert!(error.to_string().contains("company: configure a refresh_token that was issued with it"), "{error}");
    endpoint.answer(200, &json!({"access_token": "whole", "scope": "person company"}));
    assert!(connect(&settings, &sandbox.context()).token().await.is_ok());
    assert!(endpoint.seen().last().unwrap().contains("refresh_token=third"), "{:?}", endpoint.seen());
}

#[tokio::test]
async fn a_token_that_no_header_can_carry_does_not_stand_in_the_way_of_the_next_one() {
    let sandbox = Sandbox::start(|_| {}).await;
    let endpoint = Endpoint::start().await;
    let settings = OAuth { server: endpoint.server(), ..sandbox.credit() };
    for token in ["planted\r\nx-evil: 1".to_owned(), String::new(), "planted".repeat(10_000)] {
        endpoint.answer(200, &json!({"access_token": token}));
        let error = refusal(&settings, &sandbox.context()).await;
        assert!(matches!(error, Error::Configuration(_)), "{error:?}");
        assert!(!error.to_string().contains("planted"));
        assert!(!sandbox.token_file().exists());
    }
    endpoint.answer(200, &json!({"access_token": "good"}));
    assert!(connect(&settings, &sandbox.context()).token().await.is_ok());
}

#[tokio::test]
async fn a_refresh_that_brought_unusable_tokens_is_not_taken_for_one_that_never_left() {
    let sandbox = Sandbox::start(|_| {}).await;
    let endpoint = Endpoint::answering(200, &json!({"access_token": "a", "token_type": "mac"})).await;
    let grant = Grant::RefreshToken { refresh_token: "first".into() };
    let settings = OAuth { server: endpoint.server(), grant, ..sandbox.we360() };
    let error = refusal(&settings, &sandbox.context()).await;
    assert!(matches!(error, Error::Configuration(_)), "{error:?}");
    endpoint.answer(400, &json!({"error": "invalid_grant"}));
    let error = refusal(&settings, &sandbox.context()).await;
    assert!(error.to_string().contains("was lost"), "{error}");
}

#[tokio::test]
async fn a_rotated_refresh_token_beside_an_unusable_token_takes_the_place_of_the_spent_one() {
    let sandbox = Sandbox::start(|_| {}).await;
    for odd in [
        json!({"token_type": "N_A"}),
        json!({"access_token": "a b"}),
        json!({"access_token": null}),
        json!({"expires": "2001-01-01T00:00:00Z"}),
    ] {
        let mut answer = json!({"access_token": "a", "refresh_token": "second"});
        answer.as_object_mut().unwrap().append(&mut odd.as_object().unwrap().clone());
        let endpoint = Endpoint::answering(200, &answer).await;
        let grant = Grant::RefreshToken { refresh_token: "first".into() };
        let settings = OAuth { server: endpoint.server(), grant, ..sandbox.we360() };
        let error = refusal(&settings, &sandbox.context()).await;
        assert!(matches!(error, Error::Configuration(_)), "{error:?}");
        endpoint.answer(200, &json!({"access_token": "good"}));
        connect(&settings, &sandbox.context()).token().await.unwrap();
        let seen = endpoint.seen();
        assert!(seen.len() == 2 && seen[1].contains("refresh_token=second"), "{odd}: {seen:?}");
        std::fs::remove_file(sandbox.token_file()).unwrap();
    }
}

#[tokio::test]
async fn an_empty_refresh_token_is_none() {
    let sandbox = Sandbox::start(|_| {}).await;
    let endpoint = Endpoint::answering(200, &json!({"access_token": "a", "expires_in": 1, "refresh_token": ""})).await;
    let settings = OAuth { server: endpoint.server(), ..sandbox.credit() };
    let source = connect(&settings, &sandbox.context());
    let first = source.token().await.unwrap();
    assert!(source.reject(first.generation).await.unwrap());
    let seen = endpoint.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|request| request.contains("grant_type=client_credentials")), "{seen:?}");
}

#[tokio::test]
async fn an_empty_refresh_token_does_not_take_the_place_of_one_that_works() {
    let sandbox = Sandbox::start(|_| {}).await;
    let endpoint = Endpoint::answering(200, &json!({"access_token": "a", "refresh_token": ""})).await;
    let grant = Grant::RefreshToken { refresh_token: "first".into() };
    let settings = OAuth { server: endpoint.server(), grant, ..sandbox.we360() };
    let source = connect(&settings, &sandbox.context());
    let first = source.token().await.unwrap();
    assert!(source.reject(first.generation).await.unwrap());
    let seen = endpoint.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|request| request.contains("refresh_token=first")), "{seen:?}");
}

#[tokio::test]
async fn credentials_are_presented_once_where_the_server_takes_no_refresh_token() {
    let sandbox = Sandbox::start(|_| {}).await;
    let names = ["invalid_request", "unsupported_grant_type", "unauthorized_client", "invalid_scope", "no_refresh"];
    for name in names {
        for (settings, grant) in [(sandbox.credit(), "client_credentials"), (sandbox.we360(), "password")] {
            let endpoint = Endpoint::answering(200, &json!({"access_token": "a", "refresh_token": "r"})).await;
            endpoint.refuse_refresh_tokens(400, &json!({ "error": name }));
            let settings = OAuth { server: endpoint.server(), ..settings };
            let mut context = sandbox.context();
            context.connection = format!("{grant}-{name}");
            let source = connect(&settings, &context);
            let first = source.token().await.unwrap();
            assert!(source.reject(first.generation).await.unwrap(), "{grant} after {name}");
            let asked = format!("grant_type={grant}");
            let logins = endpoint.seen().iter().filter(|request| request.contains(&asked)).count();
            assert_eq!(logins, 2, "{grant} after {name}");
        }
    }
}
