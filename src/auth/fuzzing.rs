//! Doors to the private parsers of what servers and browsers send, for fuzz/ only.

use super::Error;
use super::answer::Answer;
use super::login::callback::{Expectation, code};
use crate::domain::time::Timestamp;

/// What was read of a token endpoint's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// The access token.
    pub access_token: String,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When the refresh token ends.
    pub refresh_expires_at: Option<Timestamp>,
    /// What `Debug` shows of all of it.
    pub shown: String,
}

/// Reads an answer; `None` if it is none that can be used.
pub fn token_answer(body: &[u8], asked_at: Timestamp, skew_ms: i64) -> Option<Tokens> {
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let issued = answer.issued(asked_at, skew_ms, None).ok()?;
    Some(Tokens {
        access_token: issued.access_token.expose().to_owned(),
        expires_at: issued.expires_at,
        refresh_expires_at: issued.refresh_expires_at,
        shown: format!("{issued:?}"),
    })
}

/// Reads the query of a redirect to us; the login's command is `login`.
pub fn callback(query: &str, state: &str, issuer: &str, iss_required: bool) -> Result<String, Error> {
    let expected = Expectation { state, issuer, iss_required, login: "login" };
    code(query, &expected).map(|token| token.expose().to_owned())
}
