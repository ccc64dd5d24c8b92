//! A person's login in a browser: authorization code with PKCE, `state` and `nonce` (RFC 6749 section 4.1, RFC 7636, RFC 8252,
//! OpenID Connect Core section 3.1). Prints nothing and opens nothing: the caller passes in how.

mod accept;
pub(super) mod callback;
mod listener;

use std::io;
use std::time::Duration;

use oauth2::{AuthUrl, CsrfToken, PkceCodeChallenge, RedirectUrl, Scope};
use reqwest::Url;

use super::answer::Issued;
use super::binding::Binding;
use super::context::Context;
use super::discovery::{self, Provider, Userinfo};
use super::grants::{self, Refusal, Request, TokenEndpoint};
use super::http::Http;
use super::session::{Session, Token};
use super::settings::{Grant, OAuth, Server, is_loopback};
use super::store::Store;
use super::{BoxFuture, Error};
use crate::domain::time::Timestamp;
use callback::Expectation;
use listener::{Answer, Listener};

/// How the browser's answer comes back.
pub enum Callback<'a> {
    /// A listener on the loopback redirect URL; `open` is given the address for the browser.
    Loopback {
        /// Opens the system's browser; may do nothing.
        open: &'a (dyn Fn(&Url) + Send + Sync),
    },
    /// A person pastes the address that the browser ended up at.
    Pasted {
        /// Reads one line.
        read: BoxFuture<'a, io::Result<String>>,
    },
}

/// How a login speaks with a person.
pub struct Dialogue<'a> {
    /// Shows the address to open.
    pub show: &'a (dyn Fn(&Url) + Send + Sync),
    /// How the answer comes back.
    pub callback: Callback<'a>,
    /// Until the answer has to be there.
    pub time_limit: Duration,
}

/// A session that has just been stored.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    /// Who logged in; `None` if the provider offers no userinfo.
    pub user: Option<Userinfo>,
    /// What was granted.
    pub scopes: Vec<String>,
    /// When the access token ends.
    pub expires_at: Option<Timestamp>,
    /// Whether the session can be renewed without a person.
    pub renewable: bool,
}

/// Logs in and stores the session. Nothing is stored unless all that was asked for was granted, and the store is tried before
/// the person is bothered.
pub async fn login(settings: &OAuth, context: &Context, dialogue: Dialogue<'_>) -> Result<LoggedIn, Error> {
    let flow = Flow::new(settings, context)?;
    context.can_be_told_distribution(settings)?;
    {
        let lock = flow.store.lock().await?;
        flow.store.read()?;
        lock.probe()?;
    }
    let provider = discovery::discover(&flow.http, flow.issuer).await?;
    let attempt = Attempt::new(&flow, &provider, &dialogue.callback).await?;
    let answer = attempt.answer(dialogue).await?;
    let ended = attempt.complete(answer.query()).await;
    answer.finish(ended.is_ok());
    if let Some(listener) = &attempt.listener {
        listener.close().await;
    }
    ended
}

/// The parts that do not change from one login to the next.
pub(super) struct Flow<'a> {
    settings: &'a OAuth,
    context: &'a Context,
    pub(super) issuer: &'a str,
    redirect_url: &'a Url,
    pub(super) http: Http,
    pub(super) store: Store,
}

impl<'a> Flow<'a> {
    pub(super) fn new(settings: &'a OAuth, context: &'a Context) -> Result<Self, Error> {
        settings.check()?;
        let (Grant::AuthorizationCode { redirect_url }, Server::Issuer(issuer)) = (&settings.grant, &settings.server)
        else {
            return Err(Error::Configuration(format!(
                "connection {} needs no login: its credentials are in the configuration",
                context.connection
            )));
        };
        let server = Url::parse(issuer).map_err(|_| Error::Configuration(format!("issuer {issuer} is no address")))?;
        Ok(Self {
            http: Http::new(&server, context)?,
            store: Store::new(settings, context)?,
            settings,
            context,
            issuer,
            redirect_url,
        })
    }
}

/// One login under way.
struct Attempt<'a> {
    flow: &'a Flow<'a>,
    provider: &'a Provider,
    listener: Option<Listener>,
    redirect_url: Url,
    address: Url,
    state: CsrfToken,
    nonce: CsrfToken,
    verifier: Token,
}

impl<'a> Attempt<'a> {
    async fn new(flow: &'a Flow<'a>, provider: &'a Provider, callback: &Callback<'_>) -> Result<Self, Error> {
        let mut redirect_url = flow.redirect_url.clone();
        // Both hold 128 random bits; Hydra wants at least eight characters.
        let (state, nonce) = (CsrfToken::new_random(), CsrfToken::new_random());
        let listener = match callback {
            Callback::Pasted { .. } => None,
            Callback::Loopback { .. } if is_loopback(&redirect_url) => {
                Some(Listener::bind(&mut redirect_url, state.clone()).await?)
            }
            Callback::Loopback { .. } => {
                return Err(Error::Configuration(format!(
                    "redirect_url is on {}, not on this machine: use --no-browser and paste the address that the browser ends up at",
                    redirect_url.host_str().unwrap_or_default()
                )));
            }
        };
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (address, _) = grants::client(flow.settings)
            .set_auth_uri(AuthUrl::from_url(provider.authorization_endpoint.clone()))
            .set_redirect_uri(RedirectUrl::from_url(redirect_url.clone()))
            .authorize_url(|| state.clone())
            .add_scopes(flow.settings.scopes.iter().cloned().map(Scope::new))
            .add_extra_param("nonce", nonce.secret())
            .set_pkce_challenge(challenge)
            .url();
        Ok(Self {
            flow,
            provider,
            listener,
            redirect_url,
            address,
            state,
            nonce,
            verifier: Token::new(verifier.secret()),
        })
    }

