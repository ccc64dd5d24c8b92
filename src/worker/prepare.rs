//! What can be made ready before anything is read or sent: the chosen syncs and their mappings.

use super::settings::{Settings, Sync};
use crate::domain::mapping::{Mapping, Problem};

/// Settings with the chosen syncs, their mappings compiled.
#[derive(Debug)]
pub struct Prepared {
    /// Everything as configured.
    pub settings: Settings,
    /// The chosen syncs.
    pub syncs: Vec<Ready>,
}

impl Prepared {
    /// One of its own for each sync, so that each can run by itself.
    pub fn one_by_one(self) -> impl Iterator<Item = Self> {
        let Self { settings, syncs } = self;
        syncs.into_iter().map(move |sync| Self { settings: settings.clone(), syncs: vec![sync] })
    }
}

/// A sync with its mapping.
#[derive(Debug)]
pub struct Ready {
    /// As configured.
    pub settings: Sync,
    /// Compiled.
    pub mapping: Mapping,
}

/// Compiles the mappings of the syncs named in `chosen`, or of all if it is empty. All problems at once, each with its sync's name.
pub fn prepare(settings: Settings, chosen: &[String]) -> Result<Prepared, Vec<(String, Problem)>> {
    let mut syncs = Vec::new();
    let mut problems = Vec::new();
    let wanted = |sync: &&Sync| chosen.is_empty() || chosen.contains(&sync.name);
    for sync in settings.syncs.iter().filter(wanted) {
        match Mapping::compile(&sync.mapping) {
            Ok(mapping) => syncs.push(Ready { settings: sync.clone(), mapping }),
            Err(found) => problems.extend(found.into_iter().map(|problem| (sync.name.clone(), problem))),
        }
    }
    if problems.is_empty() { Ok(Prepared { settings, syncs }) } else { Err(problems) }
}
