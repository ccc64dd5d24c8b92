//! The configuration file: found, read, checked, all problems at once.
//!
//! [`locate`] says which file is in force, [`load`] reads it: built-in defaults, then the file, then environment variables
//! (`LEAD_SYNC__CONNECTIONS__WEGROUP__BURST=2` sets `connections.wegroup.burst`; lists are separated by commas). What comes
//! out is checked. It holds no secret that is kept elsewhere: those are looked up by [`Loaded::settings`], so that commands
//! that only read the ledger work without them.
//!
//! ```text
//! tree.rs        file and environment as one tree of values (the config crate)     origin.rs: which of them says what
//! reader.rs      a table, read key by key                      entry.rs: one value of it     form.rs: written forms
//! findings.rs    what reading found                            problem.rs: one problem of it
//! connection.rs  [connections.NAME]    target.rs: what depends on its kind    auth.rs, secret.rs: its credential
//! sync.rs        [syncs.NAME]          source.rs, schedule.rs, overlap.rs: files that two of them want
//! http.rs        [http]                notify.rs: [notify]
//! starter.rs     a configuration to begin with
//! ```

mod auth;
mod connection;
mod entry;
mod env;
mod findings;
mod form;
mod http;
mod locate;
mod notify;
mod origin;
mod overlap;
mod problem;
mod proxy;
mod reader;
mod schedule;
mod secret;
mod shell;
mod source;
pub mod starter;
mod sync;
mod target;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use auth::Auth;
pub use env::Env;
pub use form::{parse_duration, parse_id, parse_redirect_url};
pub use http::Http;
pub use locate::{Error, locate, option_for, place_for_new};
pub use notify::{Email, Notify};
pub use problem::{Problem, Problems};
pub use reader::nearest;
pub use secret::{Secret, Secrets};
pub use shell::pasted;

use crate::ledger::is_beside_itself;
use crate::worker::settings::{Connection, Settings, Sync};
use findings::Findings;
use origin::Origin;
use reader::Table;

/// `ledger.retain` unless set.
const RETAIN: Duration = Duration::from_hours(90 * 24);

/// `shutdown_grace` unless set.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(20);

/// What fits into the minute that the shipped units and containers wait, with ten seconds for telling how the last run ended.
const MOST_GRACE: Duration = Duration::from_secs(50);

/// Name of the ledger unless set.
const LEDGER: &str = "lead-sync.db";

/// Name of the folder of the token files, beside the ledger, unless set.
const TOKENS: &str = "tokens";

/// A configuration without problems.
#[derive(Debug, Clone)]
pub struct Loaded {
    origin: Origin,
    /// Everything it says; the secrets are not looked up yet.
    pub unresolved: Settings<Auth, Secret>,
    /// The daemon's server; `None`: there is none.
    pub http: Option<Http>,
    /// Who is told how runs went.
    pub notify: Notify,
    /// What works but may not be meant: one line each, `KEY: WHAT; WHAT NEXT`.
    pub warnings: Vec<String>,
}

impl Loaded {
    /// The file it was read from.
    pub fn path(&self) -> &Path {
        self.origin.path()
    }

    /// No problems yet, to add to what is found later.
    pub fn problems(&self) -> Problems {
        Problems::new(&self.origin)
    }
}

impl Loaded {
    /// The settings with every secret looked up: for commands that talk to the APIs.
    pub fn settings(&self, env: &Env) -> Result<Settings, Problems> {
        let mut problems = self.problems();
        problems.take(self.proxies(env));
        let Settings { config_option, ledger, retain, shutdown_grace, tokens, tokens_key, syncs, .. } =
            self.unresolved.clone();
        let tokens_key = tokens_key
            .and_then(|key| key.resolve(env).map_err(|what| problems.add("tokens.key".to_owned(), what)).ok());
        let connections = self
            .unresolved
            .connections
            .iter()
            .filter_map(|connection| {
                let auth = connection.auth.resolve(&connection.name, env, &mut problems)?;
                Some(connection.clone().with_auth(auth))
            })
            .collect();
        problems.or(Settings { config_option, ledger, retain, shutdown_grace, tokens, tokens_key, connections, syncs })
    }
}

impl Loaded {
    /// Whether each variable that is to name a proxy names one.
    pub fn proxies(&self, env: &Env) -> Result<(), Problems> {
        let mut problems = self.problems();
        for connection in self.unresolved.connections.iter().filter(|known| known.destination.proxy.is_none()) {
            let key = format!("connections.{}.proxy", connection.name);
            proxy::note_broken(&connection.destination.api_url, &key, env, &mut problems);
        }
        problems.or(())
    }
}

impl Loaded {
    /// The settings without any credential: for commands that send nothing.
    pub fn without_secrets(&self) -> Settings {
        let none = |connection: &Connection<Auth>| connection.clone().with_auth(crate::auth::Settings::None);
        let connections = self.unresolved.connections.iter().map(none).collect();
        let Settings { config_option, ledger, retain, shutdown_grace, tokens, syncs, .. } = self.unresolved.clone();
        Settings { config_option, ledger, retain, shutdown_grace, tokens, tokens_key: None, connections, syncs }
    }
}

impl Loaded {
    /// `[http]` with its secret looked up; `None`: there is no server.
    pub fn http(&self, env: &Env) -> Result<Option<crate::http::Settings>, Problems> {
        let mut problems = self.problems();
        let settings = self.http.as_ref().and_then(|http| http.resolve(env, &mut problems));
        problems.or(settings)
    }

