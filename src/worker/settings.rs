//! What a run needs to know, already checked.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use crate::domain::{mapping, plan::OnChange, schedule::Times, verdict};
use crate::{auth, destination, sources};

/// Everything one process works with. `A` is the credential of a connection, `S` a secret: the text itself, unless the
/// configuration says otherwise.
#[derive(Debug, Clone)]
pub struct Settings<A = auth::Settings, S = SecretString> {
    /// What follows the program's name in a command for a person, so that it reads this configuration: ` --config PATH`, or nothing.
    pub config_option: String,
    /// The ledger's file.
    pub ledger: PathBuf,
    /// History of settled leads is kept this long.
    pub retain: Duration,
    /// How long requests under way may take after the first stop signal.
    pub shutdown_grace: Duration,
    /// The folder of the token files.
    pub tokens: PathBuf,
    /// Encrypts the token files: 32 bytes in base64.
    pub tokens_key: Option<S>,
    /// The connections, in the order of their names.
    pub connections: Vec<Connection<A>>,
    /// The syncs, in the order of their names.
    pub syncs: Vec<Sync>,
}

/// One API with one credential, one rate limit and one pause.
#[derive(Debug, Clone)]
pub struct Connection<A = auth::Settings> {
    /// Its name.
    pub name: String,
    /// Where leads are posted.
    pub destination: destination::Settings,
    /// The kind of API.
    pub api: Api,
    /// The credential.
    pub auth: A,
    /// `None`: no limit.
    pub rate: Option<Rate>,
    /// Requests under way at once, at most.
    pub max_in_flight: NonZeroU32,
    /// The longest a run waits for a pause or a retry before it defers.
    pub patience: Duration,
    /// When a lead is tried again, what a lead in doubt and a 409 mean.
    pub policy: verdict::Policy,
}

impl Settings {
    /// What a person has to run for a new session of a connection.
    pub fn login_command(&self, connection: &str) -> String {
        format!("lead-sync{} login {connection}", self.config_option)
    }

    /// What the credential of `connection` has to know.
    pub fn auth_context(&self, connection: &Connection) -> auth::Context {
        auth::Context {
            connection: connection.name.clone(),
            login_command: self.login_command(&connection.name),
            api_url: connection.destination.api_url.clone(),
            distribution: match &connection.api {
                Api::WeGroup { distribution_id: None, .. } => auth::Distribution::OfSession,
                Api::WeGroup { distribution_id: Some(id), .. } => auth::Distribution::Named(id.clone()),
                Api::Http => auth::Distribution::Unused,
            },
            tokens: self.tokens.clone(),
            encryption_key: self.tokens_key.clone(),
            proxy: connection.destination.proxy.clone(),
            ca_file: connection.destination.ca_file.clone(),
            patience: connection.patience,
        }
    }
}

impl<A> Connection<A> {
    /// The same connection with another credential.
    pub fn with_auth<B>(self, auth: B) -> Connection<B> {
        Connection {
            name: self.name,
            destination: self.destination,
            api: self.api,
            auth,
            rate: self.rate,
            max_in_flight: self.max_in_flight,
            patience: self.patience,
            policy: self.policy,
        }
    }
}

/// The kind of API behind a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Api {
    /// WeGroup: the path is made of distribution and lead type.
    WeGroup {
        /// The distribution; with SSO it may be left out and read from userinfo.
        distribution_id: Option<String>,
        /// Path segment, `customers` for persons.
        lead_type: String,
    },
    /// Any JSON API: each sync names its request.
    Http,
}

/// `rate_limit` and `burst`: at most `count` requests in any `per`, and `burst` at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests.
    pub count: NonZeroU32,
    /// The time they may take.
    pub per: Duration,
    /// Requests that may go at once after a quiet time.
    pub burst: NonZeroU32,
}

/// A source mapped onto a connection.
#[derive(Debug, Clone)]
pub struct Sync {
    /// Its name.
    pub name: String,
    /// Name of its connection.
    pub connection: String,
    /// Where its rows come from.
    pub source: sources::Settings,
    /// How a row becomes a lead.
    pub mapping: mapping::Spec,
    /// The request of an `http` connection; `None` for WeGroup.
    pub request: Option<destination::Endpoint>,
    /// A delivered row that changed.
    pub on_change: OnChange,
    /// More leads to be sent because of one pass (new ones, and known ones again) stop the sync before sending, until confirmed.
    pub max_new: Option<u64>,
    /// A pass that reads no row at all is somebody's business.
    pub expects_rows: bool,
    /// When the daemon runs it.
    pub schedule: Option<Schedule>,
}

/// When the daemon runs a sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// When it is due.
    pub times: Times,
    /// Random delay, at most.
    pub jitter: Duration,
    /// Run once after a time that was missed.
    pub catch_up: bool,
    /// Run when the daemon starts.
    pub at_start: bool,
}
