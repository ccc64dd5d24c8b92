//! Where to tell.

use std::fmt;
use std::path::PathBuf;

use lettre::message::Mailbox;
use reqwest::Url;
use secrecy::SecretString;

/// Everything that `[notify]` says.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// A check of a monitor that speaks the convention of healthchecks.
    pub ping: Option<SecretUrl>,
    /// Receives JSON.
    pub webhook: Option<SecretUrl>,
    /// Receives mails.
    pub email: Option<Email>,
}

impl Settings {
    /// True if nobody is to be told.
    pub fn is_empty(&self) -> bool {
        self.ping.is_none() && self.webhook.is_none() && self.email.is_none()
    }
}

/// An address whose path or query lets whoever knows it write there. Shows its host only.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(Url);

impl SecretUrl {
    /// Takes the address.
    pub fn new(url: Url) -> Self {
        Self(url)
    }

    pub(super) fn expose(&self) -> &Url {
        &self.0
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}/[REDACTED]", self.0.scheme(), self.0.host_str().unwrap_or_default())
    }
}

/// A mail server, and whom to write to.
#[derive(Debug, Clone)]
pub struct Email {
    /// Its name: the certificate must be for it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// Authorities to trust beside the system's: a PEM file.
    pub ca_file: Option<PathBuf>,
    /// Log in with this name and password; `None`: without logging in.
    pub login: Option<(String, SecretString)>,
    /// Sender.
    pub from: Mailbox,
    /// Recipients, at least one.
    pub to: Vec<Mailbox>,
}

/// How the connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// `STARTTLS` (RFC 3207), required: without it nothing is sent.
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// In the clear: towards this machine only.
    None,
}

impl Tls {
    /// The port that mail programs use for it (RFC 6409, RFC 8314).
    pub fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}
