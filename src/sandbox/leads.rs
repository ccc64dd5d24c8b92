//! One request from its head to its answer: read, check, store, record, and only then wait and answer, so that a client
//! that goes away while it waits has left its lead here.

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Path, Request, State as Shared};
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::post;
use http::StatusCode;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::request::Parts;
use http_body_util::LengthLimitError;
use serde_json::Value;

use super::access::Access;
use super::account::{Received, Target};
use super::delivery::{self, Delivery};
use super::kind::Kind;
use super::log::{Admission, NewLead};
use super::wire::Takeover;
use super::{State, answers, validation};
use crate::clock;

/// Bodies over this many bytes are answered 413. A lead has a few hundred.
const MAX_BODY: usize = 1024 * 1024;

/// The lead endpoint of WeGroup, and `/generic/…` for connections of `kind = "http"`.
pub(super) fn routes(state: Arc<State>) -> Router {
    let wegroup = "/v1/api/distributions/{distribution}/leads/{lead_type}";
    Router::new()
        .route(wegroup, post(wegroup_lead))
        .route("/generic/{*path}", post(generic_lead).put(generic_lead).patch(generic_lead))
        .with_state(state)
}

/// The API a lead was sent to.
enum Api {
    WeGroup { distribution: String, lead_type: String },
    Generic,
}

async fn wegroup_lead(
    Shared(state): Shared<Arc<State>>,
    Path((distribution, lead_type)): Path<(String, String)>,
    request: Request,
) -> Response {
    let api = Api::WeGroup { distribution, lead_type };
    lead(&state, &api, request).await
}

async fn generic_lead(Shared(state): Shared<Arc<State>>, request: Request) -> Response {
    lead(&state, &Api::Generic, request).await
}

async fn lead(state: &State, api: &Api, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let mut arrival = Arrival::new(state, &head, Target::Lead);
    let fault = state.faults.take_at_head(Target::Lead);
    arrival.fault = fault.as_ref().map(Kind::name);
    let early = fault.as_ref().filter(|kind| kind.is_early());
    if let Some(delivery) = delivery::refusal(early) {
        arrival.finish(&delivery, false, true);
        return send(state, delivery).await;
    }
    let body = match to_bytes(body, MAX_BODY).await {
        Ok(body) => body,
        Err(error) => {
            let delivery = unread(&error);
            arrival.finish(&delivery, false, true);
            return delivery.response;
        }
    };
    let json = serde_json::from_slice::<Value>(&body).ok();
    let external_ref = json.as_ref().and_then(validation::external_ref);
    arrival.external_ref = external_ref.map(str::to_owned);
    let fault = fault.or_else(|| state.faults.take_for_lead(external_ref?));
    arrival.fault = fault.as_ref().map(Kind::name);

    let (delivery, stored) = if let Some(refusal) = delivery::refusal(fault.as_ref()) {
        (refusal, false)
    } else {
        let (response, stored) = judge(&arrival, api, &body, json.as_ref());
        let kind = fault.unwrap_or(Kind::Pass);
        (delivery::spoil(&kind, response).await, stored)
    };
    arrival.finish(&delivery, stored, false);
    send(state, delivery).await
}

/// The answer to a body that is too long; none to a client that left while it sent.
fn unread(error: &axum::Error) -> Delivery {
    let cause = std::error::Error::source(error);
    let too_long = cause.and_then(|cause| cause.downcast_ref::<LengthLimitError>());
    if too_long.is_some() {
        let message = "the body is over 1 MiB";
        Delivery::plain(answers::error(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message))
    } else {
        Delivery::silent(Takeover::close())
    }
}

async fn send(state: &State, delivery: Delivery) -> Response {
    let wait = state.options.latency + delivery.wait;
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
    delivery.response
}

