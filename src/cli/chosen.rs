//! `--sync NAME`: the sync that is meant.

use std::collections::BTreeSet;

use super::exit::Failure;
use super::out;
use crate::config::{self, Loaded};
use crate::ledger::Ledger;

/// Refuses a name that neither the configuration nor the ledger knows: an empty answer would say that nothing is the matter with it.
pub(super) fn require_sync(name: Option<&str>, loaded: &Loaded, ledger: &Ledger) -> Result<(), Failure> {
    let Some(name) = name else { return Ok(()) };
    let configured = loaded.unresolved.syncs.iter().map(|sync| sync.name.clone());
    if configured.clone().any(|known| known == name) || ledger.sync_number(name)?.is_some() {
        return Ok(());
    }
    let names: BTreeSet<String> = configured.chain(ledger.status()?.into_iter().map(|sync| sync.sync)).collect();
    let text = no_such_sync(name, names.iter().map(String::as_str));
    Err(Failure::usage(format!("--sync {}: {text}", out::shown(name))))
}

/// What to say of a name that none of `names` is.
pub(super) fn no_such_sync<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.collect();
    match config::nearest(name, &names) {
        Some(near) => format!("there is no such sync; did you mean {near}?"),
        None if names.is_empty() => "there is no such sync, nor any other".to_owned(),
        None => format!("there is no such sync; there is {}", names.join(", ")),
    }
}
