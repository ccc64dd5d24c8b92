//! One session with a service, as it is kept between runs.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::answer::Issued;
use super::binding::{self, Binding};
use super::context::Context;
use super::refused::RefusedLogin;
use super::settings::{Grant, OAuth};
use crate::domain::time::Timestamp;

/// A token is renewed when less than this is left, or a tenth of its life, if that is shorter: long enough for a request
/// that has just been given it to arrive. The credit API documents 60 s.
const MARGIN: Duration = Duration::from_mins(1);

/// A token or another secret that is stored: masked in `Debug`, plain in the file.
#[derive(Clone)]
pub(super) struct Token(SecretString);

impl Token {
    /// Takes the text.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The text itself, for a request or for the file.
    pub(super) fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// As a secret.
    pub(super) fn secret(&self) -> &SecretString {
        &self.0
    }
}

impl From<SecretString> for Token {
    fn from(secret: SecretString) -> Self {
        Self(secret)
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// Tokens with their absolute times (milliseconds since 1970, this machine's clock).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Session {
    /// Whom it belongs to.
    pub binding: Binding,
    /// Sent with each request.
    pub access_token: Token,
    /// The word before the token, spelled as the server did (`bearer`, `Bearer`).
    pub scheme: String,
    /// When the access token was received.
    pub obtained_at: i64,
    /// When the access token ends; `None`: the server did not say.
    pub expires_at: Option<i64>,
    /// Spent by its use where the server rotates.
    pub refresh_token: Option<Token>,
    /// When the refresh token ends; `None`: never, or the server did not say.
    pub refresh_expires_at: Option<i64>,
    /// What was granted.
    pub scopes: Vec<String>,
    /// WeGroup: the distribution that the session belongs to, from userinfo.
    pub distribution_id: Option<String>,
    /// A refresh was sent at this time and its answer has not been saved. Written before the refresh leaves.
    pub refresh_sent_at: Option<i64>,
    /// The server refused the refresh token at this time: it is not sent again.
    pub refused_at: Option<i64>,
    /// `grant = "refresh_token"`: fingerprint of the configured token that started the session, to notice a new one.
    pub started_from: Option<String>,
    /// `grant = "password"`: the login that the server refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_login: Option<RefusedLogin>,
}

/// What a stored session is to the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fit {
    /// Its own: it goes on.
    Own,
    /// The next run begins another one: nothing that a person gave is lost with it, or a person has given something new.
    Replaced,
    /// It is another configuration's, and only a person can begin another one: what changed, in words.
    Foreign(Vec<String>),
}

impl Session {
    /// What it is to the configuration.
    pub(super) fn fit(&self, settings: &OAuth, context: &Context) -> Fit {
        if let Grant::RefreshToken { refresh_token } = &settings.grant
            && self.started_from != Some(fingerprint(refresh_token))
        {
            // Whatever was changed with it: the new token is what the session is to start from.
            return Fit::Replaced;
        }
        let changes = self.binding.changes(&Binding::of(settings, context), &self.scopes);
        if changes.is_empty() {
            Fit::Own
        } else if settings.grant.needs_nobody() {
            Fit::Replaced
        } else {
            Fit::Foreign(changes)
        }
    }

    /// A session without tokens: the place to keep what has to be known before there are any.
    pub(super) fn without_tokens(binding: Binding) -> Self {
        Self {
            binding,
            access_token: Token::new(""),
            scheme: "Bearer".into(),
            obtained_at: 0,
            expires_at: Some(0),
            refresh_token: None,
            refresh_expires_at: None,
            scopes: Vec::new(),
            distribution_id: None,
            refresh_sent_at: None,
            refused_at: None,
            started_from: None,
            refused_login: None,
        }
    }

    /// Whether there is anything to go on with.
    pub(super) fn has_tokens(&self) -> bool {
        self.refresh_token.is_some() || !self.access_token.expose().is_empty()
    }

    /// What was issued. `old` is the session that it goes on from: its distribution and origin stay.
    pub(super) fn new(binding: Binding, issued: Issued, asked_scopes: &[String], old: Option<&Self>) -> Self {
        Self {
            binding,
            access_token: issued.access_token,
            scheme: issued.scheme,
            obtained_at: issued.obtained_at.0,
            expires_at: issued.expires_at.map(|end| end.0),
            refresh_token: issued.refresh_token,
            refresh_expires_at: issued.refresh_expires_at.map(|end| end.0),
            scopes: issued
                .scopes
                .or_else(|| old.map(|old| old.scopes.clone()))
                .unwrap_or_else(|| asked_scopes.to_vec()),
            distribution_id: old.and_then(|old| old.distribution_id.clone()),
            refresh_sent_at: None,
            refused_at: None,
            started_from: old.and_then(|old| old.started_from.clone()),
            refused_login: None,
        }
    }

    /// Whether the access token should be renewed before it is used.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| {
            let lifetime = Timestamp(end).since(Timestamp(self.obtained_at));
            now >= Timestamp(end) - MARGIN.min(lifetime / 10)
        })
    }

    /// Whether the access token has ended.
    pub(super) fn has_ended(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| now >= Timestamp(end))
    }

    /// Whether the refresh token has ended.
    pub(super) fn refresh_token_has_ended(&self, now: Timestamp) -> bool {
        self.refresh_expires_at.is_some_and(|end| now >= Timestamp(end))
    }
}

/// Tells one configured refresh token from another without keeping it. The tokens are random, so the fingerprint cannot be turned back.
pub(super) fn fingerprint(token: &SecretString) -> String {
    binding::fingerprint("lead-sync 2026 configured refresh token", token.expose_secret())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A session of an hour that began at the epoch, with planted tokens.
    pub(in crate::auth) fn session() -> Session {
        Session {
            binding: Binding {
                server: "https://sso.example.com".into(),
                client_id: "client".into(),
                api: "https://api.example.com".into(),
                origin: None,
            },
            access_token: Token::new("planted-access"),
            scheme: "bearer".into(),
            obtained_at: 0,
            expires_at: Some(3_600_000),
            refresh_token: Some(Token::new("planted-refresh")),
            refresh_expires_at: None,
            scopes: vec!["openid".into()],
            distribution_id: None,
            refresh_sent_at: None,
            refused_at: None,
            started_from: None,
            refused_login: None,
        }
    }

    #[test]
    fn a_token_is_renewed_a_minute_before_its_end() {
        let session = session();
        assert!(!session.is_due(Timestamp(3_539_999)));
        assert!(session.is_due(Timestamp(3_540_000)));
    }

    #[test]
    fn a_short_lived_token_is_renewed_in_the_last_tenth_of_its_life() {
        let session = Session { expires_at: Some(2_000), ..session() };
        assert!(!session.is_due(Timestamp(1_799)));
        assert!(session.is_due(Timestamp(1_800)));
    }

    #[test]
    fn a_token_without_a_known_end_is_left_to_the_server() {
        let session = Session { expires_at: None, ..session() };
        assert!(!session.is_due(Timestamp(i64::MAX)));
    }

    #[test]
    fn a_refresh_token_ends_when_the_server_said_and_else_never() {
        assert!(!session().refresh_token_has_ended(Timestamp(i64::MAX)));
        let ending = Session { refresh_expires_at: Some(10), ..session() };
        assert!(!ending.refresh_token_has_ended(Timestamp(9)));
        assert!(ending.refresh_token_has_ended(Timestamp(10)));
    }

    #[test]
    fn a_session_does_not_show_its_tokens() {
        assert!(!format!("{:?}", session()).contains("planted"));
    }
}
