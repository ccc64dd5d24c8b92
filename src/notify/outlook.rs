//! How the syncs of a run stand, and what follows for those who are told of changes.

use std::collections::BTreeMap;
use std::path::Path;

use super::Ended;
use super::story::Affair;
use crate::clock;
use crate::domain::standing::{self, Decision, End, Level, Standing, Told};
use crate::ledger::{self, Ledger, SyncHealth};
use crate::worker::report::Ending;

/// How the syncs of a run stand, and what follows for one channel.
#[derive(Debug, Default)]
pub(super) struct Outlook {
    /// What the ledger remembers.
    stored: BTreeMap<String, Told>,
    before: BTreeMap<String, Told>,
    pub(super) decisions: BTreeMap<String, Decision>,
    health: BTreeMap<String, SyncHealth>,
    pub(super) troubles: Vec<ledger::Trouble>,
}

impl Outlook {
    /// What this process told counts before what the ledger says: that could not always be written.
    pub(super) fn look(
        ledger: &Path,
        channel: &str,
        told: BTreeMap<String, Told>,
        ended: Ended<'_>,
    ) -> ledger::Result<Self> {
        let ledger = Ledger::open_reader(ledger)?;
        let stored = ledger.last_told(channel)?;
        let mut before = stored.clone();
        before.extend(told);
        let health = ledger.health()?.syncs.into_iter().map(|sync| (sync.sync.clone(), sync)).collect();
        let troubles = match ended {
            Ended::Report(report) => ledger.troubles(report.run)?,
            Ended::Failure { .. } => Vec::new(),
        };
        Ok(Self { stored, ..Self::decide(before, health, troubles, ended) })
    }

    /// Without the ledger.
    pub(super) fn blind(told: BTreeMap<String, Told>, ended: Ended<'_>) -> Self {
        Self::decide(told, BTreeMap::new(), Vec::new(), ended)
    }

    fn decide(
        before: BTreeMap<String, Told>,
        health: BTreeMap<String, SyncHealth>,
        troubles: Vec<ledger::Trouble>,
        ended: Ended<'_>,
    ) -> Self {
        let now = clock::now();
        let names: Vec<&String> = match ended {
            Ended::Report(report) => report.syncs.keys().collect(),
            Ended::Failure { syncs, .. } => syncs.iter().collect(),
        };
        let decide = |name: &String| {
            let known = health.get(name);
            let standing = Standing {
                end: end(ended),
                open: known.map_or(0, SyncHealth::open),
                last_success: known.and_then(|sync| sync.last_success),
                first_run: known.and_then(|sync| sync.first_run),
            };
            (name.clone(), standing::decide(before.get(name).copied(), standing, now))
        };
        let decisions = names.into_iter().map(decide).collect();
        Self { stored: BTreeMap::new(), before, decisions, health, troubles }
    }

    pub(super) fn affairs(&self) -> Vec<Affair<'_>> {
        let mut affairs = Vec::new();
        for (sync, decision) in &self.decisions {
            affairs.push(Affair {
                sync,
                before: self.before.get(sync).map_or(Level::Fine, |told| told.level),
                now: decision.told.level,
                health: self.health.get(sync),
                is_news: decision.tell,
            });
        }
        affairs
    }

    /// Keeps what changed.
    pub(super) fn remember(&self, ledger: &Path, channel: &str) -> ledger::Result<()> {
        let changed: BTreeMap<String, Told> = self
            .decisions
            .iter()
            .filter(|(sync, decision)| self.stored.get(*sync) != Some(&decision.told))
            // That all is fine needs no entry as long as nothing else was told.
            .filter(|(sync, decision)| decision.told.level != Level::Fine || self.stored.contains_key(*sync))
            .map(|(sync, decision)| (sync.clone(), decision.told))
            .collect();
        if changed.is_empty() { Ok(()) } else { Ledger::open(ledger)?.remember_told(channel, &changed) }
    }
}

fn end(ended: Ended<'_>) -> End {
    let Ended::Report(report) = ended else { return End::Error };
    match report.ending {
        Ending::Complete => End::Done,
        Ending::Attention => End::Attention,
        Ending::Interrupted | Ending::Deferred => End::Unfinished,
        Ending::Auth => End::Auth,
        Ending::Usage | Ending::Error => End::Error,
    }
}
