//! Token endpoints that answer what they should not, and addresses that lead elsewhere.

use lead_sync::auth::{ClientAuth, Context, Error, Grant, OAuth, Server};
use reqwest::Url;
use serde_json::json;

use crate::endpoint::{Endpoint, refusal};
use crate::support::{Sandbox, connect, expire};

#[tokio::test]
async fn a_refusal_in_a_services_own_words_needs_a_person_and_is_not_asked_for_again() {
    let sandbox = Sandbox::start(|_| {}).await;
    for (status, body) in [(401, "{\"message\":\"Unauthorized\"}"), (403, "<html>planted</html>"), (400, "")] {
        for settings in [sandbox.weseedo(), sandbox.we360(), sandbox.credit()] {
            let endpoint = Endpoint::answering(status, body).await;
            let settings = OAuth { server: endpoint.server(), ..settings };
            let error = refusal(&settings, &sandbox.context()).await;
            assert!(matches!(error, Error::NeedsPerson(_)), "{error:?}");
            let text = error.to_string();
            assert!(text.contains(&status.to_string()) && !text.contains("planted"), "{text}");
            assert_eq!(endpoint.seen().len(), 1, "{status}");
        }
    }
}

/// What is no token's answer, and in which words that is told.
const NO_TOKEN: [(&str, &str); 7] = [
    ("{}", "with JSON that holds no access_token"),
    (r#"{"access_token":5}"#, "with JSON that holds no access_token"),
    ("[]", "with JSON that holds no access_token"),
    ("5", "with JSON that is no object instead of a token"),
    ("", "with nothing instead of a token"),
    (" <!doctype html><p>planted", "with an HTML page instead of a token"),
    ("planted", "with something that is not JSON instead of a token"),
];

#[tokio::test]
async fn a_refusal_that_repeats_the_users_name_does_not_get_it_into_a_message() {
    let sandbox = Sandbox::start(|_| {}).await;
    let refused = json!({"error": "invalid_grant", "error_description": "no such user: planted@example.com"});
    let endpoint = Endpoint::answering(400, &refused).await;
    let grant = Grant::Password { username: "planted@example.com".into(), password: "p".into() };
    let settings = OAuth { server: endpoint.server(), grant, ..sandbox.we360() };
    let text = refusal(&settings, &sandbox.context()).await.to_string();
    assert!(text.contains("invalid_grant (no such user: ***)"), "{text}");
}

#[tokio::test]
async fn an_address_that_answers_without_a_token_is_a_matter_of_configuration_after_one_try() {
    let sandbox = Sandbox::start(|_| {}).await;
    for (body, kind) in NO_TOKEN {
        for settings in [sandbox.we360(), sandbox.weseedo()] {
            let endpoint = Endpoint::answering(200, body).await;
            let settings = OAuth { server: endpoint.server(), ..settings };
            let error = refusal(&settings, &sandbox.context()).await;
            assert!(matches!(error, Error::Configuration(_)), "{error:?}");
            let text = error.to_string();
            assert!(text.contains(kind) && text.contains("look at token_url") && !text.contains("planted"), "{text}");
            assert_eq!(text.contains("takes what `request` says"), kind.contains("access_token"), "{text}");
            assert_eq!(endpoint.seen().len(), 1, "{body}");
        }
    }
}

#[tokio::test]
async fn something_else_in_place_of_an_endpoint_that_has_issued_tokens_defers_the_run_and_costs_no_session() {
    let sandbox = Sandbox::start(|_| {}).await;
    for (body, kind) in NO_TOKEN {
        let endpoint = Endpoint::answering(200, &json!({"access_token": "a", "refresh_token": "first"})).await;
        let grant = Grant::RefreshToken { refresh_token: "configured".into() };
        for settings in [sandbox.credit(), OAuth { grant, ..sandbox.credit() }] {
            let settings = OAuth { server: endpoint.server(), ..settings };
            endpoint.answer(200, &json!({"access_token": "a", "refresh_token": "first"}));
            connect(&settings, &sandbox.context()).token().await.unwrap();
            expire(&sandbox);
            endpoint.answer(200, body);
            let error = refusal(&settings, &sandbox.context()).await;
            assert!(error.to_string().contains(kind), "{error}");
            assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
            endpoint.answer(200, &json!({"access_token": "b"}));
            assert!(connect(&settings, &sandbox.context()).token().await.is_ok(), "{kind}");
            assert!(endpoint.seen().last().unwrap().contains("refresh_token=first"), "{:?}", endpoint.seen());
        }
    }
}

/// A secret in each form in which a server may have it.
fn forms(secret: &str) -> [String; 4] {
    let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let json = serde_json::Value::from(secret).to_string();
    [encoded.replace('+', "%20"), encoded, json.trim_matches('"').to_owned(), secret.to_owned()]
}

#[tokio::test]
async fn a_server_that_repeats_what_it_was_sent_does_not_get_it_into_a_message() {
    let sandbox = Sandbox::start(|_| {}).await;
    let secret = r#"p/a+s s"w%ö=="#;
    for settings in [sandbox.credit(), OAuth { client_auth: ClientAuth::Basic, ..sandbox.we360() }] {
        let endpoint = Endpoint::start().await;
        let settings = OAuth { server: endpoint.server(), client_secret: Some(secret.into()), ..settings };
        let mut repeated: Vec<String> = [secret, "access/1", "ref+1"].into_iter().flat_map(forms).collect();
        for word in 0.. {
            endpoint.answer(200, &json!({"access_token": "access/1", "refresh_token": "ref+1"}));
            connect(&settings, &sandbox.context()).token().await.unwrap();
            if word == 0 {
                let sent = endpoint.seen().remove(0);
                repeated.extend(sent.split("Basic ").nth(1).unwrap().split('"').next().map(str::to_owned));
            }
            let Some(word) = repeated.get(word) else { break };
            for said in [("no_client", format!("it was <{word}>")), (&format!("<{word}>"), "said so".to_owned())] {
                expire(&sandbox);
                endpoint.answer(401, &json!({"error": said.0, "error_description": said.1}));
                let refused = refusal(&settings, &sandbox.context()).await.to_string();
                assert!(refused.contains("<***"), "{word}: {refused}");
                assert!(!refused.contains(word.trim_end_matches('=')), "{word}: {refused}");
            }
            std::fs::remove_file(sandbox.token_file()).unwrap();
        }
        std::fs::remove_file(sandbox.token_file()).unwrap();
    }
}

#[tokio::test]
async fn a_client_that_is_not_known_at_a_refresh_is_not_presented_again() {
    let sandbox = Sandbox::start(|_| {}).await;
    let endpoint = Endpoint::answering(200, &json!({"access_token": "a", "refresh_token": "r"})).await;
    endpoint.refuse_refresh_tokens(401, &json!({"error": "invalid_client"}));
    let settings = OAuth { server: endpoint.server(), ..sandbox.credit() };
    let source = connect(&settings, &sandbox.context());
    let first = source.token().await.unwrap();
    let error = source.reject(first.generation).await.unwrap_err();
    assert!(matches!(error, Error::NeedsPerson(_)), "{error:?}");
    assert_eq!(endpoint.seen().len(), 2);
}

#[tokio::test]
async fn a_password_that_is_refused_after_the_refresh_token_is_not_presented_by_later_runs() {
    let sandbox = Sandbox::start(|_| {}).await;
    let endpoint = Endpoint::answering(200, &json!({"access_token": "a", "refresh_token": "r"})).await;
    let settings = OAuth { server: endpoint.server(), ..sandbox.we360() };
    connect(&settings, &sandbox.context()).token().await.unwrap();
    expire(&sandbox);
    endpoint.refuse_refresh_tokens(400, &json!({"error": "unsupported_grant_type"}));
    endpoint.answer(400, &json!({"error": "invalid_grant"}));
    for _ in 0..3 {
        let error = refusal(&settings, &sandbox.context()).await;
        assert!(matches!(error, Error::NeedsPerson(_)), "{error:?}");
    }
    // The first login, the refused refresh, the refused password.
    assert_eq!(endpoint.seen().len(), 3);
}

#[tokio::test]
async fn a_redirect_is_not_followed_by_a_token_request() {
    let sandbox = Sandbox::start(|_| {}).await;
    let elsewhere = Endpoint::start().await;
    let endpoint = Endpoint::redirecting_to(&elsewhere).await;
    for settings in [sandbox.weseedo(), sandbox.we360(), sandbox.credit()] {
        let settings = OAuth { server: endpoint.server(), ..settings };
        let error = refusal(&settings, &sandbox.context()).await;
        assert!(matches!(error, Error::Configuration(_)), "{error:?}");
    }
    assert_eq!(endpoint.seen().len(), 3);
    assert_eq!(elsewhere.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn a_discovery_document_cannot_drive_the_terminal() {
    let sandbox = Sandbox::start(|_| {}).await;
    let issuer = format!("\u{1b}]0;owned\u{7}{}", "x".repeat(5_000));
    let url = "https://sso.example.com/x";
    let document = json!({"issuer": issuer, "authorization_endpoint": url, "token_endpoint": url, "jwks_uri": url});
    let endpoint = Endpoint::answering(200, &document).await;
    let settings = OAuth { server: Server::Issuer(endpoint.url.clone()), ..sandbox.credit() };
    let text = refusal(&settings, &sandbox.context()).await.to_string();
    assert!(text.contains("character by character"), "{text}");
    assert!(!text.contains(char::is_control) && text.len() < 1_000, "{text:?}");
}

#[tokio::test]
async fn an_endpoint_without_tls_in_the_discovery_document_is_refused() {
    let sandbox = Sandbox::start(|_| {}).await;
    let endpoint = Endpoint::start().await;
    let good = "https://sso.example.com/x";
    for key in ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "revocation_endpoint"] {
        let mut document = json!({
            "issuer": endpoint.url, "authorization_endpoint": good, "token_endpoint": good, "jwks_uri": good,
        });
        document[key] = "http://sso.example.com/x".into();
        endpoint.answer(200, &document);
        let settings = OAuth { server: Server::Issuer(endpoint.url.clone()), ..sandbox.credit() };
        let error = refusal(&settings, &sandbox.context()).await;
        assert!(error.to_string().contains("only https"), "{key}: {error}");
    }
}

#[tokio::test]
async fn a_proxy_sees_where_a_token_request_goes_and_nothing_of_it() {
    let sandbox = Sandbox::start(|_| {}).await;
    let proxy = Endpoint::answering(403, "").await;
    let context = Context { proxy: Some(Url::parse(&proxy.url).unwrap()), ..sandbox.context() };
    let url = Url::parse("https://sso.example.com/token").unwrap();
    let settings = OAuth { server: Server::TokenUrl(url), ..sandbox.credit() };
    let error = refusal(&settings, &context).await;
    assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
    let seen = proxy.seen();
    assert!(!seen.is_empty() && seen.iter().all(|request| request == "CONNECT sso.example.com:443 None "), "{seen:?}");
}
