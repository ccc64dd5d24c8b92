//! A server that answers every request alike, and tells what it was asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use lead_sync::auth::{Context, Error, OAuth, Server};
use reqwest::Url;
use tokio::net::TcpListener;

use crate::support::connect;

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

    pub(crate) fn refuse_refresh_tokens(&self, status: u16, body: &impl ToString) {
        self.state.lock().unwrap().to_refresh = Some((status, body.to_string()));
    }

    /// Each request: method, path, `Authorization`, or else `X-Api-Key`, body.
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
    let credential = headers.get(header::AUTHORIZATION).or(headers.get("x-api-key"));
    let authorization = credential.map(|value| value.to_str().unwrap().to_owned());
    script.seen.push(format!("{method} {uri} {authorization:?} {}", String::from_utf8_lossy(&body)));
    let is_refresh = body.windows(REFRESH.len()).any(|part| part == REFRESH);
    let (status, body) = script.to_refresh.as_ref().filter(|_| is_refresh).unwrap_or(&script.answer).clone();
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    if let Some(location) = &script.location {
        response.headers_mut().insert(header::LOCATION, location.parse().unwrap());
    }
    response
}

/// What a connection says that gets no token.
pub(crate) async fn refusal(settings: &OAuth, context: &Context) -> Error {
    connect(settings, context).token().await.unwrap_err()
}
