//! `[connections.NAME.auth]`: the credential, its secrets not yet looked up.

use reqwest::Url;

use super::reader::Table;
use super::secret::{self, Secret};
use super::{Env, Problems};
use crate::auth::Settings;

/// The credential of a connection. Reading the configuration needs no secret; only a command that talks to the API does.
#[derive(Debug, Clone)]
pub enum Auth {
    /// `kind = "none"`.
    None,
    /// `kind = "apikey"`.
    ApiKey {
        /// The token.
        token: Secret,
    },
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    ApiKey,
    None,
}

const KINDS: [(&str, Kind); 2] = [("apikey", Kind::ApiKey), ("none", Kind::None)];

impl Auth {
    /// Each secret with its key below `auth`, so that `check` can say where it comes from.
    pub fn secrets(&self) -> Vec<(&'static str, &Secret)> {
        match self {
            Self::None => Vec::new(),
            Self::ApiKey { token } => vec![("token", token)],
        }
    }

    /// The credential with its secrets looked up; what is missing is added to `problems`.
    pub(super) fn resolve(&self, connection: &str, env: &Env, problems: &mut Problems) -> Option<Settings> {
        let mut look_up = |key: &str, secret: &Secret| {
            secret.resolve(env).map_err(|what| problems.add(format!("connections.{connection}.auth.{key}"), what)).ok()
        };
        Some(match self {
            Self::None => Settings::None,
            Self::ApiKey { token } => Settings::ApiKey { token: look_up("token", token)? },
        })
    }
}

/// Reads the `auth` table of a connection. `sso_url` is what the connection says of the identity provider.
pub(super) fn read(connection: &mut Table<'_>, sso_url: Option<&Url>) -> Option<Auth> {
    let mut table = connection.required_table("auth", "add a table with kind = \"apikey\" and token")?;
    let kind = table.required("kind", "use apikey or none", |entry| entry.word(&KINDS))?;
    if sso_url.is_some() {
        connection.warn("sso_url", "has no effect with this kind of auth");
    }
    let auth = match kind {
        Kind::None => {
            table.only_for("apikey", &["token"]);
            Some(Auth::None)
        }
        Kind::ApiKey => secret::read(&mut table, "token").map(|token| Auth::ApiKey { token }),
    };
    table.finish();
    auth
}
