//! Hydra's token endpoint, revocation and userinfo.

use std::collections::HashMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

use super::tokens::{BearerState, Invalid, Lifetimes, Pair, Service};
use super::{Provider, params};
use crate::clock;

/// `POST /oauth2/token`: form, client authentication by Basic.
pub(super) async fn token(State(provider): State<Provider>, headers: HeaderMap, body: Bytes) -> Response {
    let form = params(&body);
    let own = provider.clone();
    provider
        .faulty(async move || {
            if let Some(refusal) = refuse_client(&own, &headers) {
                return refusal;
            }
            match form.get("grant_type").map(String::as_str) {
                Some("authorization_code") => exchange(&own, &form),
                Some("refresh_token") => refresh(&own, &form),
                _ => error(
                    400,
                    "unsupported_grant_type",
                    "The authorization grant type is not supported by the authorization server.",
                ),
            }
        })
        .await
}

fn exchange(provider: &Provider, form: &HashMap<String, String>) -> Response {
    let get = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let now = clock::now();
    let mut flows = provider.flows();
    let Some(code) = flows.codes.get_mut(get("code")) else {
        return invalid_grant("The authorization code is malformed or not valid.");
    };
    if let Some(family) = code.family {
        provider.tokens().revoke_family(family);
        return invalid_grant("The authorization code has already been used.");
    }
    if now >= code.ends {
        return invalid_grant("The authorization code expired.");
    }
    if get("redirect_uri") != code.flow.redirect_url {
        return invalid_grant("The redirect_uri does not match.");
    }
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, get("code_verifier").as_bytes());
    if URL_SAFE_NO_PAD.encode(digest) != code.flow.code_challenge {
        return invalid_grant("The PKCE code challenge did not match the code verifier.");
    }
    let scopes = code.flow.scopes.clone();
    let with_refresh = scopes.iter().any(|scope| scope == "offline" || scope == "offline_access");
    let mut tokens = provider.tokens();
    tokens.count(|counters| counters.logins += 1);
    let pair = tokens.begin(Service::WeGroup, scopes, with_refresh, provider.lifetimes());
    code.family = Some(pair.family);
    let settings = provider.settings();
    let claims = json!({
        "iss": settings.issuer, "aud": [settings.client_id], "sub": settings.username,
        "nonce": code.flow.nonce, "iat": now.0 / 1000, "exp": now.0 / 1000 + 3600,
    });
    let id_token = provider.0.key.sign(&claims);
    answer(provider, &pair, id_token.as_deref())
}

fn refresh(provider: &Provider, form: &HashMap<String, String>) -> Response {
    let token = form.get("refresh_token").map(String::as_str).unwrap_or_default();
    let rotated = provider.tokens().rotate(token, provider.lifetimes(), clock::now());
    match rotated {
        Ok(pair) => answer(provider, &pair, None),
        Err(Invalid::Reused) => invalid_grant("The refresh token was already used."),
        Err(Invalid::Expired) => invalid_grant("The refresh token expired."),
        Err(Invalid::Unknown) => invalid_grant("The refresh token is malformed or not valid."),
    }
}

fn answer(provider: &Provider, pair: &Pair, id_token: Option<&str>) -> Response {
    let mut body = json!({
        "access_token": pair.access,
        "expires_in": provider.settings().access_lifetime.as_secs(),
        "scope": pair.scopes.join(" "),
        "token_type": "bearer",
    });
    if let Some(token) = &pair.refresh {
        body["refresh_token"] = json!(token);
    }
    if let Some(token) = id_token {
        body["id_token"] = json!(token);
    }
    Json(body).into_response()
}

/// `POST /oauth2/revoke` (RFC 7009): ends the whole session, and says yes to unknown tokens.
pub(super) async fn revoke(State(provider): State<Provider>, headers: HeaderMap, body: Bytes) -> Response {
    if let Some(refusal) = refuse_client(&provider, &headers) {
        return refusal;
    }
    let form = params(&body);
    let mut tokens = provider.tokens();
    tokens.count(|counters| counters.revocations += 1);
    if let Some(family) = form.get("token").and_then(|token| tokens.family_of(token)) {
        tokens.revoke_family(family);
    }
    StatusCode::OK.into_response()
}

/// `GET /userinfo`: needs the scope `openid`.
pub(super) async fn userinfo(State(provider): State<Provider>, headers: HeaderMap) -> Response {
    let token = authorization(&headers, "bearer").unwrap_or_default();
    let settings = provider.settings();
    match provider.check_bearer(&token) {
        BearerState::Valid { scopes, .. } if scopes.iter().any(|scope| scope == "openid") => Json(json!({
            "sub": settings.username, "uid": "u-1", "bid": "b-1",
            "did": settings.distribution_id, "email": settings.username,
            "username": settings.username, "language": "nl", "country": "BE",
            "locale": "nl-BE", "role": "broker", "last_login": "2024-01-01T00:00:00Z",
        }))
        .into_response(),
        BearerState::Valid { .. } => error(403, "insufficient_scope", "The scope openid is missing."),
        BearerState::Expired | BearerState::Unknown => {
            error(401, "request_unauthorized", "The request could not be authorized.")
        }
    }
}

fn refuse_client(provider: &Provider, headers: &HeaderMap) -> Option<Response> {
    let Some((id, secret)) = basic(headers) else {
        return Some(error(
            401,
            "invalid_client",
            "Client authentication failed. The OAuth 2.0 Client supports client authentication method 'client_secret_basic', but method 'client_secret_post' was requested.",
        ));
    };
    let settings = provider.settings();
    let known = id == settings.client_id && secret == settings.client_secret;
    (!known).then(|| error(401, "invalid_client", "Client authentication failed."))
}

/// Id and secret of a Basic header, decoded as RFC 6749 section 2.3.1 has it.
pub(super) fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let decoded = STANDARD.decode(authorization(headers, "basic")?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decode = |text: &str| {
        let pair = params(format!("x={text}").as_bytes());
        pair.get("x").cloned()
    };
    Some((decode(id)?, decode(secret)?))
}

fn authorization(headers: &HeaderMap, scheme: &str) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (word, rest) = value.split_once(' ')?;
    word.eq_ignore_ascii_case(scheme).then(|| rest.to_owned())
}

fn invalid_grant(hint: &str) -> Response {
    error(400, "invalid_grant", &format!("The provided authorization grant or refresh token is invalid. {hint}"))
}

pub(super) fn error(status: u16, error: &str, description: &str) -> Response {
    (
        StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST),
        Json(json!({"error": error, "error_description": description})),
    )
        .into_response()
}

impl Provider {
    pub(super) fn lifetimes(&self) -> Lifetimes {
        let settings = self.settings();
        Lifetimes {
            access: settings.access_lifetime,
            refresh: settings.refresh_lifetime,
            grace: settings.rotation_grace,
        }
    }
}
