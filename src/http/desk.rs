//! The pages for people: the dashboard, and one for each key.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use crate::clock;
use crate::domain::record::trimmed_key;
use crate::ledger::Ledger;
use crate::page::{self, Facts, Outlook, Place};

/// What the pages are made of: the ledger, and what the process knows beside it.
pub struct Desk {
    ledger: PathBuf,
    outlook: Box<dyn Fn() -> Outlook + Send + Sync>,
}

impl Desk {
    /// Over the ledger at this path; `outlook` is asked for each page, and may read files.
    pub fn new(ledger: &Path, outlook: impl Fn() -> Outlook + Send + Sync + 'static) -> Self {
        Self { ledger: ledger.to_path_buf(), outlook: Box::new(outlook) }
    }

    /// Reads with a connection of its own: a page that takes its time keeps no other one waiting.
    fn overview(&self) -> Result<String, Trouble> {
        let facts = Facts::read(&Ledger::open_reader(&self.ledger)?, clock::now())?;
        Ok(page::overview(&facts, &(self.outlook)(), Place::Server)?)
    }

    fn lead(&self, key: &str, sync: Option<&str>) -> Result<(StatusCode, String), Trouble> {
        let ledger = Ledger::open_reader(&self.ledger)?;
        let told = ledger.show(key, sync)?;
        let forgotten = ledger.forgotten(key, sync)?;
        let status = if told.is_empty() && forgotten.is_empty() { StatusCode::NOT_FOUND } else { StatusCode::OK };
        Ok((status, page::lead(key, &told, &forgotten, clock::now())?))
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("ledger", &self.ledger).finish_non_exhaustive()
    }
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Ledger(#[from] crate::ledger::Error),
    #[error("the page cannot be rendered: {0}")]
    Template(#[from] askama::Error),
    #[error("the page was not finished, by a programming error (a panic; see the log)")]
    Panic,
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        tracing::warn!(error = %self, "no page");
        (StatusCode::SERVICE_UNAVAILABLE, format!("{self}\n")).into_response()
    }
}

/// Which lead is asked for.
#[derive(Debug, Deserialize)]
struct Asked {
    key: String,
    sync: Option<String>,
}

pub(super) fn routes(desk: Desk) -> Router {
    Router::new().route("/", get(overview)).route("/lead", get(lead)).with_state(Arc::new(desk))
}

async fn overview(State(desk): State<Arc<Desk>>) -> Result<Response, Trouble> {
    let text = tokio::task::spawn_blocking(move || desk.overview()).await.map_err(|_| Trouble::Panic)??;
    Ok(html(StatusCode::OK, text))
}

async fn lead(State(desk): State<Arc<Desk>>, Query(asked): Query<Asked>) -> Result<Response, Trouble> {
    let read = move || {
        let sync = asked.sync.as_deref().filter(|sync| !sync.is_empty());
        desk.lead(trimmed_key(&asked.key), sync)
    };
    let (status, text) = tokio::task::spawn_blocking(read).await.map_err(|_| Trouble::Panic)??;
    Ok(html(status, text))
}

fn html(status: StatusCode, text: String) -> Response {
    let mut response = (status, Html(text)).into_response();
    // The policy is ASCII; without one there is no page.
    match HeaderValue::try_from(page::content_policy(Place::Server)) {
        Ok(policy) => response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy),
        Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    response
}
