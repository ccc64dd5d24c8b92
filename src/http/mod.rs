//! What the daemon answers to machines: `/healthz`, `/readyz`, `/metrics`. One small server, on this machine unless a token protects it.

mod ask;
mod serve;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use secrecy::{ExposeSecret, SecretString};

pub use ask::ask;
pub use serve::serve;
pub use watch::{Pulse, Watch};

/// The text format that Prometheus reads.
const PROMETHEUS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Where to listen, and who may ask.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address.
    pub listen: SocketAddr,
    /// What `/metrics` asks for; `None` only on a loopback address.
    pub token: Option<SecretString>,
}

/// The routes. Health needs no token: it says nothing but yes or no, and those who ask (a container's runtime) rarely have one.
pub fn routes(watch: Arc<Watch>, token: Option<SecretString>) -> Router {
    let guarded = Router::new().route("/metrics", get(metrics)).with_state(Arc::clone(&watch));
    let guarded = match token {
        Some(token) => guarded.layer(middleware::from_fn_with_state(Arc::new(token), admit)),
        None => guarded,
    };
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(watch)
        .merge(guarded)
        .layer(middleware::map_response(uncached))
}

/// Alive: the process answers, and its scheduler turns.
async fn healthz(State(watch): State<Arc<Watch>>) -> Response {
    match watch.alive() {
        Ok(()) => "ok\n".into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

/// Ready: the ledger can be read, and the daemon is not stopping.
async fn readyz(State(watch): State<Arc<Watch>>) -> Response {
    match tokio::task::spawn_blocking(move || watch.ready()).await {
        Ok(Ok(())) => "ok\n".into_response(),
        Ok(Err(why)) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn metrics(State(watch): State<Arc<Watch>>) -> Response {
    match tokio::task::spawn_blocking(move || watch.render()).await {
        Ok(text) => ([(CONTENT_TYPE, PROMETHEUS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Lets a request through that carries the token.
async fn admit(State(token): State<Arc<SecretString>>, request: Request, next: Next) -> Response {
    if carries(request.headers(), &token) {
        return next.run(request).await;
    }
    (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")]).into_response()
}

/// Compares hashes, in constant time (`blake3::Hash`): the time taken tells neither how long the token is nor how much of it is right.
fn carries(headers: &HeaderMap, token: &SecretString) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    given.is_some_and(|given| blake3::hash(given) == blake3::hash(token.expose_secret().as_bytes()))
}

/// Answers are of this moment only.
async fn uncached(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
