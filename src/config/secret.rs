//! Where a secret comes from, and how to get it when it is needed.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::Env;
use super::reader::Table;

/// Whose secrets a command looks up. Only what is wrong with those is its business: the others may be set where it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// Nobody's: it reads files and the ledger.
    None,
    /// Those of the connections and their sessions.
    Connections,
    /// Also those of whom a run is told to.
    Run,
    /// Also that of the daemon's server.
    All,
}

impl Secrets {
    /// True if the secret under this dotted key is looked up.
    pub(super) fn include(self, key: &str) -> bool {
        match key.split('.').next() {
            Some("connections" | "tokens") => self != Self::None,
            Some("notify") => matches!(self, Self::Run | Self::All),
            _ => self == Self::All,
        }
    }
}

/// A secret that was not looked up yet. Displays where it comes from, never the value.
#[derive(Debug, Clone)]
pub enum Secret {
    /// `{ env = "NAME" }`: an environment variable.
    Env(String),
    /// `{ file = "path" }`: a file, without a byte order mark and the line ends at its end.
    File(PathBuf),
    /// `{ credential = "name" }`: a file of systemd's `LoadCredential=` or `SetCredential=`.
    Credential(String),
    /// Plain text.
    Plain {
        /// The secret.
        value: SecretString,
        /// True if a variable `LEAD_SYNC__…` holds it, false if the configuration file does.
        from_environment: bool,
    },
}

impl Secret {
    /// Looks the secret up. The error says what is missing and what to do (`what; what next`).
    pub fn resolve(&self, env: &Env) -> Result<SecretString, String> {
        match self {
            Self::Env(name) => {
                let value = env
                    .get(name)
                    .ok_or_else(|| format!("the environment variable {name} is not set; set it to the secret"))?;
                let value = value
                    .to_str()
                    .ok_or_else(|| format!("the environment variable {name} is not UTF-8; set it again"))?;
                Ok(value.into())
            }
            Self::File(path) => read_file(path),
            Self::Credential(name) => {
                let dir = env.path("CREDENTIALS_DIRECTORY").ok_or_else(|| {
                    format!(
                        "$CREDENTIALS_DIRECTORY is not set; start lead-sync from a systemd unit with LoadCredential={name}:PATH"
                    )
                })?;
                let path = dir.join(name);
                if !path.exists() {
                    return Err(format!(
                        "{} is not there; put the secret there, or with systemd into /etc/credstore/{name} (LoadCredential={name})",
                        path.display()
                    ));
                }
                read_file(&path)
            }
            Self::Plain { value, .. } => Ok(value.clone()),
        }
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Credential(name) => write!(f, "systemd credential {name}"),
            Self::Plain { from_environment: true, .. } => f.write_str("environment, as plain text"),
            Self::Plain { from_environment: false, .. } => f.write_str("configuration file, as plain text"),
        }
    }
}

fn read_file(path: &Path) -> Result<SecretString, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{shown} cannot be read: {error}; put the secret there"))?;
    // Editors end a file with a line end, and on Windows may begin it with a byte order mark; neither is seen there, nor is part of a secret.
    let text = text.trim_start_matches('\u{feff}').trim_end_matches(['\n', '\r']);
    if text.is_empty() {
        return Err(format!("{shown} is empty; put the secret there"));
    }
    Ok(text.into())
}

/// Reads the secret `key` of `table`, which must be there.
pub(super) fn read(table: &mut Table<'_>, key: &'static str) -> Option<Secret> {
    let cure = "write { env = \"NAME\" }, { file = \"path\" } or { credential = \"name\" }";
    let secret = read_unwarned(table, key, cure)?;
    if matches!(secret, Secret::Plain { .. }) {
        table.warn_of_plain_secret(key);
    }
    Some(secret)
}

/// As [`read`], of what may as well stand in a file that others can read: a user's name.
pub(super) fn read_unwarned(table: &mut Table<'_>, key: &'static str, cure: &str) -> Option<Secret> {
    let entry = table.required(key, cure, Ok)?;
    if entry.is_table() {
        let secret = reference(table.table(key))?;
        table.secret(key, &secret);
        return Some(secret);
    }
    let value = entry.filled().map_err(|what| table.problem(key, what)).ok()?;
    Some(Secret::Plain { value: value.into(), from_environment: entry.is_from_environment() })
}

/// Reads the secret `key` of `table`, if it is there.
pub(super) fn optional(table: &mut Table<'_>, key: &'static str) -> Option<Secret> {
    // Asked for in any case, so that it is a known key.
    table.optional(key, |_| Ok(()))?;
    read(table, key)
}

fn reference(mut table: Table<'_>) -> Option<Secret> {
    let findings = table.findings();
    let found: Vec<Secret> = [
        table.optional("env", |entry| Ok(Secret::Env(entry.filled()?.to_owned()))),
        table.optional("file", |entry| Ok(Secret::File(findings.resolve(entry.filled()?)))),
        table.optional("credential", |entry| {
            let name = entry.filled()?;
            if name.contains('/') || name == ".." {
                return Err("is a name, not a path; leave the folder out".to_owned());
            }
            Ok(Secret::Credential(name.to_owned()))
        }),
    ]
    .into_iter()
    .flatten()
    .collect();
    let given = table.entries().count();
    if given != 1 {
        table.problem("", "must hold exactly one of env, file, credential; keep one");
    }
    table.finish();
    found.into_iter().next()
}
