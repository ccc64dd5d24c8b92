//! `status` and `runs`.

use super::args::{Args, RunsOptions};
use super::exit::{Exit, Failure};
use super::{load, out};
use crate::clock;
use crate::domain::breaker::Gate;
use crate::ledger::{Ledger, SyncStatus};

/// Each sync at a glance, and the commands that settle what needs a person.
pub(super) fn status(args: &Args) -> Result<Exit, Failure> {
    let loaded = load::load(args)?;
    let ledger = Ledger::open_reader(&loaded.unresolved.ledger)?;
    for sync in ledger.status()? {
        let configured = loaded.unresolved.syncs.iter().any(|known| known.name == sync.sync);
        let leads: Vec<String> = sync.leads.iter().map(|(state, count)| format!("{count} {state}")).collect();
        let leads = if leads.is_empty() { "no leads".to_owned() } else { leads.join(", ") };
        out::say(format!(
            "{}: {leads}{}",
            sync.sync,
            if configured { "" } else { " (no longer configured: not sent)" }
        ));
        if let (Some(at), Some(outcome)) = (&sync.last_run, &sync.last_outcome) {
            out::say(format!("  last run {at}: {outcome}"));
        }
        connection(&sync);
        needs(&sync);
    }
    Ok(Exit::Done)
}

fn connection(sync: &SyncStatus) {
    let now = clock::now();
    let name = &sync.connection;
    if let Some((until, why)) = sync.state.pause.as_ref().filter(|(until, _)| *until > now) {
        out::say(format!("  connection {name} is paused until {until}: {why} (lead-sync resume {name} lifts it)"));
    }
    if let Gate::OpenUntil(until) = sync.state.breaker.gate(now) {
        out::say(format!("  connection {name} failed several times in a row; nothing is sent until {until}"));
    }
}

fn needs(sync: &SyncStatus) {
    let name = &sync.sync;
    let count = |state: &str| sync.leads.iter().find(|(known, _)| known == state).map_or(0, |(_, count)| *count);
    let cures = [
        ("rejected", "correct the rows in the export, or lead-sync retry --state rejected"),
        ("held", "find out whether they arrived, then lead-sync resolve KEY --delivered or --resend"),
        ("failed", "lead-sync retry --state failed, once the API is well"),
    ];
    for (state, cure) in cures {
        if count(state) > 0 {
            out::say(format!(
                "  {} {state}: lead-sync leads --sync {name} --state {state} shows why; {cure}",
                count(state)
            ));
        }
    }
    if sync.quarantined > 0 {
        out::say(format!("  {} rows in quarantine: listed as rejected; correct them in the export", sync.quarantined));
    }
}

/// The latest runs.
pub(super) fn runs(args: &Args, options: &RunsOptions) -> Result<Exit, Failure> {
    let ledger = Ledger::open_reader(&load::load(args)?.unresolved.ledger)?;
    let runs = ledger.runs(options.limit)?;
    if options.json {
        out::say(serde_json::to_string_pretty(&runs).unwrap_or_default());
        return Ok(Exit::Done);
    }
    let lines: Vec<[String; 8]> = runs
        .iter()
        .map(|run| {
            let counts = &run.counts;
            [
                run.run.to_string(),
                run.started_at.clone(),
                run.trigger.clone(),
                run.outcome.clone().unwrap_or_else(|| "running".to_owned()),
                counts.read.to_string(),
                counts.delivered.to_string(),
                (counts.rejected + counts.held + counts.failed).to_string(),
                counts.pending.to_string(),
            ]
        })
        .collect();
    out::table(["run", "started_at", "trigger", "outcome", "read", "delivered", "need a look", "pending"], &lines);
    Ok(Exit::Done)
}
