//! The file and the environment as one tree of values, before anything is known of their meaning.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use config::{Config, ConfigError, Environment, File, FileFormat, Map, Value};

use super::origin::Origin;
use super::{Env, Problems};

/// What the configuration crate calls the origin of a value that a variable set.
pub(super) const ENVIRONMENT: &str = "the environment";

/// The values of the file with those of the environment laid over them.
pub(super) struct Tree {
    /// The top-level tables, in the file's order.
    pub(super) values: Map<String, Value>,
    /// Permission bits of the file.
    pub(super) mode: u32,
    /// Which of them is whose.
    pub(super) origin: Origin,
}

/// Reads the file at `path` and lays the environment over it.
pub(super) fn read(path: &Path, env: &Env) -> Result<Tree, Problems> {
    let mut origin = Origin::file(path);
    let mut problems = Problems::new(&origin);
    match text(path) {
        Err(what) => problems.add("", what),
        Ok((text, mode)) => match merge(&text, &mut origin, env, &mut problems) {
            Ok(values) => return problems.or(Tree { values, mode, origin }),
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

fn merge(
    text: &str,
    origin: &mut Origin,
    env: &Env,
    problems: &mut Problems,
) -> Result<Map<String, Value>, ConfigError> {
    let file = || Config::builder().add_source(File::from_str(text, FileFormat::Toml));
    let (variables, unreadable) = origin.lay_over(&file().build()?.cache.into_table()?, env);
    for name in unreadable {
        problems.add_at(format!("${name}"), "", "is not UTF-8; set it to UTF-8 text");
    }
    file().add_source(Environment::default().source(Some(variables))).build()?.cache.into_table()
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
