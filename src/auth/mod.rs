//! Credentials for a connection: an API key or an OAuth session behind one trait.

mod account;
mod answer;
mod binding;
mod context;
mod discovery;
mod distribution;
mod fixed;
#[cfg(fuzzing)]
pub mod fuzzing;
mod grants;
mod http;
mod id_token;
mod login;
mod oauth;
mod refused;
mod seal;
mod session;
mod settings;
mod store;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use ::http::{HeaderName, HeaderValue};

use crate::domain::time::Timestamp;

pub use account::{Account, Kept, LoggedOut, check, kept, logout, whoami};
pub use context::{Context, Distribution};
pub use discovery::Userinfo;
pub use login::{Callback, Dialogue, LoggedIn, login};
pub use oauth::TOKEN_EXPIRY;
pub use settings::{BodyFormat, ClientAuth, Grant, OAuth, Server, Settings, is_loopback};

/// The source of the header that a connection's requests carry. Opens no connection and reads no file: the first
/// [`TokenSource::token`] does.
pub fn connect(settings: &Settings, context: &Context) -> Result<Arc<dyn TokenSource>, Error> {
    match settings {
        Settings::None => Ok(Arc::new(fixed::Fixed::none())),
        Settings::ApiKey { token, header, scheme } => Ok(Arc::new(fixed::Fixed::api_key(token, header, scheme)?)),
        Settings::OAuth(oauth) => Ok(Arc::new(oauth::OAuthSource::new(oauth, context)?)),
    }
}

/// The header by which a request proves who sends it, and which renewal it came from.
#[derive(Debug, Clone)]
pub struct Authorization {
    /// Its name, `Authorization` unless set, and its value, marked sensitive; `None` if the connection sends none.
    pub header: Option<(HeaderName, HeaderValue)>,
    /// Grows with every renewal: tells whether a 401 was for this token or for an earlier one.
    pub generation: u64,
}

/// Why there is no token. Cloned for all requests that waited for the same renewal.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A person has to act: log in again, correct the credential. The text says what to do.
    #[error("{0}")]
    NeedsPerson(String),
    /// The token endpoint is away; the next run tries again.
    #[error("{0}")]
    Unavailable(String),
    /// The token endpoint cannot be reached: no such host, no connection, no TLS; the next run tries again.
    #[error("{0}")]
    Unreachable(String),
    /// The token endpoint asks to be left alone for a while.
    #[error("{text}, and asks to wait until {until}")]
    Paused {
        /// What it answered.
        text: String,
        /// As it asked, a day at most.
        until: Timestamp,
    },
    /// The configuration cannot work (exit 2).
    #[error("{0}")]
    Configuration(String),
    /// A renewed session could not be saved, or the token store is damaged.
    #[error("{0}")]
    Store(String),
}

/// A boxed future, so that the trait can be a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where a connection's [`Authorization`] comes from. Implementations are shared by all requests of a connection and renew
/// once for all of them.
pub trait TokenSource: Send + std::marker::Sync {
    /// The credential to use now, renewed first if it is about to end.
    fn token(&self) -> BoxFuture<'_, Result<Authorization, Error>>;

    /// The API answered 401 to a request that carried `generation`. `Ok(true)`: there is or will be a newer credential, replay
    /// the request. `Ok(false)`: there is nothing newer to be had (an API key), a person has to act.
    fn reject(&self, generation: u64) -> BoxFuture<'_, Result<bool, Error>>;

    /// Lets no other refresh token be spent, and waits until none is: if the answer is lost, it was spent for nothing. A renewal that spends
    /// none is not waited for. The error is that of a renewed session which could not be saved.
    fn settled(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }

    /// The distribution id that the login's session belongs to (WeGroup SSO), else `None`. Asks nobody: it is kept with the session.
    fn distribution_id(&self) -> BoxFuture<'_, Result<Option<String>, Error>> {
        Box::pin(async { Ok(None) })
    }
}
