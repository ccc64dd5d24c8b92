//! `show KEY`: one lead's whole history.

use clap::Args as ClapArgs;

use super::args::Args;
use super::chosen::require_sync;
use super::exit::{Exit, Failure};
use super::format::{Form, Format};
use super::values::key;
use super::{load, out, reader, table};
use crate::ledger::{Event, Ledger, Told};

/// Options of `show`.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Fields of json: those of `leads`, possibly_sent_twice, next_at, and history, a list of run, attempt, at, kind,\n\
                        http_status, reason, took_ms. csv is the history: sync, key, at, run, attempt, kind, http_status, took_ms, reason."
)]
pub struct ShowOptions {
    /// The CRM's id of the row
    #[arg(allow_hyphen_values = true, value_parser = key)]
    pub key: String,
    /// Only this sync
    #[arg(long, value_name = "NAME")]
    pub sync: Option<String>,
    #[command(flatten)]
    pub form: Form,
}

/// Tells all that the ledger knows of a key.
pub(super) fn show(args: &Args, options: &ShowOptions) -> Result<Exit, Failure> {
    let loaded = load::load(args)?;
    let ledger = reader::open(&loaded)?;
    require_sync(options.sync.as_deref(), &loaded, &ledger)?;
    let told = ledger.show(&options.key, options.sync.as_deref())?;
    match options.form.format() {
        Format::Json => out::json(&told),
        Format::Csv => csv(&told),
        Format::Table => {
            if told.is_empty() {
                nothing(&ledger, options)?;
            }
            told.iter().for_each(tell);
        }
    }
    Ok(Exit::Done)
}

fn nothing(ledger: &Ledger, options: &ShowOptions) -> Result<(), Failure> {
    let forgotten = ledger.forgotten(&options.key, options.sync.as_deref())?;
    for (sync, at) in &forgotten {
        out::note(format!("forgotten in {sync} at {at}: nothing is held, and no export brings the person back"));
    }
    if forgotten.is_empty() {
        out::note("no lead has this key: it was not in any export that was read, or `where` was false for its row");
    }
    Ok(())
}

fn tell(told: &Told) {
    let lead = &told.lead;
    out::say(format!("{} of {}: {}", out::shown(&lead.key), lead.sync, lead.state));
    let line = |name: &str, value: &str| out::say(format!("  {name:<12}{value}"));
    line("read from", &out::shown(&lead.origin));
    if let Some(backref) = &lead.backref {
        line("backref", &table::link(backref, backref));
    }
    for (name, value) in [("remote id", &lead.remote_id), ("reason", &lead.reason), ("again at", &told.next_at)] {
        if let Some(value) = value {
            line(name, &out::shown(value));
        }
    }
    line("attempts", &lead.attempts.to_string());
    if let Some(status) = lead.http_status {
        line("answered", &format!("HTTP {status}"));
    }
    line("updated", &lead.updated_at);
    if let Some(doubt) = told.doubt() {
        line("note", doubt);
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
    let status = event.http_status.map(|status| format!(" {status}")).unwrap_or_default();
    let took = event.took_ms.filter(|ms| *ms > 0).map(|ms| format!(" after {ms} ms")).unwrap_or_default();
    let reason = event.reason.as_deref().map(|reason| format!(": {}", out::shown(reason))).unwrap_or_default();
    format!("{}{run} attempt {} {}{status}{took}{reason}", event.at, event.attempt, event.kind)
}

/// The history, a row for each entry.
fn csv(told: &[Told]) {
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let rows = told.iter().flat_map(|told| told.history.iter().map(|event| (&told.lead, event)));
    table::csv(
        ["sync", "key", "at", "run", "attempt", "kind", "http_status", "took_ms", "reason"],
        rows.map(|(lead, event)| {
            [
                lead.sync.clone(),
                lead.key.clone(),
                event.at.clone(),
                number(event.run),
                event.attempt.to_string(),
                event.kind.clone(),
                number(event.http_status),
                number(event.took_ms),
                event.reason.clone().unwrap_or_default(),
            ]
        }),
    );
}
