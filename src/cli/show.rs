//! `show KEY`: one lead's whole history.

use super::args::{Args, ShowOptions};
use super::exit::{Exit, Failure};
use super::{load, out};
use crate::ledger::{Event, Ledger, Told};

/// Tells all that the ledger knows of a key.
pub(super) fn show(args: &Args, options: &ShowOptions) -> Result<Exit, Failure> {
    let ledger = Ledger::open_reader(&load::load(args)?.unresolved.ledger)?;
    let told = ledger.show(&options.key, options.sync.as_deref())?;
    if options.json {
        out::say(serde_json::to_string_pretty(&told).unwrap_or_default());
        return Ok(Exit::Done);
    }
    if told.is_empty() {
        out::note("no lead has this key: it was not in any export that was read, or `where` was false for its row");
    }
    for lead in &told {
        tell(lead);
    }
    Ok(Exit::Done)
}

fn tell(told: &Told) {
    let lead = &told.lead;
    out::say(format!("{} of {}: {}", out::shown(&lead.key), lead.sync, lead.state));
    let line = |name: &str, value: &str| out::say(format!("  {name:<12}{}", out::shown(value)));
    line("read from", &lead.origin);
    for (name, value) in [
        ("backref", &lead.backref),
        ("remote id", &lead.remote_id),
        ("reason", &lead.reason),
        ("again at", &told.next_at),
    ] {
        if let Some(value) = value {
            line(name, value);
        }
    }
    line("attempts", &lead.attempts.to_string());
    line("updated", &lead.updated_at);
    if told.possibly_sent_twice {
        line("note", "an attempt is in doubt: this lead was possibly sent twice");
    }
    if !told.history.is_empty() {
        out::say("  history");
    }
    for event in &told.history {
        out::say(format!("    {}", one(event)));
    }
}

fn one(event: &Event) -> String {
    let run = event.run.map(|run| format!(" run {run}")).unwrap_or_default();
    let took = event.took_ms.filter(|ms| *ms > 0).map(|ms| format!(" after {ms} ms")).unwrap_or_default();
    let reason = event.reason.as_deref().map(|reason| format!(": {}", out::shown(reason))).unwrap_or_default();
    format!("{}{run} attempt {} {}{took}{reason}", event.at, event.attempt, event.kind)
}
