//! One renewal: lock the file, read it again, ask for tokens, save them, and only then use them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backon::{ConstantBuilder, Retryable as _};
use reqwest::Url;
use secrecy::SecretString;

use super::explain::{failure, in_its_place};
use super::{Inner, State};
use crate::auth::Error;
use crate::auth::answer::{Issued, Rotated};
use crate::auth::grants::{Refusal, Request, TokenEndpoint};
use crate::auth::refused::RefusedLogin;
use crate::auth::session::{Fit, Session, Token, fingerprint};
use crate::auth::settings::Grant;
use crate::auth::store::Locked;
use crate::clock;

/// Hydra refuses the second of two simultaneous requests without spending anything: one more after the first is done.
const CONFLICT_PAUSE: Duration = Duration::from_secs(1);

/// A renewed session that cannot be saved is tried again so often, after so long: 5 s, within what a run that ends leaves for it. Whoever else
/// wants to renew waits meanwhile.
const SAVE_AGAIN: (usize, Duration) = (20, Duration::from_millis(250));

/// The work of one renewal.
pub(super) struct Renewal<'a> {
    pub(super) inner: &'a Inner,
    pub(super) state: &'a mut State,
}

/// A refresh token is being spent, as long as this lives.
struct Spends<'a>(&'a AtomicBool);

impl<'a> Spends<'a> {
    fn new(flag: &'a AtomicBool) -> Self {
        flag.store(true, Ordering::SeqCst);
        Self(flag)
    }
}

impl Drop for Spends<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

/// What came of a refresh token.
enum Refreshed {
    New(Box<Session>),
    /// The server refused it, in these words.
    Refused(String),
}

