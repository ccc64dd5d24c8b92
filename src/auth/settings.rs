//! What the configuration says about a credential, its secrets resolved.

use std::net::IpAddr;
use std::time::Duration;

use http::HeaderName;
use reqwest::Url;
use secrecy::SecretString;

use super::Error;

/// The credential of a connection.
#[derive(Debug, Clone)]
pub enum Settings {
    /// No credential.
    None,
    /// `Authorization: apikey TOKEN`, as WeGroup takes it, unless another API wants it in another form.
    ApiKey {
        /// The token.
        token: SecretString,
        /// The header that carries it.
        header: HeaderName,
        /// The word before it; empty: the token alone.
        scheme: String,
    },
    /// `Authorization: Bearer TOKEN`, obtained and renewed at a token endpoint (RFC 6749). `kind = "sso"` is this, too: an
    /// issuer and [`Grant::AuthorizationCode`].
    OAuth(Box<OAuth>),
}

/// How tokens are obtained from a token endpoint. `S` is a secret: the text itself, unless the configuration says otherwise.
#[derive(Debug, Clone)]
pub struct OAuth<S = SecretString> {
    /// Where.
    pub server: Server,
    /// On the strength of what.
    pub grant: Grant<S>,
    /// Issued by the service; We360 calls it Customer ID.
    pub client_id: String,
    /// Issued with the client id; a public client has none.
    pub client_secret: Option<S>,
    /// How client id and secret are presented (RFC 6749 section 2.3.1). Never guessed: a wrong try may count as an attack.
    pub client_auth: ClientAuth,
    /// The body of a token request.
    pub request: BodyFormat,
    /// Asked for; empty: the server's default.
    pub scopes: Vec<String>,
    /// How long an access token lives if the answer does not say.
    pub lifetime: Option<Duration>,
}

/// Where the token endpoint is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Server {
    /// An OpenID provider: its endpoints come from `ISSUER/.well-known/openid-configuration`. Kept as text, because the
    /// document's `issuer` has to be the same byte for byte (RFC 8414 section 3.3).
    Issuer(String),
    /// The token endpoint itself.
    TokenUrl(Url),
}

/// What a token is asked for with (RFC 6749 section 1.3).
#[derive(Debug, Clone)]
pub enum Grant<S = SecretString> {
    /// The client's own credentials.
    ClientCredentials,
    /// A user's name and password. RFC 9700 section 2.4 forbids it for new services; We360 and WeSeeDo document it.
    Password {
        /// The user's name: personal, and so hidden like a secret.
        username: S,
        /// The user's password.
        password: S,
    },
    /// A refresh token that a person obtained elsewhere; it starts the session, the answers carry it on.
    RefreshToken {
        /// The first one.
        refresh_token: S,
    },
    /// A person's consent in a browser, with PKCE (RFC 7636). Needs [`Server::Issuer`].
    AuthorizationCode {
        /// The address registered with the service that the browser is sent back to.
        redirect_url: Url,
    },
}

impl<S> Grant<S> {
    /// Its name in the configuration.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::Password { .. } => "password",
            Self::RefreshToken { .. } => "refresh_token",
            Self::AuthorizationCode { .. } => "authorization_code",
        }
    }

    /// Whether a session can begin anew from what is configured.
    pub(super) fn needs_nobody(&self) -> bool {
        matches!(self, Self::ClientCredentials | Self::Password { .. })
    }
}

/// `client_auth`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// `Authorization: Basic`, id and secret form-encoded first (RFC 6749 section 2.3.1).
    Basic,
    /// The same, id and secret as they are (RFC 7617): many servers decode no form there.
    BasicPlain,
    /// Fields of the body.
    Body,
}

/// `request`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFormat {
    /// `application/x-www-form-urlencoded`, as RFC 6749 has it.
    Form,
    /// `application/json`, as WeSeeDo wants it.
    Json,
}

impl<S> OAuth<S> {
    /// Every secret with its key in the configuration.
    pub fn secrets(&self) -> Vec<(&'static str, &S)> {
        let grant = match &self.grant {
            Grant::Password { username, password } => vec![("username", username), ("password", password)],
            Grant::RefreshToken { refresh_token } => vec![("refresh_token", refresh_token)],
            Grant::ClientCredentials | Grant::AuthorizationCode { .. } => Vec::new(),
        };
        self.client_secret.iter().map(|secret| ("client_secret", secret)).chain(grant).collect()
    }

