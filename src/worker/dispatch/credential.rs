//! A credential at hand before leads are claimed: no lead lies between intent and outcome while a token endpoint is waited for.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tokio::task::unconstrained;

use super::Dispatch;
use crate::auth::{self, Authorization, BoxFuture};
use crate::clock;
use crate::worker::report::{Ending, Notice, of_connection};

/// What the dispatch has of its connection's credential.
pub(super) enum Credential<'m> {
    /// None was at hand yet.
    Unknown,
    /// One was at hand. It is asked for again each time.
    Known,
    /// It is being renewed.
    Coming(BoxFuture<'m, Result<Authorization, auth::Error>>),
    /// It was renewed for the leads that go next, and is theirs however short it lives.
    Renewed(Authorization),
}

impl Credential<'_> {
    /// None was at hand yet.
    pub(super) fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }

    /// It is being renewed.
    pub(super) fn is_coming(&self) -> bool {
        matches!(self, Self::Coming(_))
    }

    /// Waits for the renewal; without one for ever.
    pub(super) async fn comes(&mut self) -> Result<Authorization, auth::Error> {
        match self {
            Self::Coming(renewal) => renewal.await,
            Self::Unknown | Self::Known | Self::Renewed(_) => std::future::pending().await,
        }
    }
}

impl Dispatch<'_> {
    /// The credential, if it is to be had at once. If not, it is on its way, or the dispatch is halted.
    pub(super) fn authorization(&mut self) -> Option<Authorization> {
        match &self.credential {
            Credential::Coming(_) => return None,
            Credential::Renewed(authorization) => return Some(authorization.clone()),
            Credential::Unknown | Credential::Known => {}
        }
        let mut token = self.means.tokens.token();
        // Outside the runtime's budget, whose end would pass for a renewal.
        let at_once = pin!(unconstrained(&mut token)).poll(&mut Context::from_waker(Waker::noop()));
        match at_once {
            Poll::Ready(Ok(authorization)) => {
                self.credential = Credential::Known;
                Some(authorization)
            }
            Poll::Ready(Err(error)) => {
                self.no_token(&error);
                None
            }
            Poll::Pending => {
                self.credential = Credential::Coming(token);
                None
            }
        }
    }

    /// A renewal has ended.
    pub(super) fn renewed(&mut self, renewed: Result<Authorization, auth::Error>) {
        match renewed {
            Ok(authorization) => self.credential = Credential::Renewed(authorization),
            Err(error) => {
                self.credential = Credential::Unknown;
                self.no_token(&error);
            }
        }
    }

    /// Without a credential nothing more can be sent, until there is one again if the token endpoint says when to ask.
    pub(super) fn no_token(&mut self, error: &auth::Error) {
        if let auth::Error::Paused { text, until } = error {
            // One that asks for no wait at all is not asked without end.
            let own = self.backoff(clock::now());
            return self.pause_until((*until).max(own), format!("the token endpoint asked for it ({text})"));
        }
        let ending = Ending::from(error);
        let next = if ending == Ending::Deferred { "; the next run goes on" } else { "" };
        let name = &self.means.connection.name;
        self.halt(Notice::new(ending, of_connection(name, error) + next));
    }
}
