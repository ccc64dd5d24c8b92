//! Why a session cannot go on, in words for the person who has to mend it.

use crate::auth::Error;
use crate::auth::context::Context;
use crate::auth::grants::Refusal;
use crate::auth::session::{Fit, Session};
use crate::auth::settings::{Grant, OAuth};
use crate::auth::store::Store;
use crate::domain::time::Timestamp;

/// What the words are about.
#[derive(Clone, Copy)]
pub(in crate::auth) struct Words<'a> {
    pub(in crate::auth) settings: &'a OAuth,
    pub(in crate::auth) context: &'a Context,
    pub(in crate::auth) store: &'a Store,
}

impl Words<'_> {
    /// Why no run can go on with the stored session until a person acts, whatever its access token is still good for; `None`: one can, or
    /// begins another. Asks nobody.
    pub(in crate::auth) fn stuck(self, session: &Session) -> Option<Error> {
        match session.fit(self.settings, self.context) {
            Fit::Foreign(changes) => Some(self.foreign(&changes)),
            Fit::Replaced => None,
            Fit::Own if self.settings.grant.needs_nobody() => {
                let refused = session.refused_login.as_ref()?;
                refused.at(self.settings).map(|at| self.known_to_be_bad(at))
            }
            Fit::Own => session.refused_at.map(|_| self.ended(session, None)),
        }
    }

    /// The stored session is another configuration's, and a person has to say which of the two is meant.
    pub(super) fn foreign(self, changes: &[String]) -> Error {
        Error::NeedsPerson(format!(
            "{} is a session of another configuration ({}): put that back, or {}",
            self.store.path().display(),
            changes.join("; "),
            self.new_session()
        ))
    }

    pub(in crate::auth) fn no_session(self) -> Error {
        let Context { connection, login_command, .. } = self.context;
        Error::NeedsPerson(format!("connection {connection} has no session: run `{login_command}`"))
    }

    pub(super) fn bad_credentials(self, text: &str) -> Error {
        Error::NeedsPerson(format!("{text}: correct the credentials of connection {}", self.context.connection))
    }

    /// The person may have mended it at the service: deleting the file is the way to say so.
    pub(super) fn known_to_be_bad(self, at: Timestamp) -> Error {
        Error::NeedsPerson(format!(
            "username and password of connection {} were refused at {at} and are not presented again, lest the account be locked: correct them, or delete {} if they are right now",
            self.context.connection,
            self.store.path().display()
        ))
    }

    /// The session, if it has what was asked for: a scope that was not granted would be a 403 for each lead.
    pub(super) fn with_every_scope(self, session: Session) -> Result<Session, Error> {
        let missing = self.settings.not_granted_any_more(&session.scopes).join(", ");
        if missing.is_empty() {
            return Ok(session);
        }
        let cure = match self.settings.grant {
            Grant::AuthorizationCode { .. } => {
                format!("run `{}` again and allow it on the consent page", self.context.login_command)
            }
            Grant::RefreshToken { .. } => "configure a refresh_token that was issued with it".to_owned(),
            Grant::ClientCredentials | Grant::Password { .. } => {
                format!("have it enabled for client {}", self.settings.client_id)
            }
        };
        let name = &self.context.connection;
        Err(Error::NeedsPerson(format!(
            "not granted to connection {name}: {missing}: {cure}, or take it out of `scopes`"
        )))
    }

    /// Why a session cannot go on, and the command that mends it.
    pub(super) fn ended(self, old: &Session, refusal: Option<&str>) -> Error {
        let name = &self.context.connection;
        let words = refusal.map(|text| format!(" ({text})")).unwrap_or_default();
        let why = match (old.refresh_sent_at, old.refused_at) {
            (Some(sent), _) if refusal.is_some() || old.refused_at.is_some() => format!(
                "the answer to a renewal sent at {} was lost or could not be kept, and the old refresh token of connection {name} is refused{words}",
                Timestamp(sent)
            ),
            (_, Some(at)) => format!("the refresh token of connection {name} was refused at {}", Timestamp(at)),
            _ if refusal.is_some() => {
                format!("the refresh token of connection {name} is refused{words}")
            }
            _ => format!("the session of connection {name} has ended and has no refresh token"),
        };
        Error::NeedsPerson(format!("{why}: {}", self.new_session()))
    }

    /// The new tokens are gone with this process.
    pub(super) fn unsaved(self, error: &Error) -> Error {
        let next = match self.settings.grant {
            Grant::ClientCredentials | Grant::Password { .. } => "Mend that; the next run logs in again".to_owned(),
            Grant::RefreshToken { .. } | Grant::AuthorizationCode { .. } => {
                format!("The old one is spent and the new one is lost: mend that, then {}", self.new_session())
            }
        };
        Error::Store(format!("THE RENEWED SESSION COULD NOT BE SAVED: {error}. {next}"))
    }

    /// How a person begins a new session.
    fn new_session(self) -> String {
        match self.settings.grant {
            Grant::RefreshToken { .. } => "configure a new refresh_token".to_owned(),
            _ => format!("run `{}`", self.context.login_command),
        }
    }
}

/// What a refusal that says nothing about the credentials means for the run.
pub(super) fn failure(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Away(failure) => failure.into(),
        Refusal::Lost(text) => Error::Unavailable(text),
        Refusal::Foreign { text, look_at } => Error::Configuration(format!("{text}: look at {look_at}")),
        Refusal::Configuration(text)
        | Refusal::Address(text)
        | Refusal::Conflict(text)
        | Refusal::Unusable { text, .. } => Error::Configuration(text),
        Refusal::Grant(text) | Refusal::Client(text) | Refusal::Denied(text) => Error::NeedsPerson(text),
    }
}

/// Something else where tokens were issued before is a maintenance's, or that of a portal on the way: an outage, which ends by itself, while nobody has to
/// correct anything. Where none were issued the address is more likely wrong, and a run that is put off each time would hide that.
pub(super) fn in_its_place(text: &str) -> Error {
    Error::Unavailable(format!("{text}, where it has issued tokens before: something stands in its place"))
}
