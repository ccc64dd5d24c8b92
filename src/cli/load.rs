//! The configuration for a command.

use super::args::Args;
use super::exit::Failure;
use super::{out, surroundings};
use crate::config::{self, Env, Loaded, Problems};
use crate::worker::{self, Prepared, settings::Settings};

/// Finds and reads the configuration, and says its warnings. Root is refused where the ledger is another user's.
pub(super) fn load(args: &Args) -> Result<Loaded, Failure> {
    let env = Env::process();
    let path = config::locate(args.config.as_deref(), &env).map_err(Failure::usage)?;
    let loaded = config::load(&path, &env).map_err(Failure::usage)?;
    surroundings::refuse_root(&loaded.unresolved.ledger)?;
    for warning in &loaded.warnings {
        out::warn(warning);
    }
    Ok(loaded)
}

/// What a command needs that talks to an API.
pub(super) fn with_secrets(loaded: &Loaded, syncs: &[String]) -> Result<Prepared, Failure> {
    let settings = loaded.settings(&Env::process()).map_err(Failure::usage)?;
    prepare(loaded, settings, syncs)
}

/// What a command needs that only reads sources.
pub(super) fn without_secrets(args: &Args, syncs: &[String]) -> Result<Prepared, Failure> {
    let loaded = load(args)?;
    let settings = loaded.without_secrets();
    prepare(&loaded, settings, syncs)
}

/// Compiles the mappings of the syncs named, or of all.
pub(super) fn prepare(loaded: &Loaded, settings: Settings, syncs: &[String]) -> Result<Prepared, Failure> {
    let mut problems = Problems::new(&loaded.path);
    for name in syncs {
        if !settings.syncs.iter().any(|sync| sync.name == *name) {
            problems.add(format!("syncs.{name}"), "there is no such sync; the configuration names others");
        }
    }
    if !problems.is_empty() {
        return Err(Failure::usage(problems));
    }
    worker::prepare(settings, syncs).map_err(|found| {
        for (sync, problem) in found {
            problems.add(format!("syncs.{sync}.{}", problem.path), problem.message);
        }
        Failure::usage(problems)
    })
}
