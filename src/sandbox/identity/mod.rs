//! A local identity provider with the manners of Ory Hydra, and the three other token endpoints.
//!
//! | path | what |
//! |---|---|
//! | `/.well-known/openid-configuration`, `/.well-known/jwks.json` | discovery, signing key |
//! | `/oauth2/auth`, `/login`, `/consent` | login and consent challenges; the pages are forms that a script can post |
//! | `/oauth2/token`, `/oauth2/revoke`, `/userinfo` | code and refresh grants with rotation, RFC 7009, claims |
//! | `/weseedo/token` | JSON request, absolute end |
//! | `/we360/token` | Keycloak: password, then rotating refresh tokens |
//! | `/credit/token` | Basic, form, scopes |
//! | `/control/identity` | GET: counters · POST: faults of the next token requests |

mod authorize;
mod fault;
mod keys;
mod services;
mod token;
mod tokens;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;

use super::{Access, BearerCheck};

pub use fault::Fault;
pub use tokens::{BearerState, Counters, Service};

/// Who may log in, and how long things live.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Address of the router, without a slash at the end, e.g. `http://127.0.0.1:8400`.
    pub issuer: String,
    /// The only client of all four services.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Where the browser may be sent back to. A loopback address may have any port (RFC 8252 section 7.3).
    pub redirect_url: String,
    /// The only user of all four services.
    pub username: String,
    /// The user's password.
    pub password: String,
    /// `did` of userinfo.
    pub distribution_id: String,
    /// How long an access token lives.
    pub access_lifetime: Duration,
    /// How long a refresh token lives; `None`: for ever.
    pub refresh_lifetime: Option<Duration>,
    /// How long an authorization code lives.
    pub code_lifetime: Duration,
    /// A spent refresh token is accepted for this long after its first use (Hydra: `rotation_grace_period`).
    pub rotation_grace: Duration,
}

impl Settings {
    /// The sandbox's client and user at `issuer`, with the lifetimes of WeGroup's staging.
    pub fn new(issuer: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            client_id: "sandbox-client".into(),
            client_secret: "sandbox-client-secret".into(),
            redirect_url: "http://127.0.0.1:8400/callback".into(),
            username: "broker@example.com".into(),
            password: "sandbox-password".into(),
            distribution_id: "42f9b29d-a302-44dd-a984-515faacf2acd".into(),
            access_lifetime: Duration::from_hours(2),
            refresh_lifetime: Some(Duration::from_hours(8)),
            code_lifetime: Duration::from_mins(10),
            rotation_grace: Duration::ZERO,
        }
    }
}

/// The provider with its state. Clones share it.
#[derive(Clone)]
pub struct Provider(Arc<Inner>);

struct Inner {
    settings: Settings,
    key: keys::SigningKey,
    tokens: Mutex<tokens::Tokens>,
    flows: Mutex<authorize::Flows>,
    faults: Mutex<fault::Faults>,
}

/// The signing key could not be made.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the sandbox could not make a signing key")]
pub struct KeyError;

impl Provider {
    /// A provider that has issued nothing yet.
    pub fn new(settings: Settings) -> Result<Self, KeyError> {
        Ok(Self(Arc::new(Inner {
            key: keys::SigningKey::generate().ok_or(KeyError)?,
            settings,
            tokens: Mutex::default(),
            flows: Mutex::default(),
            faults: Mutex::default(),
        })))
    }

    /// All endpoints.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/.well-known/jwks.json", get(jwks))
            .route("/oauth2/auth", get(authorize::auth))
            .route("/login", get(authorize::login_page).post(authorize::login))
            .route("/consent", get(authorize::consent_page).post(authorize::consent))
            .route("/oauth2/token", post(token::token))
            .route("/oauth2/revoke", post(token::revoke))
            .route("/userinfo", get(token::userinfo))
            .route("/weseedo/token", post(services::weseedo))
            .route("/we360/token", post(services::we360))
            .route("/credit/token", post(services::credit))
            .route("/control/identity", get(counters).post(fault::plan))
            .with_state(self.clone())
    }

    /// What the API has to know of the token in `Authorization: bearer TOKEN`.
    pub fn check_bearer(&self, token: &str) -> BearerState {
        self.tokens().check(token, crate::clock::now())
    }

    /// What the lead endpoint asks: a login's token needs the scope `leads:write`, or `api`, which allows everything.
    pub fn bearer_check(&self) -> BearerCheck {
        let provider = self.clone();
        Arc::new(move |token| match provider.check_bearer(token) {
            BearerState::Valid { service: Service::Other, .. } => Access::Granted,
            BearerState::Valid { scopes, .. }
                if scopes.iter().any(|scope| scope == "leads:write" || scope == "api") =>
            {
                Access::Granted
            }
            BearerState::Valid { .. } => Access::Forbidden,
            BearerState::Expired | BearerState::Unknown => Access::Unknown,
        })
    }

    /// What happened so far.
    pub fn counters(&self) -> Counters {
        self.tokens().counters()
    }

    /// The next token requests fail like this, one each.
    pub fn plan_faults(&self, faults: impl IntoIterator<Item = Fault>) {
        self.faults().extend(faults);
    }

    /// Faults that no request has met yet are no longer planned.
    pub fn forget_faults(&self) {
        self.faults().clear();
    }

    /// Ends every access token now, as an administrator could: the API answers 401 although their time is not over.
    pub fn revoke_access_tokens(&self) {
        self.tokens().revoke_access_tokens();
    }

    fn settings(&self) -> &Settings {
        &self.0.settings
    }

    fn tokens(&self) -> MutexGuard<'_, tokens::Tokens> {
        self.0.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flows(&self) -> MutexGuard<'_, authorize::Flows> {
        self.0.flows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn faults(&self) -> MutexGuard<'_, fault::Faults> {
        self.0.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn discovery(State(provider): State<Provider>) -> Json<serde_json::Value> {
    let issuer = &provider.settings().issuer;
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/oauth2/auth"),
        "token_endpoint": format!("{issuer}/oauth2/token"),
        "revocation_endpoint": format!("{issuer}/oauth2/revoke"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn jwks(State(provider): State<Provider>) -> Json<serde_json::Value> {
    Json(provider.0.key.jwks())
}

async fn counters(State(provider): State<Provider>) -> Json<Counters> {
    Json(provider.counters())
}

/// The parameters of a query or form; of a repeated one the last counts.
fn params(text: &[u8]) -> std::collections::HashMap<String, String> {
    form_urlencoded::parse(text).into_owned().collect()
}

/// 128 random bits behind a prefix, as Hydra marks its tokens.
fn random(prefix: &str) -> String {
    use std::fmt::Write as _;
    let mut bytes = [0; 16];
    // Without entropy the sandbox repeats itself, which its client would notice at once.
    let _ = getrandom::fill(&mut bytes);
    bytes.iter().fold(prefix.to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
