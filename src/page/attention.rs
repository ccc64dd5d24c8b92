//! What needs a person, and the command that settles it.

use super::facts::{Facts, Open};
use super::lead::Line;
use super::words;
use super::{Need, Outlook};
use crate::domain::breaker::Gate;
use crate::domain::delivery::State;
use crate::domain::reason::shown;
use crate::ledger::SyncStatus;

/// Something that a person has to see to, or at least to know.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub(super) title: String,
    /// What settles it.
    pub(super) cure: String,
    pub(super) leads: Vec<Line>,
    /// How many more there are, and the command that lists them.
    pub(super) more: Option<(String, String)>,
}

impl Item {
    fn new(title: String, cure: String) -> Self {
        Self { title, cure, leads: Vec::new(), more: None }
    }
}

/// All of it: what stops everything first, then leads.
pub(super) fn items(facts: &Facts, outlook: &Outlook) -> Vec<Item> {
    let mut items: Vec<Item> = refused(facts).into_iter().chain(sessions(outlook)).collect();
    items.extend(stopped(facts, outlook));
    items.extend(failed_runs(facts, outlook));
    items.extend(facts.open.iter().filter(|open| outlook.configured.contains(&open.sync)).map(leads));
    let others = facts.syncs.iter().filter(|sync| !outlook.configured.contains(&sync.sync));
    items.extend(others.filter_map(gone));
    items
}

fn refused(facts: &Facts) -> Option<Item> {
    let cure = facts.refused.as_deref().map(shown)?;
    Some(Item::new("Nothing is sent: the ledger may be older than what was sent".to_owned(), cure))
}

fn sessions(outlook: &Outlook) -> impl Iterator<Item = Item> {
    outlook.sessions.iter().filter_map(|session| {
        let name = &session.connection;
        let cure = match session.need {
            Need::Nothing => return None,
            Need::Login => format!("lead-sync login {name}"),
            Need::Mending => "lead-sync check tells whether it is mended".to_owned(),
        };
        Some(Item::new(format!("Connection {name}: {}", shown(&session.text)), cure))
    })
}

/// Pauses and breakers. Both end by themselves; a person may know better.
fn stopped(facts: &Facts, outlook: &Outlook) -> Vec<Item> {
    let mut items = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for sync in configured(facts, outlook).filter(|sync| seen.insert(&sync.connection)) {
        let name = &sync.connection;
        let cure = format!("it goes on by itself; lead-sync resume {name} lifts it now");
        if let Some((until, why)) = sync.state.pause.as_ref().filter(|(until, _)| *until > facts.now) {
            let title = format!("Connection {name} is paused until {} UTC: {}", words::minute(*until), shown(why));
            items.push(Item::new(title, cure.clone()));
        }
        if let Gate::OpenUntil(until) = sync.state.breaker.gate(facts.now) {
            let title = format!(
                "Connection {name} failed several times in a row; nothing is sent until {} UTC",
                words::minute(until)
            );
            items.push(Item::new(title, cure));
        }
    }
    items
}

/// Syncs whose last run could not do its work.
fn failed_runs(facts: &Facts, outlook: &Outlook) -> impl Iterator<Item = Item> {
    configured(facts, outlook).filter_map(|sync| {
        let outcome = sync.last_outcome.as_deref().filter(|outcome| matches!(*outcome, "auth" | "error"))?;
        let title = match outcome {
            "auth" => format!("Sync {}: the last run found its credentials refused", sync.sync),
            _ => format!("Sync {}: the last run ended with an error", sync.sync),
        };
        Some(Item::new(title, "lead-sync check says what is wrong; the log of the run has the error itself".to_owned()))
    })
}

fn configured<'f>(facts: &'f Facts, outlook: &Outlook) -> impl Iterator<Item = &'f SyncStatus> {
    facts.syncs.iter().filter(|sync| outlook.configured.contains(&sync.sync))
}

/// What is left of a sync that is no longer configured. Nothing that is done to its leads sends them.
fn gone(sync: &SyncStatus) -> Option<Item> {
    let name = &sync.sync;
    let unsettled = sync.leads.iter().filter(|(state, _)| state != State::Delivered.as_str());
    let mut left: Vec<String> = unsettled.map(|(state, count)| format!("{} {state}", words::number(*count))).collect();
    if sync.quarantined > 0 {
        left.push(format!("{} in quarantine", words::number(sync.quarantined)));
    }
    let title = format!("Sync {name} is no longer configured, and its leads are not sent: {}", left.join(", "));
    let cure = format!("they are sent once the sync is configured again; lead-sync leads --sync {name} lists them");
    (!left.is_empty()).then(|| Item::new(title, cure))
}

fn leads(open: &Open) -> Item {
    let (count, sync, state) = (words::number(open.count), &open.sync, open.state);
    let noun = if open.count == 1 { "lead" } else { "leads" };
    let hidden = open.count.saturating_sub(open.leads.len() as u64);
    let list = format!("lead-sync leads --sync {sync} --state {state}");
    Item {
        title: format!("{count} {state} {noun} of {sync}"),
        cure: state.cure().unwrap_or_default().to_owned(),
        leads: open.leads.iter().map(Line::new).collect(),
        more: (hidden > 0).then(|| (words::number(hidden), list)),
    }
}
