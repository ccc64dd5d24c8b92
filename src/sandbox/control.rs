//! `/sandbox/…`: the log and the faults over HTTP, for people with curl and for tests in other processes.
//!
//! | request | answers or does |
//! |---|---|
//! | `GET /sandbox/requests` | every request so far |
//! | `GET /sandbox/leads` | what is stored, with bodies |
//! | `GET /sandbox/summary` | counts |
//! | `DELETE /sandbox/state` | forgets what was received and stored; faults stay |
//! | `GET`, `POST`, `DELETE /sandbox/faults` | the queue · adds one fault or a list of them · drops all, also random ones |
//! | `PUT /sandbox/faults/random` | faults by chance: `{"probability": 0.1, "seed": 1, "kinds": ["lost_answer"]}` |

use std::sync::Arc;

use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, put};
use axum::{Json, Router};
use bytes::Bytes;
use http::StatusCode;
use serde::de::DeserializeOwned;

use super::account::{Received, StoredLead, Summary};
use super::fault::{Fault, RandomFaults};
use super::kind::InvalidFault;
use super::{State, answers};

type SharedState = Shared<Arc<State>>;

/// The routes of this module.
pub(super) fn routes(state: Arc<State>) -> Router {
    Router::new()
        .route("/sandbox/requests", get(requests))
        .route("/sandbox/leads", get(leads))
        .route("/sandbox/summary", get(summary))
        .route("/sandbox/state", delete(reset))
        .route("/sandbox/faults", get(faults).post(add_faults).delete(clear_faults))
        .route("/sandbox/faults/random", put(set_random_faults))
        .with_state(state)
}

async fn requests(Shared(state): SharedState) -> Json<Vec<Received>> {
    Json(state.log.requests())
}

async fn leads(Shared(state): SharedState) -> Json<Vec<StoredLead>> {
    Json(state.log.leads())
}

async fn summary(Shared(state): SharedState) -> Json<Summary> {
    Json(state.log.summary())
}

async fn reset(Shared(state): SharedState) -> StatusCode {
    state.log.reset();
    StatusCode::NO_CONTENT
}

async fn faults(Shared(state): SharedState) -> Json<Vec<Fault>> {
    Json(state.faults.queue())
}

async fn add_faults(Shared(state): SharedState, body: Bytes) -> Result<StatusCode, Invalid> {
    let is_list = body.trim_ascii_start().starts_with(b"[");
    let faults: Vec<Fault> = if is_list { read(&body)? } else { vec![read(&body)?] };
    state.faults.extend(faults)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_random_faults(Shared(state): SharedState, body: Bytes) -> Result<StatusCode, Invalid> {
    let random: RandomFaults = read(&body)?;
    state.faults.set_random(random)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn clear_faults(Shared(state): SharedState) -> StatusCode {
    state.faults.clear();
    StatusCode::NO_CONTENT
}

/// A request body that says nothing the sandbox could do: 400.
struct Invalid(String);

impl IntoResponse for Invalid {
    fn into_response(self) -> Response {
        answers::error(StatusCode::BAD_REQUEST, "invalid_fault", &self.0)
    }
}

impl From<InvalidFault> for Invalid {
    fn from(error: InvalidFault) -> Self {
        Self(error.to_string())
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Invalid> {
    serde_json::from_slice(body).map_err(|error| Invalid(error.to_string()))
}
