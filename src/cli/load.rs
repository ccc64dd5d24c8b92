//! The configuration for a command.

use std::collections::BTreeMap;

use super::args::Args;
use super::chosen::no_such_sync;
use super::exit::Failure;
use super::{out, surroundings};
use crate::config::{self, Env, Loaded, Problems, Secrets};
use crate::worker::{self, Prepared, settings::Settings};

/// The configuration for a command that looks up no secret.
pub(super) fn load(args: &Args) -> Result<Loaded, Failure> {
    load_with(args, Secrets::None)
}

/// Finds and reads the configuration, and says its warnings. Root is refused where the ledger is another user's. `secrets` are those that the
/// command looks up next.
pub(super) fn load_with(args: &Args, secrets: Secrets) -> Result<Loaded, Failure> {
    let env = Env::process();
    let path = config::locate(args.config.as_deref(), &env).map_err(Failure::usage)?;
    let loaded = config::load(&path, &env, secrets).map_err(Failure::usage)?;
    surroundings::refuse_root(&loaded.unresolved.ledger)?;
    for warning in &loaded.warnings {
        out::warn(warning);
    }
    Ok(loaded)
}

/// The key column of each sync.
pub(super) fn key_columns(loaded: &Loaded) -> BTreeMap<String, String> {
    loaded.unresolved.syncs.iter().map(|sync| (sync.name.clone(), sync.source.key().to_owned())).collect()
}

/// What a command needs that talks to an API. What is wrong with the other `secrets` is told together with that.
pub(super) fn with_secrets(loaded: &Loaded, secrets: Secrets, syncs: &[String]) -> Result<Prepared, Failure> {
    let env = Env::process();
    let mut problems = loaded.problems();
    let settings = problems.take(loaded.settings(&env));
    if secrets == Secrets::All {
        problems.take(loaded.http(&env));
    }
    problems.take(loaded.notify(&env));
    let settings = settings.unwrap_or_else(|| loaded.without_secrets());
    match problems.take(compile(loaded, settings, syncs)) {
        Some(prepared) => problems.or(prepared),
        None => Err(problems),
    }
    .map_err(Failure::usage)
}

/// What a command needs that only reads sources.
pub(super) fn without_secrets(args: &Args, syncs: &[String]) -> Result<Prepared, Failure> {
    let loaded = load(args)?;
    let settings = loaded.without_secrets();
    prepare(&loaded, settings, syncs)
}

/// Compiles the mappings of the syncs named, or of all.
pub(super) fn prepare(loaded: &Loaded, settings: Settings, syncs: &[String]) -> Result<Prepared, Failure> {
    compile(loaded, settings, syncs).map_err(Failure::usage)
}

/// The same, its problems not yet told.
pub(super) fn compile(loaded: &Loaded, settings: Settings, syncs: &[String]) -> Result<Prepared, Problems> {
    let mut problems = loaded.problems();
    for name in syncs {
        if !settings.syncs.iter().any(|sync| sync.name == *name) {
            let names = settings.syncs.iter().map(|sync| sync.name.as_str());
            problems.add(format!("syncs.{name}"), no_such_sync(name, names));
        }
    }
    match worker::prepare(settings, syncs) {
        Ok(prepared) => problems.or(prepared),
        Err(found) => {
            for (sync, problem) in found {
                problems.add(format!("syncs.{sync}.{}", problem.path), problem.message);
            }
            Err(problems)
        }
    }
}