impl Renewal<'_> {
    /// A session that is good now: another process's, or a new one, saved.
    pub(super) async fn run(&mut self) -> Result<Session, Error> {
        let lock = self.inner.store.lock().await?;
        let stored = self.stored(&lock)?;
        if let Some(session) = stored.as_ref().filter(|session| self.is_usable(session)) {
            return Ok(session.clone());
        }
        let Some(old) = stored else {
            return self.start(&lock, None).await;
        };
        if self.state.session.is_none() && !old.has_ended(clock::now()) && self.has_every_scope(&old) {
            // Good for its last minute, should the endpoint be away.
            self.state.adopt(old.clone());
        }
        let Some(token) = self.refresh_token(&old).cloned() else {
            return self.restart(&lock, &old, None).await;
        };
        match self.refresh(&lock, &old, &token).await? {
            Refreshed::New(session) => Ok(*session),
            Refreshed::Refused(text) => self.restart(&lock, &old, Some(text)).await,
        }
    }

    /// As [`Renewal::kept`]. The session of an earlier release is marked as this configuration's.
    fn stored(&self, lock: &Locked<'_>) -> Result<Option<Session>, Error> {
        let Some(mut session) = self.kept()? else {
            return Ok(None);
        };
        if session.binding.origin.is_none() {
            session.binding = self.inner.binding.clone();
            if let Err(error) = lock.write(&session) {
                // The session is good all the same, and a store that takes nothing is found out before a renewal.
                tracing::debug!(%error, "whose session it is could not be noted");
            }
        }
        Ok(Some(session))
    }

    /// The stored session, if it is of this configuration.
    pub(super) fn kept(&self) -> Result<Option<Session>, Error> {
        let inner = self.inner;
        let Some(session) = inner.store.read()? else {
            return Ok(None);
        };
        match session.fit(&inner.settings, &inner.context) {
            Fit::Own => {}
            Fit::Replaced => {
                let connection = &inner.context.connection;
                tracing::info!(connection, "the stored session is of other credentials: another one begins");
                return Ok(None);
            }
            Fit::Foreign(changes) => return Err(inner.words().foreign(&changes)),
        }
        inner.context.check_distribution(session.distribution_id.as_deref())?;
        Ok(Some(session))
    }

    /// What is configured was granted.
    fn has_every_scope(&self, session: &Session) -> bool {
        self.inner.settings.not_granted_any_more(&session.scopes).is_empty()
    }

    /// Good for a while and for all that is configured, and not the very token that the API has just refused.
    fn is_usable(&self, stored: &Session) -> bool {
        let current = self.state.session.as_ref();
        let is_current = current.is_some_and(|own| own.access_token == stored.access_token);
        self.has_every_scope(stored) && !(stored.is_due(clock::now()) || is_current && self.state.rejected)
    }

    /// The refresh token to spend. By our clock it may have ended, or its session lacks a scope: where a password is at hand it
    /// is used at once; where a person would be needed the server is asked, because the clock may have been wrong.
    fn refresh_token<'s>(&self, old: &'s Session) -> Option<&'s Token> {
        let ended = old.refresh_token_has_ended(clock::now()) || !self.has_every_scope(old);
        old.refresh_token
            .as_ref()
            .filter(|_| !(self.inner.settings.grant.needs_nobody() && ended) && old.refused_at.is_none())
    }

    /// A session from nothing but the configuration.
    async fn start(&mut self, lock: &Locked<'_>, old: Option<&Session>) -> Result<Session, Error> {
        match &self.inner.settings.grant {
            Grant::ClientCredentials => self.log_in(lock, &Request::ClientCredentials, old).await,
            Grant::Password { username, password } => {
                self.log_in(lock, &Request::Password { username, password }, old).await
            }
            Grant::RefreshToken { refresh_token } => {
                let seed = self.inner.seed(refresh_token);
                let token = Token::from(refresh_token.clone());
                match self.refresh(lock, &seed, &token).await? {
                    Refreshed::New(session) => Ok(*session),
                    Refreshed::Refused(text) => Err(self.inner.words().ended(&seed, Some(&text))),
                }
            }
            Grant::AuthorizationCode { .. } => Err(self.inner.words().no_session()),
        }
    }

    /// What follows when the stored session cannot go on: another login where that needs nobody.
    async fn restart(&mut self, lock: &Locked<'_>, old: &Session, refusal: Option<String>) -> Result<Session, Error> {
        match &self.inner.settings.grant {
            Grant::ClientCredentials | Grant::Password { .. } => {
                let refused_at = old.refused_at.or(refusal.map(|_| clock::now().0));
                self.start(lock, Some(&Session { refused_at, ..old.clone() })).await
            }
            Grant::RefreshToken { .. } | Grant::AuthorizationCode { .. } => {
                Err(self.inner.words().ended(old, refusal.as_deref()))
            }
        }
    }

    /// Client credentials or a password; one that is known to be wrong is not presented again.
    async fn log_in(
        &mut self,
        lock: &Locked<'_>,
        request: &Request<'_>,
        old: Option<&Session>,
    ) -> Result<Session, Error> {
        let inner = self.inner;
        let refused = old.and_then(|old| old.refused_login.as_ref()).and_then(|login| login.at(&inner.settings));
        if let Some(at) = refused {
            return Err(inner.words().known_to_be_bad(at));
        }
        lock.probe()?;
        let endpoint = inner.token_url().await?;
        match inner.endpoint(&endpoint, old).ask(request).await {
            Ok(issued) => {
                let session = inner.session(issued, None);
                self.save(lock, session).await
            }
            Err(Refusal::Grant(text)) => {
                let kept = old.cloned().unwrap_or_else(|| Session::without_tokens(inner.binding.clone()));
                let refused_login = RefusedLogin::of(&inner.settings, clock::now());
                lock.write(&Session { refused_login, ..kept })?;
                Err(inner.words().bad_credentials(&text))
            }
            Err(Refusal::Client(text) | Refusal::Denied(text)) => Err(inner.words().bad_credentials(&text)),
            Err(Refusal::Foreign { text, .. }) if old.is_some_and(has_worked) => Err(in_its_place(&text)),
            Err(other) => Err(failure(other)),
        }
    }

    /// Spends the refresh token. That it is about to be sent is on disk before it leaves; this write also proves that the new
    /// session can be saved.
    async fn refresh(&mut self, lock: &Locked<'_>, old: &Session, token: &Token) -> Result<Refreshed, Error> {
        let endpoint = self.inner.token_url().await?;
        let _spends = Spends::new(&self.inner.spends);
        if self.inner.closing.load(Ordering::SeqCst) {
            return Err(Error::Unavailable("no session is renewed any more: the run ends".to_owned()));
        }
        let marked = Session { refresh_sent_at: old.refresh_sent_at.or(Some(clock::now().0)), ..old.clone() };
        lock.write(&marked)?;
        match self.spend(&endpoint, old, token).await {
            Ok(issued) => {
                let session = self.inner.session(issued, Some(old));
                let session = self.save(lock, session).await?;
                Ok(Refreshed::New(Box::new(session)))
            }
            Err(refusal) if self.inner.is_without_use(&refusal) => {
                // Without the mark of this request: it was answered. That of an earlier, lost one stays.
                lock.write(&Session { refused_at: Some(clock::now().0), ..old.clone() })?;
                Ok(Refreshed::Refused(refusal.to_string()))
            }
            Err(Refusal::Unusable { text, rotated: Some(rotated) }) => {
                self.keep(lock, old, rotated).await?;
                Err(Error::Configuration(text))
            }
            Err(refusal) => {
                if !matches!(refusal, Refusal::Lost(_) | Refusal::Unusable { .. } | Refusal::Foreign { .. }) {
                    // Surely not spent: no answer is owed.
                    lock.write(old)?;
                }
                Err(match refusal {
                    Refusal::Client(text) | Refusal::Denied(text) => self.inner.words().bad_credentials(&text),
                    Refusal::Foreign { text, .. } if has_worked(old) => in_its_place(&text),
                    Refusal::Lost(text) => Error::Unavailable(format!(
                        "{text}: whether it renewed the session is not known, the old refresh token is tried once more"
                    )),
                    other => failure(other),
                })
            }
        }
    }

    /// A refresh token that came beside an access token that cannot be used. The old one is spent for it: presented again, it would end the
    /// session.
    async fn keep(&self, lock: &Locked<'_>, old: &Session, rotated: Rotated) -> Result<(), Error> {
        let session = Session {
            refresh_token: Some(rotated.refresh_token),
            refresh_expires_at: rotated.expires_at.map(|end| end.0),
            refresh_sent_at: None,
            ..old.clone()
        };
        self.save(lock, session).await.map(drop)
    }

    async fn spend(&self, endpoint: &Url, old: &Session, token: &Token) -> Result<Issued, Refusal> {
        let endpoint = self.inner.endpoint(endpoint, Some(old));
        match endpoint.ask(&Request::Refresh(token)).await {
            Err(Refusal::Conflict(_)) => {
                tokio::time::sleep(CONFLICT_PAUSE).await;
                endpoint.ask(&Request::Refresh(token)).await
            }
            other => other,
        }
    }

    /// Nobody else has the new refresh token, and the old one is spent: a disk that is full for a moment must not end the session.
    async fn save(&self, lock: &Locked<'_>, session: Session) -> Result<Session, Error> {
        let (times, pause) = SAVE_AGAIN;
        let again = ConstantBuilder::default().with_max_times(times).with_delay(pause);
        let saved = (async || lock.write(&session)).retry(again).await;
        saved.map_err(|error| self.inner.words().unsaved(&error))?;
        Ok(session)
    }
}

