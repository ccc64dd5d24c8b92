//! `login`: a person's session, by the browser or by pasting.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::Args as ClapArgs;
use reqwest::Url;

use super::args::Args;
use super::exit::{Exit, Failure};
use super::values::duration;
use super::{load, out, run, whoami};
use crate::auth::{self, Callback, Context, Dialogue, Grant, OAuth};
use crate::config::{Env, Secrets};
use crate::ledger::{self, Ledger, NewLedger};

/// What opens an address in the person's browser.
const OPENER: &str = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };

/// Options of `login`.
#[derive(Debug, ClapArgs)]
pub struct LoginOptions {
    /// Name of the connection [default: the only one with a login]
    pub connection: Option<String>,
    /// Print the address and read the one that the browser ends up at from stdin
    #[arg(long)]
    pub no_browser: bool,
    /// How long to wait for the person, e.g. 10m
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    pub time_limit: Duration,
}

/// Options of `logout` and `whoami`.
#[derive(Debug, ClapArgs)]
pub struct SessionOptions {
    /// Name of the connection [default: the only one with a login]
    pub connection: Option<String>,
}

/// A connection that has a login, its secrets looked up.
pub(super) struct Login {
    pub(super) settings: OAuth,
    pub(super) context: Context,
    ledger: PathBuf,
}

impl Login {
    /// The connection of that name; without a name the only one with a login.
    pub(super) fn find(args: &Args, name: Option<&str>) -> Result<Self, Failure> {
        let settings =
            load::load_with(args, Secrets::Connections)?.settings(&Env::process()).map_err(Failure::usage)?;
        let logins: Vec<_> = (settings.connections.iter())
            .filter_map(|connection| match &connection.auth {
                auth::Settings::OAuth(oauth) if matches!(oauth.grant, Grant::AuthorizationCode { .. }) => {
                    Some((connection, oauth))
                }
                _ => None,
            })
            .filter(|(connection, _)| name.is_none_or(|name| connection.name == name))
            .collect();
        match (logins.as_slice(), name) {
            ([(connection, oauth)], _) => {
                let context = settings.auth_context(connection);
                Ok(Self { settings: oauth.as_ref().clone(), context, ledger: settings.ledger.clone() })
            }
            ([], Some(name)) => {
                let name = out::shown(name);
                Err(Failure::usage(format!("no connection {name} has a login: kind = \"sso\" in its auth table")))
            }
            ([], None) => Err(Failure::usage("no connection has a login: kind = \"sso\" in its auth table")),
            (several, _) => {
                let names: Vec<&str> = several.iter().map(|(connection, _)| connection.name.as_str()).collect();
                Err(Failure::usage(format!("several connections have a login, name one of {}", names.join(", "))))
            }
        }
    }
}

/// Logs in and says whose session it is.
pub(super) fn login(args: &Args, options: &LoginOptions) -> Result<Exit, Failure> {
    let Login { settings, context, ledger } = Login::find(args, options.connection.as_deref())?;
    begin_ledger(&ledger, &context.tokens)?;
    let callback = if options.no_browser {
        Callback::Pasted { read: Box::pin(pasted_line()) }
    } else {
        Callback::Loopback { open: &open }
    };
    let no_browser = options.no_browser;
    let show = move |url: &Url| {
        out::note(format!("Log in here:\n\n  {url}\n"));
        if no_browser {
            out::note("Then paste the address that the browser ends up at, even if it shows an error page:");
        }
    };
    let dialogue = Dialogue { show: &show, callback, time_limit: options.time_limit };
    let runtime = run::runtime()?;
    let ended = runtime.block_on(auth::login(&settings, &context, dialogue));
    // The thread that reads stdin would be waited for otherwise.
    runtime.shutdown_background();
    let session = ended?;
    out::say(format!("connection {} is logged in", context.connection));
    if let Some(user) = &session.user {
        whoami::say_user(user);
    }
    whoami::say_session(&session.scopes, session.expires_at, session.renewable);
    Ok(Exit::Done)
}

/// A session without a ledger is the mark of a lost ledger, so the first login begins it. One that is lost already stays so:
/// that is for the next run to say, a login does no harm.
fn begin_ledger(path: &Path, tokens: &Path) -> Result<(), Failure> {
    if path.exists() {
        return Ok(());
    }
    match Ledger::open_or_create(path, tokens, NewLedger::Unconfirmed) {
        Ok(_) | Err(ledger::Error::Lost { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The first line that is not blank: an empty one is a slip of the hand. Empty at the end of stdin.
async fn pasted_line() -> io::Result<String> {
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        while io::stdin().read_line(&mut line)? > 0 && line.trim().is_empty() {
            out::note("That line is empty; paste the address:");
            line.clear();
        }
        Ok(line)
    });
    read.await.map_err(io::Error::other)?
}

/// Best effort: the address has been printed as well.
fn open(url: &Url) {
    let quiet =
        Command::new(OPENER).arg(url.as_str()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    if quiet.is_err() {
        out::note("No browser could be opened here: open the address yourself, or use --no-browser.");
    }
}
