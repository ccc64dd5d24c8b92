//! What is told: numbers, names and the run's own notices, as JSON and as a mail.

use std::borrow::Cow;
use std::fmt::Write;

use serde_json::{Value, json};

use super::Ended;
use crate::domain::count::count;
use crate::domain::delivery::State;
use crate::domain::standing::Level;
use crate::ledger::{SyncHealth, Trouble};

/// One sync of the run.
#[derive(Debug)]
pub(super) struct Affair<'a> {
    pub(super) sync: &'a str,
    pub(super) before: Level,
    pub(super) now: Level,
    pub(super) health: Option<&'a SyncHealth>,
    /// Not told before.
    pub(super) is_news: bool,
}

/// Everything a message is made of.
#[derive(Debug)]
pub(super) struct Story<'a> {
    pub(super) host: &'a str,
    pub(super) exit: u8,
    pub(super) ended: Ended<'a>,
    pub(super) affairs: Vec<Affair<'a>>,
    pub(super) troubles: &'a [Trouble],
}

impl Story<'_> {
    /// The worst of what is news.
    fn level(&self) -> Level {
        self.affairs.iter().filter(|affair| affair.is_news).map(|affair| affair.now).max().unwrap_or(Level::Fine)
    }

    /// For a program. The names are part of the contract; more may be added.
    pub(super) fn json(&self) -> Value {
        let event = match self.level() {
            Level::Fine => "recovered",
            level => level.as_str(),
        };
        let syncs: serde_json::Map<String, Value> =
            self.affairs.iter().map(|affair| (affair.sync.to_owned(), affair.json())).collect();
        let reasons: Vec<Value> = self
            .troubles
            .iter()
            .map(|trouble| json!({ "sync": trouble.sync, "kind": trouble.kind, "http_status": trouble.http_status, "count": trouble.count }))
            .collect();
        json!({
            "event": event,
            "host": self.host,
            "exit": self.exit,
            "run": counts(self.ended),
            "syncs": syncs,
            "reasons": reasons,
            "notices": self.notices(),
        })
    }

    fn notices(&self) -> Vec<Cow<'_, str>> {
        match self.ended {
            Ended::Report(report) => report.told().into_iter().map(|(_, text)| text).collect(),
            Ended::Failure { text, .. } => vec![text.into()],
        }
    }

    /// One line: which syncs, and what about them.
    pub(super) fn subject(&self) -> String {
        let names: Vec<&str> = self.affairs.iter().filter(|affair| affair.is_news).map(|affair| affair.sync).collect();
        format!("lead-sync on {}: {} {}", self.host, names.join(", "), headline(self.level()))
    }

    /// A mail for a person: what, why, and what to do.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for affair in &self.affairs {
            let _ = writeln!(text, "{} {}.", affair.sync, headline(affair.now));
            if let Some(line) = affair.health.and_then(waiting) {
                let _ = writeln!(text, "  {line}");
            }
        }
        if !self.troubles.is_empty() {
            let _ = writeln!(text, "\nWhat this run met:");
        }
        for Trouble { sync, kind, http_status, count } in self.troubles {
            let status = http_status.map(|status| format!(" (HTTP {status})")).unwrap_or_default();
            let _ = writeln!(text, "  {sync}: {count} {kind}{status}");
        }
        let notices = self.notices();
        if !notices.is_empty() {
            let _ = writeln!(text, "\nWhat it said:");
        }
        for notice in notices {
            let _ = writeln!(text, "  {notice}");
        }
        let _ = writeln!(text, "\nOn {}: lead-sync status shows where everything stands and what to do.", self.host);
        text
    }
}

impl Affair<'_> {
    fn json(&self) -> Value {
        let leads: serde_json::Map<String, Value> = self
            .health
            .into_iter()
            .flat_map(|health| &health.leads)
            .map(|(state, count)| (state.as_str().to_owned(), (*count).into()))
            .collect();
        json!({
            "level": self.now.as_str(),
            "before": self.before.as_str(),
            "news": self.is_news,
            "leads": leads,
            "quarantined": self.health.map_or(0, |health| health.quarantined),
        })
    }
}

fn headline(level: Level) -> &'static str {
    match level {
        Level::Fine => "has recovered",
        Level::Attention => "needs a look",
        Level::Stalled => "has not got through for a day: the API is away or asks to wait",
        Level::Auth => "is stopped: the credentials need a person",
        Level::Error => "has failed",
    }
}

/// What waits for a person, if anything does.
fn waiting(health: &SyncHealth) -> Option<String> {
    let open =
        |(state, count): &&(State, u64)| matches!(state, State::Rejected | State::Held | State::Failed) && *count > 0;
    let mut parts: Vec<String> =
        health.leads.iter().filter(open).map(|(state, count)| format!("{count} {state}")).collect();
    if health.quarantined > 0 {
        parts.push(format!("{} in quarantine", count(health.quarantined, "row")));
    }
    (!parts.is_empty()).then(|| format!("waiting for a person: {}", parts.join(", ")))
}

/// What a run did, in numbers: as `--run-now --json` says it.
pub(super) fn counts(ended: Ended<'_>) -> Value {
    match ended {
        Ended::Report(report) => json!({
            "run": report.run,
            "outcome": report.ending.as_str(),
            "started_at": report.started_at.to_string(),
            "finished_at": report.finished_at.to_string(),
            "syncs": report.syncs,
        }),
        Ended::Failure { syncs, .. } => json!({ "outcome": "error", "syncs": syncs }),
    }
}
