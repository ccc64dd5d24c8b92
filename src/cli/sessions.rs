//! The sessions of the connections, as `status` tells them.

use super::{out, outlook};
use crate::config::{Env, Loaded};
use crate::domain::time::Timestamp;
use crate::page::{Need, Session};

/// What is known of each connection that has a session, with the command that begins another.
pub(super) struct Sessions(Vec<(Session, String)>);

impl Sessions {
    /// Those of a configuration. A secret that cannot be looked up here leaves them out: `check` says that.
    pub(super) fn of(loaded: &Loaded) -> Self {
        let Ok(settings) = loaded.settings(&Env::process()) else { return Self(Vec::new()) };
        let with_command = |session: Session| {
            let login = settings.login_command(&session.connection);
            (session, login)
        };
        Self(outlook::sessions(&settings).into_iter().map(with_command).collect())
    }

    /// When a person has to log in again, if that is known.
    pub(super) fn end(&self, connection: &str) -> Option<Timestamp> {
        self.find(connection)?.0.ends_at
    }

    /// A line on the connection's session.
    pub(super) fn tell(&self, connection: &str) {
        if let Some((session, login)) = self.find(connection) {
            let cure = if session.need == Need::Login { format!(": run `{login}`") } else { String::new() };
            out::say(format!("  session of {connection}: {}{cure}", session.text));
        }
    }

    fn find(&self, connection: &str) -> Option<&(Session, String)> {
        self.0.iter().find(|(session, _)| session.connection == connection)
    }
}
