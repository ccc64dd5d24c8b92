//! `[connections.NAME.auth]`: the credential, its secrets not yet looked up.

mod oauth;

use http::header::{AUTHORIZATION, HeaderName};

use super::form;
use super::reader::Table;
use super::secret::{self, Secret};
use super::{Env, Problems};
use crate::auth::{Grant, OAuth, Settings};

/// The credential of a connection. Reading the configuration needs no secret; only a command that talks to the API does.
#[derive(Debug, Clone)]
pub enum Auth {
    /// `kind = "none"`.
    None,
    /// `kind = "apikey"`.
    ApiKey {
        /// The token.
        token: Secret,
        /// The header that carries it.
        header: HeaderName,
        /// The word before it; empty: none.
        scheme: String,
    },
    /// `kind = "sso"` and `kind = "oauth2"`.
    OAuth(Box<OAuth<Secret>>),
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    ApiKey,
    Sso,
    OAuth2,
    None,
}

const KINDS: [(&str, Kind); 4] =
    [("apikey", Kind::ApiKey), ("sso", Kind::Sso), ("oauth2", Kind::OAuth2), ("none", Kind::None)];

impl Auth {
    /// Each secret with its key below `auth`, so that `check` can say where it comes from.
    pub fn secrets(&self) -> Vec<(&'static str, &Secret)> {
        match self {
            Self::None => Vec::new(),
            Self::ApiKey { token, .. } => vec![("token", token)],
            Self::OAuth(oauth) => oauth.secrets(),
        }
    }

    /// The credential with its secrets looked up; what is missing is added to `problems`.
    pub(super) fn resolve(&self, connection: &str, env: &Env, problems: &mut Problems) -> Option<Settings> {
        let mut look_up = |key: &str, secret: &Secret| {
            secret.resolve(env).map_err(|what| problems.add(format!("connections.{connection}.auth.{key}"), what)).ok()
        };
        Some(match self {
            Self::None => Settings::None,
            Self::ApiKey { token, header, scheme } => {
                Settings::ApiKey { token: look_up("token", token)?, header: header.clone(), scheme: scheme.clone() }
            }
            Self::OAuth(oauth) => Settings::OAuth(Box::new(oauth.resolve(look_up)?)),
        })
    }
}

/// An `auth` table, read.
pub(super) struct Read {
    /// `None` if it has a problem.
    pub(super) auth: Option<Auth>,
    /// A person logs in, so that userinfo tells the distribution; or that is not known, because the table has a problem.
    pub(super) may_tell_distribution: bool,
}

/// Reads the `kind` of a credential; an API key unless set, or unless the table has keys of another kind.
fn kind(table: &mut Table<'_>) -> Option<Kind> {
    let meant = |keys: &[&'static str], kinds| keys.iter().find(|key| table.has(key)).map(|key| (*key, kinds));
    let other =
        meant(&oauth::OAUTH2_KEYS, "\"oauth2\"").or_else(|| meant(&oauth::SHARED_KEYS, "\"sso\" or \"oauth2\""));
    match other {
        Some((key, kinds)) if !table.has("kind") => {
            table.allow(&["kind"]);
            table.problem("kind", format!("missing; with {key} write kind = {kinds}"));
            None
        }
        _ => table.choice("kind", &KINDS, Kind::ApiKey, &[]),
    }
}

/// Reads what can be told of a table whose kind is not known.
fn of_any_kind(mut table: Table<'_>) {
    for key in ["token"].into_iter().chain(oauth::SECRETS) {
        secret::optional(&mut table, key);
    }
    table.allow(&["header", "scheme"]);
    table.allow(&oauth::SHARED_KEYS);
    table.allow(&oauth::OAUTH2_KEYS);
    table.finish_without_kind();
}

/// As WeGroup documents it, unless the API wants it in another form.
fn api_key(table: &mut Table<'_>) -> Option<Auth> {
    let header = table.or("header", AUTHORIZATION, form::credential_header);
    let usual = if header == AUTHORIZATION { "apikey" } else { "" };
    let scheme = table.or("scheme", usual.to_owned(), form::scheme);
    secret::read(table, "token").map(|token| Auth::ApiKey { token, header, scheme })
}

/// Reads the `auth` table of a connection. `issuer` is its identity provider, as far as the connection says.
pub(super) fn read(connection: &mut Table<'_>, issuer: Option<&str>) -> Read {
    let none = Read { auth: None, may_tell_distribution: false };
    let cure = "add a table with token, or with kind = \"sso\", \"oauth2\" or \"none\"";
    let Some(mut table) = connection.required_table("auth", cure) else { return none };
    let Some(kind) = kind(&mut table) else {
        of_any_kind(table);
        return Read { auth: None, may_tell_distribution: true };
    };
    if connection.has("sso_url") && matches!(kind, Kind::ApiKey | Kind::None) {
        connection.warn("sso_url", "has no effect with this kind of auth");
    }
    let auth = match kind {
        Kind::None => {
            table.only_for("apikey", &["token", "header", "scheme"]);
            Some(Auth::None)
        }
        Kind::ApiKey => api_key(&mut table),
        Kind::Sso => oauth::sso(&mut table, issuer).map(|oauth| Auth::OAuth(Box::new(oauth))),
        Kind::OAuth2 => oauth::oauth2(&mut table, issuer).map(|oauth| Auth::OAuth(Box::new(oauth))),
    };
    table.finish();
    let may_tell_distribution = match (&auth, kind) {
        (Some(Auth::OAuth(oauth)), _) => matches!(oauth.grant, Grant::AuthorizationCode { .. }),
        (None, Kind::Sso | Kind::OAuth2) => true,
        _ => false,
    };
    Read { auth, may_tell_distribution }
}
