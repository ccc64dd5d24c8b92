//! What a credential knows about its connection.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;

/// What a credential has to know about its connection.
#[derive(Clone)]
pub struct Context {
    /// Name of the connection, as in `lead-sync login NAME`; also the name of its token file.
    pub connection: String,
    /// What a person has to run for a new session.
    pub login_command: String,
    /// The API that the token is for. A session is bound to its host, so that one of staging is never used in production.
    pub api_url: Url,
    /// The distribution that leads go to.
    pub distribution: Distribution,
    /// The folder of the token files.
    pub tokens: PathBuf,
    /// Encrypts the token files: 32 bytes in base64.
    pub encryption_key: Option<SecretString>,
    /// An explicit proxy; `None`: the environment's.
    pub proxy: Option<Url>,
    /// PEM certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// What fails for a moment is asked for again within this time.
    pub patience: Duration,
}

/// Without the proxy, whose address may hold a password.
impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("connection", &self.connection)
            .field("api_url", &self.api_url.as_str())
            .field("distribution", &self.distribution)
            .field("tokens", &self.tokens)
            .field("ca_file", &self.ca_file)
            .finish_non_exhaustive()
    }
}

/// Which distribution leads go to, as far as the configuration says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Distribution {
    /// The API has none.
    Unused,
    /// The one that the session belongs to.
    OfSession,
    /// This one; a session of another one is refused before anything is sent.
    Named(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_does_not_show_the_password_of_its_proxy() {
        let context = Context {
            connection: "wegroup".to_owned(),
            login_command: String::new(),
            api_url: Url::parse("https://api.example.com").unwrap(),
            distribution: Distribution::Unused,
            tokens: PathBuf::new(),
            encryption_key: Some("planted".into()),
            proxy: Some(Url::parse("http://me:planted@proxy.example.com").unwrap()),
            ca_file: None,
            patience: Duration::ZERO,
        };
        assert!(!format!("{context:?}").contains("planted"));
    }
}
