//! The file and the environment as one tree of values, before anything is known of their meaning.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use config::{Config, ConfigError, Environment, File, FileFormat, Map, Value};

use super::{Env, Problems};

/// Names of variables that set a key begin with this: `LEAD_SYNC__LEDGER__PATH` sets `ledger.path`.
pub(super) const PREFIX: &str = "LEAD_SYNC__";

/// What the configuration crate calls the origin of a value that a variable set.
pub(super) const ENVIRONMENT: &str = "the environment";

/// The values of the file with those of the environment laid over them.
pub(super) struct Tree {
    /// The top-level tables, in the file's order.
    pub(super) values: Map<String, Value>,
    /// Permission bits of the file.
    pub(super) mode: u32,
}

/// Reads the file at `path` and lays the environment over it.
pub(super) fn read(path: &Path, env: &Env) -> Result<Tree, Problems> {
    let mut problems = Problems::new(path);
    let environment = variables(env, &mut problems);
    match text(path) {
        Err(what) => problems.add("", what),
        Ok((text, mode)) => match merge(&text, environment) {
            Ok(values) => return problems.or(Tree { values, mode }),
            Err(error) => syntax(&text, &error, &mut problems),
        },
    }
    Err(problems)
}

/// The file's text and its permission bits. The parser passes over a byte order mark.
fn text(path: &Path) -> Result<(String, u32), String> {
    let unreadable = |error: std::io::Error| {
        format!("cannot be read: {error}; name another file with --config, or write one with lead-sync init")
    };
    let mut file = std::fs::File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(unreadable)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count();
        format!("line {line} is not UTF-8; save the file as UTF-8")
    })?;
    Ok((text, mode & 0o7777))
}

/// The variables that set keys.
fn variables(env: &Env, problems: &mut Problems) -> Map<String, String> {
    let mut variables = Map::new();
    for (name, value) in env.with_prefix(PREFIX) {
        match value.to_str() {
            Some(value) => {
                variables.insert(name.to_owned(), value.to_owned());
            }
            None => problems.add_at(format!("${name}"), "", "is not UTF-8; set it to UTF-8 text"),
        }
    }
    variables
}

fn merge(text: &str, variables: Map<String, String>) -> Result<Map<String, Value>, ConfigError> {
    let environment = Environment::with_prefix(PREFIX.trim_end_matches('_')).separator("__").source(Some(variables));
    Config::builder()
        .add_source(File::from_str(text, FileFormat::Toml))
        .add_source(environment)
        .build()?
        .cache
        .into_table()
}

/// Adds a syntax error with its line and column. The parser's own message quotes the line, which may hold a secret.
fn syntax(text: &str, error: &ConfigError, problems: &mut Problems) {
    let ConfigError::FileParse { cause, .. } = error else {
        return problems.add("", error.to_string());
    };
    let Some(error) = cause.downcast_ref::<toml::de::Error>() else {
        return problems.add("", format!("is not valid TOML: {cause}"));
    };
    let what = format!("is not valid TOML: {}", error.message());
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else {
        return problems.add("", what);
    };
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let place = format!("{}:{line}:{column}", problems.path().display());
    problems.add_at(place, "", what);
}
