//! The token source of a session: renews once for all requests and, through the store's lock, for all processes.

mod explain;
mod renewal;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ::http::header::AUTHORIZATION;
use tokio::sync::{Mutex, OnceCell, OwnedMutexGuard};

use super::binding::Binding;
use super::context::Context;
use super::discovery::{self, Provider};
use super::fixed;
use super::http::Http;
use super::session::Session;
use super::settings::{Grant, OAuth, Server};
use super::store::Store;
use super::{Authorization, BoxFuture, Error, TokenSource};
use crate::clock;
use crate::domain::time::Timestamp;
pub(super) use explain::Words;

/// After a renewal failed because the endpoint was away, nobody asks again for this long: the requests that waited for it
/// share its failure instead of each waiting for another time limit.
const HOLD_OFF: Duration = Duration::from_secs(30);

/// The metric that shows when a session's tokens end. Set here, where the session is known.
pub const TOKEN_EXPIRY: &str = "lead_sync_token_expiry_timestamp_seconds";

/// A connection's session.
pub(super) struct OAuthSource(Arc<Inner>);

struct Inner {
    settings: OAuth,
    context: Context,
    binding: Binding,
    http: Http,
    store: Store,
    provider: OnceCell<Provider>,
    /// A refresh token is being spent, or the one that came for it saved.
    spends: AtomicBool,
    /// No refresh token is spent any more: the run is about to end.
    closing: AtomicBool,
    /// Held during a renewal: that is what makes it one.
    state: Arc<Mutex<State>>,
}

/// Shows when a session's tokens end, as metrics. Nothing, if the server did not say.
fn show_end(connection: &str, session: &Session) {
    for (token, end) in [("access", session.expires_at), ("refresh", session.refresh_expires_at)] {
        if let Some(end) = end {
            let seconds = Timestamp(end).since(Timestamp(0)).as_secs_f64();
            metrics::gauge!(TOKEN_EXPIRY, "connection" => connection.to_owned(), "token" => token).set(seconds);
        }
    }
}

/// What this process knows of the session.
#[derive(Default)]
struct State {
    session: Option<Session>,
    /// Counts the access tokens that this process has seen; 0: none yet.
    generation: u64,
    /// The newest token was refused with 401.
    rejected: bool,
    failure: Option<Failure>,
}

/// Why the last renewal failed.
struct Failure {
    error: Error,
    at: Instant,
}

impl OAuthSource {
    pub(super) fn new(settings: &OAuth, context: &Context) -> Result<Self, Error> {
        settings.check()?;
        let server = reqwest::Url::parse(settings.server_name())
            .map_err(|_| Error::Configuration("the token endpoint has no address".into()))?;
        Ok(Self(Arc::new(Inner {
            binding: Binding::of(settings, context),
            http: Http::new(&server, context)?,
            store: Store::new(settings, context)?,
            settings: settings.clone(),
            context: context.clone(),
            provider: OnceCell::new(),
            spends: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            state: Arc::default(),
        })))
    }

    async fn token(&self) -> Result<Authorization, Error> {
        let state = self.0.lock_state().await;
        if state.has_good_token() {
            return state.authorization();
        }
        self.renew(state).await
    }

    async fn reject(&self, generation: u64) -> Result<bool, Error> {
        let mut state = self.0.lock_state().await;
        if state.generation != generation {
            // Renewed while the request was under way.
            return Ok(true);
        }
        state.rejected = true;
        self.renew(state).await.map(|_| true)
    }

    /// In a task of its own: a caller that is dropped while the answer is under way must not lose a rotated token.
    async fn renew(&self, mut state: OwnedMutexGuard<State>) -> Result<Authorization, Error> {
        if let Some(error) = state.recent_failure(&self.0.settings.grant) {
            return state.despite(error);
        }
        let inner = Arc::clone(&self.0);
        let task = tokio::spawn(async move { inner.renew(&mut state).await });
        task.await.unwrap_or_else(|_| Err(Error::Unavailable("the renewal was broken off".into())))
    }
}