    /// Waits for what the browser brings back.
    async fn answer(&self, dialogue: Dialogue<'_>) -> Result<Answer, Error> {
        (dialogue.show)(&self.address);
        let answer = async {
            match (dialogue.callback, &self.listener) {
                (Callback::Loopback { open }, Some(listener)) => {
                    open(&self.address);
                    listener.answer().await
                }
                (Callback::Loopback { .. }, None) => Err(Error::Unavailable("nothing listens for the browser".into())),
                (Callback::Pasted { read }, _) => {
                    let line = read.await.map_err(|error| {
                        Error::NeedsPerson(format!("the pasted address could not be read: {error}"))
                    })?;
                    callback::pasted_query(&line, &self.redirect_url).map(Answer::without_page)
                }
            }
        };
        let in_time = tokio::time::timeout(dialogue.time_limit, answer).await;
        in_time.unwrap_or_else(|_| {
            let stray = match &self.listener {
                Some(listener) if listener.saw_stray() => {
                    " (a browser's answer came that belongs to another login, its state is not the one sent: use the newest address)"
                }
                _ => "",
            };
            Err(Error::NeedsPerson(format!(
                "nobody logged in within {} s{stray}: run `{}` again",
                dialogue.time_limit.as_secs(),
                self.flow.context.login_command
            )))
        })
    }

    /// From the answer's query to the stored session.
    async fn complete(&self, query: &str) -> Result<LoggedIn, Error> {
        let code = self.code(query)?;
        let issued = self.exchange(&code).await?;
        match self.accept(&issued).await {
            Ok(user) => self.save(issued, user).await,
            Err(error) => {
                self.give_back(&issued).await;
                Err(error)
            }
        }
    }

    fn code(&self, query: &str) -> Result<Token, Error> {
        let expectation = Expectation {
            state: self.state.secret(),
            issuer: &self.provider.issuer,
            iss_required: self.provider.authorization_response_iss_parameter_supported,
            login: &self.flow.context.login_command,
        };
        callback::code(query, &expectation)
    }

    async fn exchange(&self, code: &Token) -> Result<Issued, Error> {
        let url = &self.provider.token_endpoint;
        let endpoint = TokenEndpoint { http: &self.flow.http, settings: self.flow.settings, url, previous: None };
        let request = Request::Code { code, verifier: &self.verifier, redirect_url: &self.redirect_url };
        let again = format!("run `{}` again", self.flow.context.login_command);
        endpoint.ask(&request).await.map_err(|refusal| match refusal {
            Refusal::Grant(text) => Error::NeedsPerson(format!(
                "the code from the browser has expired or was used before ({text}): {again}"
            )),
            Refusal::Client(text) | Refusal::Denied(text) => {
                Error::NeedsPerson(format!("{text}: correct client_id, client_secret or client_auth"))
            }
            Refusal::Away(failure) => Error::Unavailable(format!("{failure}: {again} later")),
            Refusal::Lost(text) | Refusal::Foreign { text, .. } => Error::Unavailable(format!("{text}: {again}")),
            Refusal::Configuration(text)
            | Refusal::Address(text)
            | Refusal::Conflict(text)
            | Refusal::Unusable { text, .. } => Error::Configuration(text),
        })
    }

    async fn save(&self, issued: Issued, user: Option<Userinfo>) -> Result<LoggedIn, Error> {
        let flow = self.flow;
        let binding = Binding::of(flow.settings, flow.context);
        let mut session = Session::new(binding, issued, &flow.settings.scopes, None);
        session.distribution_id = user.as_ref().and_then(|user| user.did.clone());
        flow.store.lock().await?.write(&session)?;
        Ok(LoggedIn {
            user,
            expires_at: session.expires_at.map(Timestamp),
            renewable: session.refresh_token.is_some(),
            scopes: session.scopes,
        })
    }

    /// Tokens that are not stored are revoked, so that nothing is left lying about. Best effort: they end by themselves.
    async fn give_back(&self, issued: &Issued) {
        let token = issued.refresh_token.as_ref().unwrap_or(&issued.access_token);
        if let Some(url) = &self.provider.revocation_endpoint
            && let Err(why) = grants::revoke(&self.flow.http, self.flow.settings, url, token).await
        {
            tracing::debug!(why, "the tokens of the failed login could not be revoked");
        }
    }
}
