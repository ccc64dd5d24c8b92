//! The token endpoints of the three other services, as they document them.

use std::collections::HashMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::token::{basic, error};
use super::tokens::{Invalid, Pair, Service};
use super::{Provider, Settings, params};
use crate::clock;

/// `WeSeeDo`: a JSON request with client credentials or a password; the end is absolute; no refresh token.
pub(super) async fn weseedo(State(provider): State<Provider>, body: Bytes) -> Response {
    let own = provider.clone();
    provider
        .faulty(async move || {
            let Ok(request) = serde_json::from_slice::<HashMap<String, String>>(&body) else {
                return error(400, "invalid_request", "The body has to be a JSON object.");
            };
            let settings = own.settings();
            if !is(&request, "client_id", &settings.client_id)
                || !is(&request, "client_secret", &settings.client_secret)
            {
                return error(401, "invalid_client", "Client authentication failed");
            }
            match request.get("grant_type").map(String::as_str) {
                Some("client_credentials") => {}
                Some("password") if own.is_user(&request) => {}
                Some("password") => return error(400, "invalid_grant", "The user credentials were incorrect."),
                _ => return error(400, "unsupported_grant_type", "The grant type is not supported."),
            }
            let ends = clock::now() + settings.access_lifetime;
            let pair = own.tokens().begin(Service::Other, Vec::new(), false, own.lifetimes());
            Json(json!({"access_token": pair.access, "expires": ends.to_string(), "token_type": "Bearer"}))
                .into_response()
        })
        .await
}

/// We360: Keycloak with a public client. Each refresh gives a new pair.
pub(super) async fn we360(State(provider): State<Provider>, body: Bytes) -> Response {
    let own = provider.clone();
    provider
        .faulty(async move || {
            let form = params(&body);
            if !is(&form, "client_id", &own.settings().client_id) {
                return error(401, "invalid_client", "Invalid client or Invalid client credentials");
            }
            let now = clock::now();
            let mut tokens = own.tokens();
            let pair = match form.get("grant_type").map(String::as_str) {
                Some("password") if own.is_user(&form) => {
                    tokens.count(|counters| counters.logins += 1);
                    Ok(tokens.begin(Service::Other, vec!["profile".into()], true, own.lifetimes()))
                }
                Some("password") => {
                    return error(401, "invalid_grant", "Invalid user credentials");
                }
                Some("refresh_token") => {
                    let token = form.get("refresh_token").map(String::as_str);
                    tokens.rotate(token.unwrap_or_default(), own.lifetimes(), now)
                }
                _ => return error(400, "unsupported_grant_type", "Unsupported grant_type"),
            };
            match pair {
                Ok(pair) => keycloak(&pair, own.settings()),
                Err(Invalid::Reused) => error(400, "invalid_grant", "Maximum allowed refresh token reuse exceeded"),
                Err(Invalid::Expired) => error(400, "invalid_grant", "Token is not active"),
                Err(Invalid::Unknown) => error(400, "invalid_grant", "Session not active"),
            }
        })
        .await
}

/// A pair in Keycloak's words.
fn keycloak(pair: &Pair, settings: &Settings) -> Response {
    Json(json!({
        "access_token": pair.access,
        "expires_in": settings.access_lifetime.as_secs(),
        "refresh_expires_in": settings.refresh_lifetime.map_or(0, |lifetime| lifetime.as_secs()),
        "refresh_token": pair.refresh,
        "token_type": "Bearer",
        "not-before-policy": 0,
        "session_state": format!("session-{}", pair.family),
        "scope": pair.scopes.join(" "),
    }))
    .into_response()
}

/// The credit API: Basic, a form, scopes.
pub(super) async fn credit(State(provider): State<Provider>, headers: HeaderMap, body: Bytes) -> Response {
    let own = provider.clone();
    provider
        .faulty(async move || {
            let settings = own.settings();
            let known = (settings.client_id.clone(), settings.client_secret.clone());
            if basic(&headers) != Some(known) {
                return error(401, "invalid_client", "Bad credentials");
            }
            let form = params(&body);
            if !is(&form, "grant_type", "client_credentials") {
                return error(400, "unsupported_grant_type", "Unsupported grant type");
            }
            let scopes: Vec<String> =
                form.get("scope").map(|scopes| scopes.split(' ').map(str::to_owned).collect()).unwrap_or_default();
            let pair = own.tokens().begin(Service::Other, scopes, false, own.lifetimes());
            Json(json!({
                "access_token": pair.access,
                "scope": pair.scopes.join(" "),
                "token_type": "Bearer",
                "expires_in": settings.access_lifetime.as_secs(),
            }))
            .into_response()
        })
        .await
}

fn is(request: &HashMap<String, String>, name: &str, expected: &str) -> bool {
    request.get(name).is_some_and(|value| value == expected)
}

impl Provider {
    fn is_user(&self, request: &HashMap<String, String>) -> bool {
        is(request, "username", &self.settings().username) && is(request, "password", &self.settings().password)
    }
}
