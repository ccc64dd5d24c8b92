//! What the daemon answers: `/healthz`, `/readyz` and `/metrics` to machines, the dashboard and a page for each key to people. One small
//! server, read only, on this machine unless a token protects it.

mod ask;
mod desk;
mod guard;
mod serve;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use secrecy::SecretString;

use self::guard::{Guard, guard};

pub use ask::ask;
pub use desk::Desk;
pub use serve::serve;
pub use watch::{Pulse, Watch};

/// The text format that Prometheus reads.
const PROMETHEUS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Where to listen, and who may ask.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address.
    pub listen: SocketAddr,
    /// What all but health asks for; `None` only on a loopback address.
    pub token: Option<SecretString>,
}

/// The routes. Health needs no token: it says nothing but yes or no, and those who ask (a container's runtime) rarely have one.
pub fn routes(watch: Arc<Watch>, desk: Desk, settings: &Settings) -> Router {
    let metrics = Router::new().route("/metrics", get(metrics)).with_state(Arc::clone(&watch));
    let guarded = metrics.merge(desk::routes(desk)).layer(middleware::from_fn_with_state(Guard::new(settings), guard));
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(watch)
        .merge(guarded)
        .layer(middleware::map_response(harmless))
}

/// Alive: the process answers, and its scheduler turns.
async fn healthz(State(watch): State<Arc<Watch>>) -> Response {
    match watch.alive() {
        Ok(()) => "ok\n".into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

/// Ready: the ledger can be read, its disk has room, and the daemon is not stopping.
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

/// Answers are of this moment only, and are what they say they are.
async fn harmless(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