    /// `[notify]` with its secrets looked up.
    pub fn notify(&self, env: &Env) -> Result<crate::notify::Settings, Problems> {
        let mut problems = self.problems();
        let settings = self.notify.resolve(env, &mut problems);
        problems.or(settings)
    }
}

/// Reads the configuration file at `path`, lays the variables `LEAD_SYNC__…` of `env` over it, and checks the form of it. Where that is
/// wrong, the problems are those of templates and of `secrets`, too, as far as they could be read: nobody is to mend one thing to be told the
/// next.
pub fn load(path: &Path, env: &Env, secrets: Secrets) -> Result<Loaded, Problems> {
    let tree = tree::read(path, env)?;
    let findings = Findings::new(&tree.origin, tree.mode);
    let read = root(Table::root(&findings, &tree.values), option_for(path, env), env);
    let warnings = findings.conclude(env, secrets)?;
    // What could not be read has a problem, so that this is never reached without it.
    let Root { unresolved, http, notify } = read.ok_or_else(|| Problems::new(&tree.origin))?;
    Ok(Loaded { origin: tree.origin, unresolved, http, notify, warnings })
}

/// What the top level holds.
struct Root {
    unresolved: Settings<Auth, Secret>,
    http: Option<Http>,
    notify: Notify,
}

/// Reads the top level; `None` if there is a problem below it.
fn root(mut table: Table<'_>, config_option: String, env: &Env) -> Option<Root> {
    let shutdown_grace = table.or("shutdown_grace", SHUTDOWN_GRACE, form::duration);
    if shutdown_grace > MOST_GRACE {
        table.warn(
            "shutdown_grace",
            "is longer than 50s, and the shipped units and containers kill after 60 s; set 50s, or raise TimeoutStopSec= there, too",
        );
    }
    let (ledger, retain) = ledger(table.table("ledger"), env);
    let (tokens, tokens_key) = tokens(table.table("tokens"), &ledger);
    let http = http::read(table.table("http"));
    let notify = notify::read(table.table("notify"));
    let (outlines, connections): (Vec<_>, Vec<_>) =
        table.named("connections", "auth").into_iter().map(|(name, table)| connection::read(name, table)).unzip();
    if table.is_blank("connections") {
        table.problem("connections", "there is none; add [connections.wegroup]");
    }
    let syncs: Vec<Option<Sync>> = table
        .named("syncs", "connection")
        .into_iter()
        .map(|(name, table)| sync::read(name, table?, &outlines))
        .collect();
    overlap::note(syncs.iter().flatten(), table.findings());
    if table.is_blank("syncs") {
        table.warn("syncs", "there is none, so nothing is sent; add [syncs.NAME]");
    }
    table.finish();
    let mut connections: Vec<Connection<Auth>> = connections.into_iter().collect::<Option<_>>()?;
    let mut syncs: Vec<Sync> = syncs.into_iter().collect::<Option<_>>()?;
    connections.sort_by(|a, b| a.name.cmp(&b.name));
    syncs.sort_by(|a, b| a.name.cmp(&b.name));
    Some(Root {
        unresolved: Settings { config_option, ledger, retain, shutdown_grace, tokens, tokens_key, connections, syncs },
        http,
        notify,
    })
}

/// Path and retention. Unless set, the ledger lies in the first folder of `$STATE_DIRECTORY` (systemd gives several with
/// colons between them), else beside the file.
fn ledger(mut table: Table<'_>, env: &Env) -> (PathBuf, Duration) {
    let findings = table.findings();
    let state: Option<PathBuf> = env.path("STATE_DIRECTORY").and_then(|folders| std::env::split_paths(&folders).next());
    let default = match &state {
        Some(folder) => folder.join(LEDGER),
        None => findings.resolve(LEDGER),
    };
    let mut is_relative = state.is_none();
    let path = table.or("path", default, |entry| {
        is_relative = Path::new(entry.filled()?).is_relative();
        let path = findings.resolve(entry.filled()?);
        if is_beside_itself(&path) {
            return Err("is the name of the ledger's own key or lock; let it end in .db".to_owned());
        }
        Ok(path)
    });
    let retain = table.or("retain", RETAIN, form::duration);
    let file = findings.origin().path();
    if is_relative && let Some((real, ledger)) = behind_a_link(file, &path) {
        let text = format!(
            "there is a ledger at {}, beside {}, to which {} is a link, and none here: a new one would send every lead again; \
             name that file with --config, or write an absolute path",
            ledger.display(),
            real.display(),
            file.display()
        );
        table.problem("path", text);
    }
    table.finish();
    (path, retain)
}

/// If `file` is a link to a file in another folder, and the ledger is beside that one and not where `path` says: that file, and its ledger.
/// Relative paths are relative to the file, so that it has another ledger under each of its names.
fn behind_a_link(file: &Path, path: &Path) -> Option<(PathBuf, PathBuf)> {
    let real = fs::canonicalize(file).ok()?;
    let ledger = real.parent()?.join(path.strip_prefix(file.parent()?).ok()?);
    let is_ledger = fs::metadata(&ledger).is_ok_and(|found| found.is_file() && found.len() > 0);
    (is_ledger && !path.exists()).then_some((real, ledger))
}

/// The folder of the token files, and the key that encrypts them, if there is one.
fn tokens(mut table: Table<'_>, ledger: &Path) -> (PathBuf, Option<Secret>) {
    let findings = table.findings();
    let dir = table.or("dir", ledger.with_file_name(TOKENS), |entry| Ok(findings.resolve(entry.filled()?)));
    let key = secret::optional(&mut table, "key");
    table.finish();
    (dir, key)
}
