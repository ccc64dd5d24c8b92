//! Whom a session belongs to, and what of that is no longer as the configuration has it.

use std::fmt::Write as _;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::context::Context;
use super::settings::{Grant, OAuth};

/// A session whose binding differs from the configuration is never used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Binding {
    /// The issuer or the token endpoint.
    pub server: String,
    /// The client that the tokens were issued to.
    pub client_id: String,
    /// Scheme, host and port of the API.
    pub api: String,
    /// `None` in a file of an earlier release. Here, where such a release passes over what it does not know: to go back to it needs no login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// On the strength of what a session began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    /// `grant`, as the configuration names it.
    pub grant: String,
    /// `grant = "password"`: fingerprint of the user's name, which is nobody else's business.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What was asked for; empty: the server's default.
    pub scopes: Vec<String>,
}

impl Binding {
    /// What the configuration says.
    pub(super) fn of(settings: &OAuth, context: &Context) -> Self {
        Self {
            server: settings.server_name().to_owned(),
            client_id: settings.client_id.clone(),
            api: context.api_url.origin().ascii_serialization(),
            origin: Some(Origin::of(settings)),
        }
    }

    /// What is no longer as it was when the session began, in words; empty: the session is this configuration's. What the file of an earlier
    /// release does not say is taken for unchanged. `granted` are the session's scopes.
    pub(super) fn changes(&self, now: &Self, granted: &[String]) -> Vec<String> {
        let mut changes = self.moves(now);
        if let (Some(was), Some(is)) = (&self.origin, &now.origin) {
            changes.extend(was.changes(is, granted));
        }
        changes
    }

    /// As [`Self::changes`], of that alone which says where the tokens are good and who may revoke them.
    pub(super) fn moves(&self, now: &Self) -> Vec<String> {
        let pairs = [
            ("the token server", &self.server, &now.server),
            ("client_id", &self.client_id, &now.client_id),
            ("the API", &self.api, &now.api),
        ];
        let moved = pairs.into_iter().filter(|(_, was, is)| was != is);
        moved.map(|(what, was, is)| format!("{what} was {was} and is {is}")).collect()
    }
}

impl Origin {
    fn of(settings: &OAuth) -> Self {
        let (user, scopes) = match &settings.grant {
            Grant::Password { username, .. } => (Some(user(username)), settings.scopes.clone()),
            // The token has the scopes that it was issued with: none are asked for.
            Grant::RefreshToken { .. } => (None, Vec::new()),
            Grant::ClientCredentials | Grant::AuthorizationCode { .. } => (None, settings.scopes.clone()),
        };
        Self { grant: settings.grant.name().to_owned(), user, scopes }
    }

    fn changes(&self, now: &Self, granted: &[String]) -> Vec<String> {
        if self.grant != now.grant {
            return vec![format!("grant was {} and is {}", self.grant, now.grant)];
        }
        let user = (self.user != now.user).then(|| "username is another one".to_owned());
        user.into_iter().chain(self.narrowed(now, granted)).collect()
    }

    /// Less is asked for than before, and than was granted: a scope that the session never had, or has no more, is taken out without a word.
    /// More is another matter: whether it was granted is held against the session's own scopes.
    fn narrowed(&self, now: &Self, granted: &[String]) -> Option<String> {
        if self.scopes.is_empty() && !now.scopes.is_empty() {
            return Some(format!("scopes were the server's choice and are {}", now.scopes.join(", ")));
        }
        let is_gone = |scope: &&String| granted.contains(scope) && !now.scopes.contains(scope);
        let gone: Vec<&str> = self.scopes.iter().filter(is_gone).map(String::as_str).collect();
        (!gone.is_empty()).then(|| format!("scopes are without {}", gone.join(", ")))
    }
}

/// Tells one user's name from another without keeping it.
fn user(name: &SecretString) -> String {
    fingerprint("lead-sync 2026 user of a session", name.expose_secret())
}

/// Tells one text from another: 128 bits of BLAKE3 (`derive_key`, so that no two uses have the same fingerprint).
pub(super) fn fingerprint(purpose: &str, text: &str) -> String {
    let hash = blake3::derive_key(purpose, text.as_bytes());
    hash[..16].iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(grant: &str, user: Option<&str>, scopes: &[&str]) -> Binding {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let origin = Origin { grant: grant.into(), user: user.map(|name| super::user(&name.into())), scopes };
        Binding { server: "s".into(), client_id: "c".into(), api: "a".into(), origin: Some(origin) }
    }

    /// All that was asked for is granted.
    fn all() -> [String; 2] {
        ["a".to_owned(), "b".to_owned()]
    }

    #[test]
    fn a_scope_that_was_not_granted_is_taken_out_again_without_a_login() {
        let was = binding("authorization_code", None, &["a", "b"]);
        let now = binding("authorization_code", None, &["a"]);
        assert_eq!(was.changes(&now, &["a".to_owned()]), [""; 0]);
        assert_eq!(was.changes(&now, &all()), ["scopes are without b"]);
    }

    #[test]
    fn every_change_is_named() {
        let was = binding("password", Some("alice"), &["a", "b"]);
        let other = Binding { server: "t".into(), client_id: "d".into(), api: "e".into(), origin: None };
        assert_eq!(
            was.changes(&other, &all()),
            ["the token server was s and is t", "client_id was c and is d", "the API was a and is e"]
        );
        let changes = |now: Binding| was.changes(&now, &all()).join("; ");
        assert_eq!(changes(binding("client_credentials", None, &[])), "grant was password and is client_credentials");
        assert_eq!(changes(binding("password", Some("bob"), &["b"])), "username is another one; scopes are without a");
        assert_eq!(changes(binding("password", Some("alice"), &[])), "scopes are without a, b");
    }

    #[test]
    fn another_order_or_more_scopes_are_no_change_and_fewer_than_the_servers_own_are() {
        let was = binding("password", Some("alice"), &["a", "b"]);
        assert_eq!(was.changes(&binding("password", Some("alice"), &["c", "b", "a"]), &all()), [""; 0]);
        let default = binding("client_credentials", None, &[]);
        assert_eq!(
            default.changes(&binding("client_credentials", None, &["a"]), &all()),
            ["scopes were the server's choice and are a"]
        );
    }

    #[test]
    fn what_an_earlier_release_did_not_keep_is_taken_for_unchanged() {
        let kept = r#"{"server":"s","client_id":"c","api":"a"}"#;
        let kept: Binding = serde_json::from_str(kept).unwrap();
        assert_eq!(kept.changes(&binding("password", Some("bob"), &["a"]), &all()), [""; 0]);
    }

    #[test]
    fn the_name_of_the_user_is_not_kept() {
        let kept = serde_json::to_string(&binding("password", Some("planted"), &[])).unwrap();
        assert!(!kept.contains("planted"), "{kept}");
    }
}
