//! The sessions of the connections, as `status` tells them: read from their files, nothing is asked of anybody.

use super::out;
use crate::auth::{self, Kept};
use crate::clock;
use crate::config::{Env, Loaded};
use crate::domain::time::Timestamp;

/// What is known of each connection that has a session.
pub(super) struct Sessions(Vec<Session>);

struct Session {
    connection: String,
    login_command: String,
    kept: Result<Kept, auth::Error>,
}

impl Sessions {
    /// Those of a configuration. A secret that cannot be looked up here leaves them out: `check` says that.
    pub(super) fn of(loaded: &Loaded) -> Self {
        let Ok(settings) = loaded.settings(&Env::process()) else { return Self(Vec::new()) };
        let session = |connection: &crate::worker::settings::Connection| {
            let auth::Settings::OAuth(oauth) = &connection.auth else { return None };
            let context = settings.auth_context(connection);
            let kept = auth::kept(oauth, &context).transpose()?;
            Some(Session { connection: connection.name.clone(), login_command: context.login_command, kept })
        };
        Self(settings.connections.iter().filter_map(session).collect())
    }

    /// When a person has to log in again, if that is known.
    pub(super) fn end(&self, connection: &str) -> Option<Timestamp> {
        self.find(connection)?.kept.as_ref().ok()?.ends_at
    }

    /// A line on the connection's session.
    pub(super) fn tell(&self, connection: &str) {
        let Some(Session { login_command, kept, .. }) = self.find(connection) else { return };
        let text = match kept {
            Err(error) => error.to_string(),
            Ok(Kept { is_refused: true, .. }) => format!("was refused by the server: run `{login_command}`"),
            Ok(Kept { ends_at: Some(end), .. }) if *end <= clock::now() => {
                format!("ended at {end}: run `{login_command}`")
            }
            Ok(Kept { ends_at: Some(end), .. }) => format!("ends at {end}; `{login_command}` begins a new one"),
            Ok(Kept { ends_at: None, .. }) => "renews itself".to_owned(),
        };
        out::say(format!("  session of {connection}: {text}"));
    }

    fn find(&self, connection: &str) -> Option<&Session> {
        self.0.iter().find(|session| session.connection == connection)
    }
}
