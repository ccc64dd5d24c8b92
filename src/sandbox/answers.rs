//! The bodies of the API's answers. WeGroup documents none of them; the errors follow those of its identity provider (Ory
//! Hydra) and of RFC 6750, the rest is what a JSON API usually says.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::json;

use super::validation::Complaint;

#[derive(Serialize)]
struct Created<'a> {
    id: &'a str,
    status: &'static str,
}

/// 201 with the id of the stored lead.
pub(super) fn created(number: u64) -> Response {
    let id = lead_id(number);
    let body = Created { id: &id, status: "created" };
    (StatusCode::CREATED, Json(body)).into_response()
}

/// The id of the `number`th stored lead: shaped like a UUID, and readable.
pub(super) fn lead_id(number: u64) -> String {
    format!("1ead0000-0000-4000-8000-{number:012x}")
}

/// An error of one sentence.
pub(super) fn error(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(json!({"error": code, "message": message}))).into_response()
}

/// 401, with the challenge that RFC 9110 (section 11.6.1) demands.
pub(super) fn unauthorized() -> Response {
    let body = json!({
        "error": "request_unauthorized",
        "error_description": "The request could not be authorized. Check that you provided valid credentials in the right format.",
    });
    let mut response = (StatusCode::UNAUTHORIZED, Json(body)).into_response();
    let challenge = HeaderValue::from_static(r#"apikey, Bearer error="invalid_token""#);
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

/// 403.
pub(super) fn forbidden(message: &str) -> Response {
    let body = json!({"error": "request_forbidden", "error_description": message});
    (StatusCode::FORBIDDEN, Json(body)).into_response()
}

/// 404.
pub(super) fn not_found(message: &str) -> Response {
    error(StatusCode::NOT_FOUND, "not_found", message)
}

/// 422 with every complaint; the message is the first.
pub(super) fn refused(complaints: &[Complaint]) -> Response {
    let first = complaints.first().map(|first| format!("{} {}", first.field, first.message)).unwrap_or_default();
    let body = json!({
        "error": "validation_failed",
        "message": first.trim_start(),
        "details": complaints,
    });
    (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
}
