//! A user's name and password that the server refused. They are not presented again, by no later run either, until the
//! configuration changes: services lock an account after some wrong tries (Keycloak's brute force detection).

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::session::Token;
use super::settings::{Grant, OAuth};
use crate::domain::time::Timestamp;

/// Unlike a token, a password can be guessed, so that its trace in the file has to be expensive to try: the OWASP password
/// storage recommendation for PBKDF2-HMAC-SHA256. Costs some tenths of a second, and only where a login was refused.
const ROUNDS: NonZeroU32 = NonZeroU32::new(600_000).unwrap();

/// When a login was refused, and the trace of what was presented.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RefusedLogin {
    /// Milliseconds since 1970, this machine's clock.
    at: i64,
    salt: String,
    trace: Token,
}

impl RefusedLogin {
    /// Remembers what `settings` present; `None` for a grant without a password, or without randomness.
    pub(super) fn of(settings: &OAuth, at: Timestamp) -> Option<Self> {
        let mut salt = [0; 16];
        rand::fill(&mut salt).ok()?;
        let trace = trace(settings, &salt)?;
        Some(Self { at: at.0, salt: STANDARD.encode(salt), trace })
    }

    /// When, if it was the login that `settings` would present again.
    pub(super) fn at(&self, settings: &OAuth) -> Option<Timestamp> {
        let salt = STANDARD.decode(&self.salt).ok()?;
        (trace(settings, &salt)? == self.trace).then_some(Timestamp(self.at))
    }
}

fn trace(settings: &OAuth, salt: &[u8]) -> Option<Token> {
    let Grant::Password { username, password } = &settings.grant else { return None };
    let secret = settings.client_secret.as_ref().map_or("", SecretString::expose_secret);
    // As JSON, so that no two logins have the same bytes.
    let login = serde_json::json!([username.expose_secret(), password.expose_secret(), secret]).to_string();
    let mut trace = [0; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, salt, login.as_bytes(), &mut trace);
    Some(Token::new(STANDARD.encode(trace)))
}
