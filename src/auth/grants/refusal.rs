//! Why a token endpoint issued no token, in words that hold no secret.

use http::StatusCode;
use oauth2::basic::{BasicErrorResponse, BasicErrorResponseType};
use oauth2::{RequestTokenError, StandardErrorResponse};
use serde::de::IgnoredAny;

use super::{Request, TokenEndpoint, presented, tidy};
use crate::auth::answer::{Fault, Rotated, Unusable};
use crate::auth::http::Failure;
use crate::auth::settings::Server;

/// Why no token was issued. The texts hold no secret.
#[derive(Debug, Clone, thiserror::Error)]
pub(in crate::auth) enum Refusal {
    /// What was presented is not or no longer valid: refresh token, code, password.
    #[error("{0}")]
    Grant(String),
    /// Hydra: two requests with the same token at once; nothing was spent.
    #[error("{0}")]
    Conflict(String),
    /// The client is not who it says it is.
    #[error("{0}")]
    Client(String),
    /// The client may not have this grant or scope, or the server says no in its own words.
    #[error("{0}")]
    Denied(String),
    /// The configuration does not fit the server.
    #[error("{0}")]
    Configuration(String),
    /// The address is not the token endpoint's.
    #[error("{0}")]
    Address(String),
    /// The answer holds no token that can be used: what was presented may be spent, for a refresh token at best.
    #[error("{text}")]
    Unusable {
        /// What is wrong with it.
        text: String,
        /// The refresh token that came all the same.
        rotated: Option<Rotated>,
    },
    /// The answer is not a token endpoint's at all: the address is wrong, or something stands in its place.
    #[error("{text}")]
    Foreign {
        /// What was answered.
        text: String,
        /// What to look at, if the address has never issued a token.
        look_at: String,
    },
    /// The endpoint is away, and surely nothing was spent.
    #[error("{0}")]
    Away(Failure),
    /// What was presented may have been spent.
    #[error("{0}")]
    Lost(String),
}

/// One try that brought no token.
pub(super) enum Tried {
    Failed(Failure),
    Refused(Refusal),
}

impl Tried {
    pub(super) fn into_refusal(self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal,
            Self::Failed(failure @ (Failure::NotSent(_) | Failure::Busy { .. })) => Refusal::Away(failure),
            Self::Failed(Failure::Lost(text)) => Refusal::Lost(text),
            Self::Failed(failure @ Failure::Refused { .. }) => Refusal::Denied(failure.to_string()),
            Self::Failed(Failure::WrongAddress(text)) => {
                Refusal::Address(format!("{text}: the address of the token endpoint is wrong"))
            }
        }
    }
}

impl TokenEndpoint<'_> {
    fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    pub(super) fn unusable(&self, unusable: Unusable) -> Refusal {
        let host = self.host();
        let text = match unusable.why {
            Fault::NoToken => {
                let text = format!("{host} answered with JSON that holds no access_token");
                let look_at =
                    format!("{}, and whether it takes what `request` says (form or json)", self.address_key());
                if unusable.rotated.is_none() {
                    return Refusal::Foreign { text, look_at };
                }
                format!("{text}: look at {look_at}")
            }
            Fault::Scheme => format!("{host} issued a token that is no bearer token"),
            Fault::Token(why) => format!("{host} issued a token that cannot be sent: {why}"),
            Fault::Ended => {
                format!("{host} issued a token that had already ended: compare its clock with this machine's")
            }
        };
        Refusal::Unusable { text, rotated: unusable.rotated }
    }

    pub(super) fn explain(
        &self,
        request: &Request<'_>,
        error: RequestTokenError<Failure, BasicErrorResponse>,
    ) -> Tried {
        match error {
            // A service of its own mind about error bodies speaks of what was presented.
            RequestTokenError::Request(failure @ Failure::Refused { status: StatusCode::UNAUTHORIZED, .. })
                if matches!(request, Request::Password { .. }) =>
            {
                Tried::Refused(Refusal::Grant(failure.to_string()))
            }
            RequestTokenError::Request(failure) => Tried::Failed(failure),
            RequestTokenError::ServerResponse(answer) => Tried::Refused(self.classify(request, &answer)),
            // What is no 2xx has an error body by now.
            RequestTokenError::Parse(_, body) => Tried::Refused(self.no_answer(&body)),
            RequestTokenError::Other(_) => Tried::Refused(self.no_answer(&[])),
        }
    }

    /// A 2xx that is no object. Asking again brings the same. Of the body only the kind is told: it may hold anything.
    fn no_answer(&self, body: &[u8]) -> Refusal {
        let what = match body.trim_ascii() {
            [] => "nothing",
            [b'<', ..] => "an HTML page",
            body if serde_json::from_slice::<IgnoredAny>(body).is_ok() => "JSON that is no object",
            _ => "something that is not JSON",
        };
        let text = format!("{} answered with {what} instead of a token", self.host());
        Refusal::Foreign { text, look_at: self.address_key().to_owned() }
    }

    /// The configuration's key that the endpoint's address comes from.
    fn address_key(&self) -> &'static str {
        match self.settings.server {
            Server::Issuer(_) => "issuer",
            Server::TokenUrl(_) => "token_url",
        }
    }

    /// RFC 6749 section 5.2, and what Hydra and Keycloak add.
    fn classify(&self, request: &Request<'_>, answer: &BasicErrorResponse) -> Refusal {
        use BasicErrorResponseType as Kind;
        let text = self.describe(request, answer);
        match answer.error() {
            Kind::InvalidGrant => Refusal::Grant(text),
            Kind::InvalidRequest if matches!(request, Request::Refresh(_)) => Refusal::Conflict(text),
            Kind::InvalidRequest | Kind::UnsupportedGrantType => Refusal::Configuration(text),
            Kind::InvalidClient if presented::is_encoded(self.settings) => Refusal::Client(format!(
                "{text} to a form-encoded Basic header, which it may not decode (client_auth = \"basic_plain\" sends it plain)"
            )),
            Kind::InvalidClient => Refusal::Client(text),
            Kind::UnauthorizedClient | Kind::InvalidScope => Refusal::Denied(text),
            Kind::Extension(name) => match name.as_str() {
                "token_inactive" => Refusal::Grant(text),
                "temporarily_unavailable" => Refusal::Away(Failure::Busy { text, until: None }),
                "server_error" => Refusal::Lost(text),
                _ => Refusal::Denied(text),
            },
        }
    }

    /// The server's words, without any secret that it may repeat.
    fn describe(&self, request: &Request<'_>, answer: &StandardErrorResponse<BasicErrorResponseType>) -> String {
        let description = answer.error_description().map(|text| format!(" ({text})")).unwrap_or_default();
        let text = format!("{} answered {}{description}", self.host(), answer.error().as_ref());
        tidy(&text, &self.secrets(request))
    }
}