impl Inner {
    fn words(&self) -> Words<'_> {
        Words { settings: &self.settings, context: &self.context, store: &self.store }
    }

    async fn lock_state(&self) -> OwnedMutexGuard<State> {
        Arc::clone(&self.state).lock_owned().await
    }

    async fn renew(&self, state: &mut State) -> Result<Authorization, Error> {
        let renewed = renewal::Renewal { inner: self, state }.run().await;
        match renewed.and_then(|session| self.words().with_every_scope(session)) {
            Ok(session) => {
                show_end(&self.context.connection, &session);
                state.adopt(session);
                state.authorization()
            }
            Err(error) => {
                state.failure = Some(Failure { error: error.clone(), at: clock::instant() });
                state.despite(error)
            }
        }
    }

    /// The provider's endpoints, read once per process.
    async fn provider(&self, issuer: &str) -> Result<&Provider, Error> {
        self.provider.get_or_try_init(|| discovery::discover(&self.http, issuer)).await
    }

    async fn token_url(&self) -> Result<reqwest::Url, Error> {
        match &self.settings.server {
            Server::TokenUrl(url) => Ok(url.clone()),
            Server::Issuer(issuer) => Ok(self.provider(issuer).await?.token_endpoint.clone()),
        }
    }
}

impl State {
    fn has_good_token(&self) -> bool {
        let good = |session: &Session| !session.is_due(clock::now());
        !self.rejected && self.session.as_ref().is_some_and(good)
    }

    fn has_living_token(&self) -> bool {
        let lives = |session: &Session| !session.has_ended(clock::now());
        !self.rejected && self.session.as_ref().is_some_and(lives)
    }

    /// The token that is at hand, if the endpoint is merely away: it is good for its last minute.
    fn despite(&self, error: Error) -> Result<Authorization, Error> {
        match error {
            Error::Unavailable(_) | Error::Unreachable(_) | Error::Paused { .. } if self.has_living_token() => {
                self.authorization()
            }
            error => Err(error),
        }
    }

    /// The last failure, while nobody is to ask again. Credentials known to be bad are not presented twice by a process (a
    /// service may lock the account); what a login mends, and an outage, is looked at again after a while.
    fn recent_failure(&mut self, grant: &Grant) -> Option<Error> {
        let failure = self.failure.as_ref()?;
        let held_off = failure.at.elapsed() >= HOLD_OFF;
        let is_over = match failure.error {
            Error::NeedsPerson(_) => matches!(grant, Grant::AuthorizationCode { .. }) && held_off,
            Error::Configuration(_) => false,
            Error::Paused { until, .. } => clock::now() >= until,
            Error::Unavailable(_) | Error::Unreachable(_) | Error::Store(_) => held_off,
        };
        if is_over {
            self.failure = None;
        }
        self.failure.as_ref().map(|failure| failure.error.clone())
    }

    fn adopt(&mut self, session: Session) {
        self.session = Some(session);
        self.generation += 1;
        self.rejected = false;
        self.failure = None;
    }

    fn authorization(&self) -> Result<Authorization, Error> {
        let session = self.session.as_ref().ok_or_else(|| Error::Unavailable("there is no session yet".into()))?;
        Ok(Authorization {
            header: Some((AUTHORIZATION, fixed::header(&session.scheme, session.access_token.secret())?)),
            generation: self.generation,
        })
    }
}

impl TokenSource for OAuthSource {
    fn token(&self) -> BoxFuture<'_, Result<Authorization, Error>> {
        Box::pin(self.token())
    }

    fn reject(&self, generation: u64) -> BoxFuture<'_, Result<bool, Error>> {
        Box::pin(self.reject(generation))
    }

    fn settled(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async {
            // In this order, as a renewal looks in the other: one of the two sees the other.
            self.0.closing.store(true, Ordering::SeqCst);
            let state = if self.0.spends.load(Ordering::SeqCst) {
                Some(self.0.lock_state().await)
            } else {
                Arc::clone(&self.0.state).try_lock_owned().ok()
            };
            match state.as_ref().and_then(|state| state.failure.as_ref()) {
                Some(Failure { error: error @ Error::Store(_), .. }) => Err(error.clone()),
                _ => Ok(()),
            }
        })
    }

    fn distribution_id(&self) -> BoxFuture<'_, Result<Option<String>, Error>> {
        Box::pin(async {
            if !matches!(self.0.settings.grant, Grant::AuthorizationCode { .. }) {
                return Ok(None);
            }
            let mut state = self.0.lock_state().await;
            let renewal = renewal::Renewal { inner: &self.0, state: &mut state };
            let mut session = renewal.kept()?;
            if session.is_none() {
                // Who has the lock finishes what a process was killed over: a session that was saved and not yet put in its place.
                let _lock = self.0.store.lock().await?;
                session = renewal.kept()?;
            }
            let session = session.ok_or_else(|| self.0.words().no_session())?;
            self.0.context.require_distribution(&self.0.settings, &session)?;
            Ok(session.distribution_id)
        })
    }
}
