//! What a person can ask about a session: who it is, whether it can be kept, and its end.

use super::binding::Binding;
use super::context::Context;
use super::discovery::{self, Userinfo};
use super::grants;
use super::login::Flow;
use super::oauth::{OAuthSource, Words};
use super::session::Fit;
use super::settings::{Grant, OAuth};
use super::store::Store;
use super::{Error, TokenSource as _};
use crate::domain::time::Timestamp;

/// A session as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// From userinfo; `None` if the provider offers none.
    pub user: Option<Userinfo>,
    /// What was granted.
    pub scopes: Vec<String>,
    /// When the access token ends.
    pub expires_at: Option<Timestamp>,
    /// When the refresh token ends, if the server says.
    pub refresh_expires_at: Option<Timestamp>,
    /// Whether the session can be renewed without a person.
    pub renewable: bool,
}

/// How a logout went. The file is gone in any case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoggedOut {
    /// There was no session.
    NoSession,
    /// Revoked at the provider.
    Revoked,
    /// Only deleted here: the provider offers no revocation, or could not be reached.
    NotRevoked(String),
}

/// Who a login's session belongs to. Renews it first if it is about to end.
pub async fn whoami(settings: &OAuth, context: &Context) -> Result<Account, Error> {
    let flow = Flow::new(settings, context)?;
    let source = OAuthSource::new(settings, context)?;
    let authorization = source.token().await?;
    let provider = discovery::discover(&flow.http, flow.issuer).await?;
    let stored = || {
        let session = flow.store.read()?;
        session.ok_or_else(|| Error::NeedsPerson(format!("run `{}`", context.login_command)))
    };
    let mut session = stored()?;
    let mut user = None;
    if let Some(url) = &provider.userinfo_endpoint {
        let mut told = discovery::userinfo(&flow.http, url, &session.access_token).await;
        if matches!(told, Err(Error::NeedsPerson(_))) {
            // As in a run: a refusal wins over the end that we know of.
            source.reject(authorization.generation).await?;
            session = stored()?;
            told = discovery::userinfo(&flow.http, url, &session.access_token).await;
        }
        user = Some(told?);
    }
    Ok(Account {
        user,
        expires_at: session.expires_at.map(Timestamp),
        refresh_expires_at: session.refresh_expires_at.map(Timestamp),
        renewable: session.refresh_token.is_some(),
        scopes: session.scopes,
    })
}

/// A session as it lies in its file, for a look that asks no server and changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// When the access token ends, if the server said.
    pub expires_at: Option<Timestamp>,
    /// When the refresh token ends, if the server said.
    pub refresh_expires_at: Option<Timestamp>,
    /// Whether it can be renewed without a person.
    pub renewable: bool,
}

/// The session that is kept for a connection; `None` if there is none to go on with and the next run begins one, or would if a person logged in.
/// An error, if no run gets any further until a person acts.
pub fn kept(settings: &OAuth, context: &Context) -> Result<Option<Kept>, Error> {
    let store = Store::new(settings, context)?;
    let Some(session) = store.read()? else {
        return Ok(None);
    };
    if let Some(error) = (Words { settings, context, store: &store }).stuck(&session) {
        return Err(error);
    }
    let goes_on = session.fit(settings, context) == Fit::Own && session.has_tokens();
    Ok(goes_on.then(|| Kept {
        expires_at: session.expires_at.map(Timestamp),
        refresh_expires_at: session.refresh_expires_at.map(Timestamp),
        renewable: session.refresh_token.is_some(),
    }))
}

/// Revokes the session where the provider offers it (RFC 7009) and deletes its file. A damaged file is left, and so is one of
/// another configuration: it may be somebody's only copy.
pub async fn logout(settings: &OAuth, context: &Context) -> Result<LoggedOut, Error> {
    let flow = Flow::new(settings, context)?;
    let lock = flow.store.lock().await?;
    let Some(session) = flow.store.read()? else {
        return Ok(LoggedOut::NoSession);
    };
    let moves = session.binding.moves(&Binding::of(settings, context));
    if !moves.is_empty() {
        return Err(Error::Configuration(format!(
            "{} is a session of another configuration ({}): log out with the configuration it was made with, or delete it",
            flow.store.path().display(),
            moves.join("; ")
        )));
    }
    // A session that is revoked but cannot be deleted would stand in the way of the next one.
    lock.probe()?;
    let revoked = match discovery::discover(&flow.http, flow.issuer).await {
        Err(error) => Err(error.to_string()),
        Ok(provider) => match &provider.revocation_endpoint {
            None => Err(format!("{} offers no revocation", provider.issuer)),
            Some(url) => {
                let token = session.refresh_token.as_ref();
                let token = token.unwrap_or(&session.access_token);
                grants::revoke(&flow.http, settings, url, token).await
            }
        },
    };
    lock.remove()?;
    Ok(match revoked {
        Ok(()) => LoggedOut::Revoked,
        Err(why) => LoggedOut::NotRevoked(why),
    })
}

/// Finds out whether the connection's session is there and can be kept, before the next run does: a store that is read-only,
/// full, damaged or mounted as a single file, a session of another configuration, credentials that are refused. Only when the
/// store has proved writable is a session that is about to end renewed. The distribution that the session belongs to, if it tells one.
pub async fn check(settings: &OAuth, context: &Context) -> Result<Option<String>, Error> {
    let source = OAuthSource::new(settings, context)?;
    let store = Store::new(settings, context)?;
    let words = Words { settings, context, store: &store };
    {
        let lock = store.lock().await?;
        lock.probe()?;
        let keeps_login = matches!(settings.grant, Grant::AuthorizationCode { .. });
        let stuck = match store.read()? {
            // Its access token may look good: by the clock it is, and the API has refused it.
            Some(session) => words.stuck(&session),
            None => keeps_login.then(|| words.no_session()),
        };
        stuck.map_or(Ok(()), Err)?;
    }
    source.token().await?;
    source.distribution_id().await
}
