//! Token endpoints that answer what they should not, and addresses that lead elsewhere.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use lead_sync::auth::{ClientAuth, Context, Error, Grant, OAuth, Server};
use reqwest::Url;
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::{Sandbox, connect, expire};

/// Answers every request with the same status, headers and body, and counts.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) url: String,
    state: Arc<Mutex<Script>>,
}

struct Script {
    answer: (u16, String),
    /// Another one for requests that spend a refresh token.
    to_refresh: Option<(u16, String)>,
    location: Option<String>,
    seen: Vec<String>,
}

impl Endpoint {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Script { answer: (200, String::new()), to_refresh: None, location: None, seen: Vec::new() };
        let state = Arc::new(Mutex::new(script));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, state }
    }

    pub(crate) async fn answering(status: u16, body: &(impl ToString + ?Sized)) -> Self {
        let endpoint = Self::start().await;
        endpoint.answer(status, body);
        endpoint
    }

    pub(crate) async fn redirecting_to(other: &Self) -> Self {
        let endpoint = Self::answering(307, "").await;
        endpoint.state.lock().unwrap().location = Some(format!("{}/stolen", other.url));
        endpoint
    }

    pub(crate) fn answer(&self, status: u16, body: &(impl ToString + ?Sized)) {
        self.state.lock().unwrap().answer = (status, body.to_string());
    }

    fn refuse_refresh_tokens(&self, status: u16, body: &impl ToString) {
        self.state.lock().unwrap().to_refresh = Some((status, body.to_string()));
    }

    /// Each request: method, path, `Authorization`, body.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.state.lock().unwrap().seen.clone()
    }

    pub(crate) fn server(&self) -> Server {
        Server::TokenUrl(Url::parse(&format!("{}/token", self.url)).unwrap())
    }
}

/// What tells a request that spends a refresh token.
const REFRESH: &[u8] = b"grant_type=refresh_token";

async fn answer(
    State(script): State<Arc<Mutex<Script>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut script = script.lock().unwrap();
    let authorization = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
    script.seen.push(format!("{method} {uri} {authorization:?} {}", String::from_utf8_lossy(&body)));
    let is_refresh = body.windows(REFRESH.len()).any(|part| part == REFRESH);
    let (status, body) = script.to_refresh.as_ref().filter(|_| is_refresh).unwrap_or(&script.answer).clone();
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    if let Some(location) = &script.location {
        response.headers_mut().insert(header::LOCATION, location.parse().unwrap());
    }
    response
}

async fn refusal(settings: &OAuth, context: &Context) -> Error {
    connect(settings, context).token().await.unwrap_err()
}

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
const NO_TOKEN: [(&str, &str); 6] = [
    ("{}", "with JSON that holds no access_token: look at token_url, and whether it takes what `request` says"),
    (r#"{"access_token":5}"#, "with JSON that holds no access_token"),
    ("[]", "with JSON that holds no access_token"),
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
            assert_eq!(endpoint.seen().len(), 1, "{body}");
        }
    }
}

#[tokio::test]
async fn a_page_in_place_of_an_endpoint_that_has_issued_tokens_defers_the_run_and_costs_no_session() {
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
            // What speaks JSON is no page: it was changed, and stays so.
            assert_eq!(matches!(error, Error::Unavailable(_)), !kind.contains("JSON that"), "{error:?}");
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
    for odd in
        [json!({"token_type": "N_A"}), json!({"access_token": "a b"}), json!({"expires": "2001-01-01T00:00:00Z"})]
    {
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
