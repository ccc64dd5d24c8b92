//! Token requests. The protocol is `oauth2`'s: parameters, client authentication, error bodies.
//!
//! `openidconnect`, which builds on it, is not used: it depends on the `rsa` crate, which has an unfixed timing leak
//! (RUSTSEC-2023-0071). The ID token is checked by `jsonwebtoken` on aws-lc-rs instead (`id_token.rs`).

mod presented;
mod refusal;
mod revoke;
mod wire;

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use oauth2::basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse};
use oauth2::{
    AuthType, AuthorizationCode, Client, ClientId, ClientSecret, PkceCodeVerifier, RedirectUrl, RefreshToken,
    ResourceOwnerPassword, ResourceOwnerUsername, Scope, StandardRevocableToken, TokenUrl,
};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::answer::{Answer, Issued};
use super::http::{Failure, Http};
use super::session::{Session, Token};
use super::settings::{ClientAuth, OAuth};
use crate::clock;
use crate::domain::reason::drives_display;
pub(super) use refusal::Refusal;
use refusal::Tried;
pub(super) use revoke::revoke;
use wire::Wire;

/// Tries of a request that may be repeated, the first included.
const TRIES: usize = 3;
/// Before the second try; doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// A person who logs in waits so long at most if the endpoint asks for it.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A description by the server is cut there.
const MAX_DESCRIPTION: usize = 300;

pub(super) type OAuthClient = Client<
    BasicErrorResponse,
    Answer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
>;

/// What a token is asked for with.
pub(super) enum Request<'a> {
    ClientCredentials,
    Password { username: &'a SecretString, password: &'a SecretString },
    Refresh(&'a Token),
    Code { code: &'a Token, verifier: &'a Token, redirect_url: &'a Url },
}

impl Request<'_> {
    /// Whether a second request does no harm if the first was processed. A refresh token or a code is spent by its use.
    fn is_repeatable(&self) -> bool {
        matches!(self, Self::ClientCredentials | Self::Password { .. })
    }
}

/// A token endpoint with its client.
pub(super) struct TokenEndpoint<'a> {
    pub(super) http: &'a Http,
    pub(super) settings: &'a OAuth,
    pub(super) url: &'a Url,
    /// The session that a new one is to follow: a server knows its tokens, and could repeat also those that are not sent.
    pub(super) previous: Option<&'a Session>,
}

impl TokenEndpoint<'_> {
    /// Asks for tokens. Repeated by backon after a failure that proves that nothing was processed, or, where a repetition is
    /// harmless, after any; as long as patience lasts.
    pub(super) async fn ask(&self, request: &Request<'_>) -> Result<Issued, Refusal> {
        let began = clock::instant();
        let backoff = ExponentialBuilder::default()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_max_times(TRIES - 1)
            .with_jitter();
        (|| self.ask_once(request))
            .retry(backoff)
            .when(|tried: &Tried| match tried {
                Tried::Failed(Failure::NotSent(_) | Failure::Busy { .. }) => true,
                Tried::Failed(Failure::Lost(_)) => request.is_repeatable(),
                Tried::Failed(Failure::WrongAddress(_) | Failure::Refused { .. }) | Tried::Refused(_) => false,
            })
            .adjust(|tried, pause| match (tried, request) {
                // A login has no other try: its code is spent or ends.
                (Tried::Failed(Failure::Busy { until: Some(until), .. }), Request::Code { .. }) => {
                    let asked = until.since(clock::now());
                    pause.filter(|_| asked <= LONGEST_PAUSE).map(|pause| pause.max(asked))
                }
                (_, Request::Code { .. }) => pause,
                // What the endpoint asks for is the connection's pause: whoever has that waits, or a later run.
                (Tried::Failed(Failure::Busy { until: Some(_), .. }), _) => None,
                _ => pause.filter(|pause| self.http.waits(began, *pause)),
            })
            .await
            .map_err(Tried::into_refusal)
    }

    async fn ask_once(&self, request: &Request<'_>) -> Result<Issued, Tried> {
        let wire = Wire::new(self.http, self.settings);
        let asked_at = clock::now();
        let client = client(self.settings).set_token_uri(TokenUrl::from_url(self.url.clone()));
        let scopes = self.settings.scopes.iter().cloned().map(Scope::new);
        let answer = match request {
            Request::ClientCredentials => {
                let request = client.exchange_client_credentials().add_scopes(scopes);
                request.request_async(&wire).await
            }
            Request::Password { username, password } => {
                let username = ResourceOwnerUsername::new(username.expose_secret().to_owned());
                let password = ResourceOwnerPassword::new(password.expose_secret().to_owned());
                let request = client.exchange_password(&username, &password).add_scopes(scopes);
                request.request_async(&wire).await
            }
            Request::Refresh(token) => {
                let token = RefreshToken::new(token.expose().to_owned());
                client.exchange_refresh_token(&token).request_async(&wire).await
            }
            Request::Code { code, verifier, redirect_url } => {
                client
                    .set_redirect_uri(RedirectUrl::from_url((*redirect_url).clone()))
                    .exchange_code(AuthorizationCode::new(code.expose().to_owned()))
                    .set_pkce_verifier(PkceCodeVerifier::new(verifier.expose().to_owned()))
                    .request_async(&wire)
                    .await
            }
        };
        let answer = answer.map_err(|error| self.explain(request, error))?;
        answer
            .issued(asked_at, wire.skew_ms(), self.settings.lifetime)
            .map_err(|unusable| Tried::Refused(self.unusable(unusable)))
    }
}

/// The client as the server knows it.
pub(super) fn client(settings: &OAuth) -> OAuthClient {
    let client =
        OAuthClient::new(ClientId::new(settings.client_id.clone())).set_auth_type(match settings.client_auth {
            ClientAuth::Basic | ClientAuth::BasicPlain => AuthType::BasicAuth,
            ClientAuth::Body => AuthType::RequestBody,
        });
    match &settings.client_secret {
        Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned())),
        None => client,
    }
}

/// One line of bounded length in which no secret is left.
pub(super) fn tidy(text: &str, secrets: &[SecretString]) -> String {
    let mut text: String = text.chars().map(|c| if drives_display(c) { ' ' } else { c }).collect();
    for secret in secrets {
        text = text.replace(secret.expose_secret(), "***");
    }
    text.chars().take(MAX_DESCRIPTION).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_repeats_a_secret_does_not_get_it_into_a_message() {
        let secrets = [SecretString::from("planted")];
        let text = tidy("bad\ntoken\u{202e}planted!", &secrets);
        assert_eq!(text, "bad token ***!");
        assert_eq!(tidy(&"x".repeat(400), &[]).len(), MAX_DESCRIPTION);
    }
}