/// The answer to a lead, and whether it was stored.
fn judge(arrival: &Arrival<'_>, api: &Api, body: &[u8], json: Option<&Value>) -> (Response, bool) {
    if let Some(refused) = check_access(arrival, api).or_else(|| check_type(arrival.head)) {
        return (refused, false);
    }
    let Some(json) = json else {
        let status = StatusCode::BAD_REQUEST;
        let response = answers::error(status, "invalid_json", "the body is not valid JSON");
        return (response, false);
    };
    if matches!(api, Api::WeGroup { .. }) {
        let complaints = validation::complaints(json);
        if !complaints.is_empty() {
            return (answers::refused(&complaints), false);
        }
    }
    let options = &arrival.state.options;
    let admission = arrival.state.log.store(&NewLead {
        at_ms: arrival.at_ms,
        path: arrival.head.uri.path(),
        idempotency_key: arrival.idempotency_key(),
        external_ref: arrival.external_ref.as_deref(),
        body,
        once_per_key: options.honour_idempotency_key,
        once_per_ref: options.conflict_on_duplicate || validation::wants_conflict(json),
    });
    match admission {
        Admission::Stored(number) => (answers::created(number), true),
        Admission::Repeated(number) => (answers::created(number), false),
        Admission::Conflict => {
            let message = "a lead with this external reference exists already";
            let response = answers::error(StatusCode::CONFLICT, "conflict", message);
            (response, false)
        }
    }
}

fn check_access(arrival: &Arrival<'_>, api: &Api) -> Option<Response> {
    let options = &arrival.state.options;
    let header = arrival.head.headers.get(AUTHORIZATION);
    if header.is_none() && matches!(api, Api::Generic) {
        return None;
    }
    match arrival.state.door.check(header) {
        Access::Unknown => return Some(answers::unauthorized()),
        Access::Forbidden => {
            let message = "the access token lacks the scope leads:write";
            return Some(answers::forbidden(message));
        }
        Access::Granted => {}
    }
    match api {
        Api::WeGroup { distribution, .. } if *distribution != options.distribution_id => {
            Some(answers::forbidden("these credentials are not for this distribution"))
        }
        Api::WeGroup { lead_type, .. } if !options.lead_types.contains(lead_type) => {
            Some(answers::not_found("there is no such lead type"))
        }
        _ => None,
    }
}

fn check_type(head: &Parts) -> Option<Response> {
    let value = head.headers.get(CONTENT_TYPE);
    let value = value.and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next());
    if essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json")) {
        return None;
    }
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    let message = "the content type must be application/json";
    Some(answers::error(status, "unsupported_media_type", message))
}

/// Lets faults meet the requests that bring no lead, and records them once their answer is made.
pub(super) async fn other_request(Shared(state): Shared<Arc<State>>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let mut arrival = Arrival::new(&state, &head, Target::Other);
    let fault = state.faults.take_at_head(Target::Other);
    arrival.fault = fault.as_ref().map(Kind::name);
    let delivery = if let Some(refusal) = delivery::refusal(fault.as_ref()) {
        refusal
    } else {
        let response = next.run(Request::from_parts(head.clone(), body)).await;
        delivery::spoil(&fault.unwrap_or(Kind::Pass), response).await
    };
    arrival.finish(&delivery, false, false);
    if !delivery.wait.is_zero() {
        tokio::time::sleep(delivery.wait).await;
    }
    delivery.response
}

/// A request from its arrival to its answer. Under way until it is dropped, by the answer or because the client left.
struct Arrival<'a> {
    state: &'a State,
    head: &'a Parts,
    target: Target,
    at_ms: i64,
    fault: Option<&'static str>,
    external_ref: Option<String>,
}

impl<'a> Arrival<'a> {
    fn new(state: &'a State, head: &'a Parts, target: Target) -> Self {
        if target == Target::Lead {
            state.log.enter();
        }
        Self { state, head, target, at_ms: clock::now().0, fault: None, external_ref: None }
    }

    fn idempotency_key(&self) -> Option<&'a str> {
        self.head.headers.get("idempotency-key")?.to_str().ok()
    }

    /// Records what came of it.
    fn finish(&mut self, delivery: &Delivery, stored: bool, partial: bool) {
        let log = &self.state.log;
        let idempotency_key = self.idempotency_key();
        match self.target {
            Target::Lead if partial => log.count_partial(self.at_ms),
            Target::Lead => log.count(self.at_ms, idempotency_key),
            Target::Other => {}
        }
        if log.keeps_requests() {
            log.keep(Received {
                target: self.target,
                at_ms: self.at_ms,
                method: self.head.method.to_string(),
                path: self.head.uri.path().to_owned(),
                idempotency_key: idempotency_key.map(str::to_owned),
                external_ref: self.external_ref.take(),
                fault: self.fault,
                status: delivery.status.map(|status| status.as_u16()),
                stored,
                partial,
            });
        }
    }
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        if self.target == Target::Lead {
            self.state.log.leave();
        }
    }
}