    /// The same with each secret looked up by `look_up`, which is given its key; `None` if one is missing. All are asked for.
    pub fn resolve<T>(&self, mut look_up: impl FnMut(&'static str, &S) -> Option<T>) -> Option<OAuth<T>> {
        let client_secret = self.client_secret.as_ref().map(|secret| look_up("client_secret", secret));
        let grant = match &self.grant {
            Grant::ClientCredentials => Some(Grant::ClientCredentials),
            Grant::Password { username, password } => {
                let (username, password) = (look_up("username", username), look_up("password", password));
                username.zip(password).map(|(username, password)| Grant::Password { username, password })
            }
            Grant::RefreshToken { refresh_token } => {
                look_up("refresh_token", refresh_token).map(|refresh_token| Grant::RefreshToken { refresh_token })
            }
            Grant::AuthorizationCode { redirect_url } => {
                Some(Grant::AuthorizationCode { redirect_url: redirect_url.clone() })
            }
        };
        Some(OAuth {
            server: self.server.clone(),
            grant: grant?,
            client_id: self.client_id.clone(),
            // The outer `None`: none is configured. The inner one: it is missing.
            client_secret: match client_secret {
                Some(found) => Some(found?),
                None => None,
            },
            client_auth: self.client_auth,
            request: self.request,
            scopes: self.scopes.clone(),
            lifetime: self.lifetime,
        })
    }
}

impl OAuth {
    /// What was asked for and is not among `granted`.
    pub(super) fn not_granted(&self, granted: &[String]) -> Vec<&str> {
        self.scopes.iter().filter(|scope| !granted.contains(scope)).map(String::as_str).collect()
    }

    /// As [`Self::not_granted`], of an answer that is no login's: what concerns the session itself rather than the API (a refresh token, the
    /// userinfo) many servers leave out there although it stands.
    pub(super) fn not_granted_any_more(&self, granted: &[String]) -> Vec<&str> {
        const OF_THE_SESSION: [&str; 3] = ["openid", "offline", "offline_access"];
        let missing = self.not_granted(granted).into_iter();
        missing.filter(|scope| !OF_THE_SESSION.contains(scope)).collect()
    }

    /// Refuses what cannot work, before anything is sent.
    pub(super) fn check(&self) -> Result<(), Error> {
        let address = match &self.server {
            Server::Issuer(issuer) => {
                Url::parse(issuer).map_err(|_| Error::Configuration(format!("issuer {issuer} is no address")))?
            }
            Server::TokenUrl(url) => url.clone(),
        };
        require_secure("the token endpoint", &address)?;
        match (&self.server, &self.grant) {
            (Server::TokenUrl(_), Grant::AuthorizationCode { .. }) => Err(Error::Configuration(
                "grant = \"authorization_code\" needs an issuer: the page where a person logs in is found there".into(),
            )),
            _ => Ok(()),
        }
    }

    /// The issuer or token endpoint, as text.
    pub(super) fn server_name(&self) -> &str {
        match &self.server {
            Server::Issuer(issuer) => issuer,
            Server::TokenUrl(url) => url.as_str(),
        }
    }
}

/// Tokens and secrets travel over TLS, or within this machine.
pub(super) fn require_secure(what: &str, url: &Url) -> Result<(), Error> {
    if url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url)) {
        return Ok(());
    }
    let host = url.host_str().unwrap_or_default();
    Err(Error::Configuration(format!(
        "{what} is {}://{host}: only https is allowed (http towards this machine only)",
        url.scheme()
    )))
}

/// 127.0.0.0/8, `::1` or `localhost`.
pub fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let ip = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || ip.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_or_this_machine_may_see_a_token() {
        for good in ["https://sso.wegroup.be", "http://127.0.0.1:8400/x", "http://[::1]:1", "http://localhost:8400"] {
            require_secure("x", &Url::parse(good).unwrap()).unwrap();
        }
        for bad in
            ["http://sso.wegroup.be", "http://127.0.0.1.example.com", "http://localhost.example.com", "ftp://127.0.0.1"]
        {
            let error = require_secure("x", &Url::parse(bad).unwrap()).unwrap_err();
            assert!(matches!(error, Error::Configuration(_)), "{bad}");
        }
    }
}