/// The address has issued tokens: it is the right one.
fn has_worked(session: &Session) -> bool {
    !session.access_token.expose().is_empty()
}

impl Inner {
    fn endpoint<'a>(&'a self, url: &'a Url, previous: Option<&'a Session>) -> TokenEndpoint<'a> {
        TokenEndpoint { http: &self.http, settings: &self.settings, url, previous }
    }

    /// Whether a refusal is the last word on a refresh token. Where a login needs nobody, any answer is that shows no fault of
    /// the client or the address: a server that hands out refresh tokens and takes none would hold up every run.
    fn is_without_use(&self, refusal: &Refusal) -> bool {
        match refusal {
            Refusal::Grant(_) => true,
            Refusal::Conflict(_) | Refusal::Denied(_) | Refusal::Configuration(_) => self.settings.grant.needs_nobody(),
            _ => false,
        }
    }

    /// What was issued, and what goes on from the old session: the refresh token, if no new one came (RFC 6749 section 6).
    fn session(&self, issued: Issued, old: Option<&Session>) -> Session {
        let mut session = Session::new(self.binding.clone(), issued, &self.settings.scopes, old);
        if session.refresh_token.is_none() {
            session.refresh_token = old.and_then(|old| old.refresh_token.clone());
            session.refresh_expires_at = old.and_then(|old| old.refresh_expires_at);
        }
        session
    }

    /// The session that a configured refresh token begins: nothing but that token.
    fn seed(&self, refresh_token: &SecretString) -> Session {
        Session {
            refresh_token: Some(Token::from(refresh_token.clone())),
            scopes: self.settings.scopes.clone(),
            started_from: Some(fingerprint(refresh_token)),
            ..Session::without_tokens(self.binding.clone())
        }
    }
}
