//! Who says what: the file, or a variable `LEAD_SYNC__…`.

use std::path::{Path, PathBuf};

use config::{Map, Value, ValueKind};

use super::Env;

/// Names of variables that set a key begin with this: `LEAD_SYNC__LEDGER__PATH` sets `ledger.path`.
const PREFIX: &str = "LEAD_SYNC__";

/// What stands between the parts of a key in the name of a variable.
const SEPARATOR: &str = "__";

/// The tables whose keys are names that the user gives.
const NAMED: [&str; 2] = ["connections", "syncs"];

/// A variable that sets a key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Variable {
    name: String,
    /// The dotted key.
    key: String,
}

/// The file and the variables that one configuration is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    path: PathBuf,
    variables: Vec<Variable>,
}

impl Origin {
    /// The file alone.
    pub(super) fn file(path: &Path) -> Self {
        Self { path: path.to_path_buf(), variables: Vec::new() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The variables of `env` by the key that each sets, and the names of those that are not UTF-8. `values` are the file's.
    pub(super) fn lay_over<'e>(
        &mut self,
        values: &Map<String, Value>,
        env: &'e Env,
    ) -> (Map<String, String>, Vec<&'e str>) {
        let (mut keys, mut unreadable) = (Map::new(), Vec::new());
        for (name, value) in env.with_prefix(PREFIX) {
            match value.to_str() {
                Some(value) => {
                    let key = key(&name[PREFIX.len()..], values);
                    keys.insert(key.clone(), value.to_owned());
                    self.variables.push(Variable { name: name.to_owned(), key });
                }
                None => unreadable.push(name),
            }
        }
        (keys, unreadable)
    }

    /// What says the value under a dotted key that is not there any more: the variable, if one set it, else the file.
    pub(super) fn place(&self, key: &str) -> String {
        self.variable(key).unwrap_or_else(|| self.path.display().to_string())
    }

    /// The variable that set the dotted `key`, or what it is a part of, or the first of its parts.
    pub(super) fn variable(&self, key: &str) -> Option<String> {
        let found =
            self.variables.iter().find(|variable| is_within(key, &variable.key) || is_within(&variable.key, key))?;
        Some(format!("${}", found.name))
    }
}

/// True if `key` is `whole` or stands in it: `lead.cars[0].vin` stands in `lead.cars`.
fn is_within(key: &str, whole: &str) -> bool {
    key.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The dotted key that a variable sets. A shell knows no variable with a `-` in its name, so that `MY_SYNC` is `my-sync`, too, where the file has
/// that and no `my_sync`.
fn key(name: &str, file: &Map<String, Value>) -> String {
    let lower = name.to_lowercase();
    let mut parts: Vec<&str> = lower.split(SEPARATOR).collect();
    if let [table, name, ..] = parts.as_mut_slice()
        && NAMED.contains(table)
        && let Some(ValueKind::Table(named)) = file.get(*table).map(|value| &value.kind)
        && !named.contains_key(*name)
        && let [meant] = alike(name, named.keys().map(String::as_str)).as_slice()
    {
        *name = *meant;
    }
    parts.join(".")
}

/// The names that a variable spells like `name`.
pub(super) fn alike<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let spelled = |name: &str| name.replace('-', "_");
    names.filter(|other| spelled(other) == spelled(name)).collect()
}
