//! `runs`: the latest ones.

use clap::Args as ClapArgs;

use super::args::Args;
use super::exit::{Exit, Failure};
use super::format::{Form, Format};
use super::values::at_least_one;
use super::{load, out, reader, table};
use crate::ledger::RunRow;

/// Options of `runs`.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Fields of json and csv: run, started_at, finished_at, trigger, outcome, read, new, changed, unchanged, skipped,\n\
                        invalid, delivered, rejected, waiting, held, failed, pending."
)]
pub struct RunsOptions {
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = at_least_one)]
    pub limit: usize,
    #[command(flatten)]
    pub form: Form,
}

/// The latest runs.
pub(super) fn runs(args: &Args, options: &RunsOptions) -> Result<Exit, Failure> {
    let ledger = reader::open(&load::load(args)?)?;
    let runs = ledger.runs(options.limit)?;
    match options.form.format() {
        Format::Json => out::json(&runs),
        Format::Csv => runs_csv(&runs),
        Format::Table => runs_table(&runs),
    }
    Ok(Exit::Done)
}

fn runs_csv(runs: &[RunRow]) {
    let head = [
        "run",
        "started_at",
        "finished_at",
        "trigger",
        "outcome",
        "read",
        "new",
        "changed",
        "unchanged",
        "skipped",
        "invalid",
        "delivered",
        "rejected",
        "waiting",
        "held",
        "failed",
        "pending",
    ];
    table::csv(head, runs.iter().map(cells));
}

fn cells(run: &RunRow) -> [String; 17] {
    let c = &run.counts;
    [
        run.run.to_string(),
        run.started_at.clone(),
        run.finished_at.clone().unwrap_or_default(),
        run.trigger.clone(),
        run.outcome.clone().unwrap_or_default(),
        c.read.to_string(),
        c.new.to_string(),
        c.changed.to_string(),
        c.unchanged.to_string(),
        c.skipped.to_string(),
        c.invalid.to_string(),
        c.delivered.to_string(),
        c.rejected.to_string(),
        c.waiting.to_string(),
        c.held.to_string(),
        c.failed.to_string(),
        c.pending.to_string(),
    ]
}

fn runs_table(runs: &[RunRow]) {
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
    table::print(["run", "started_at", "trigger", "outcome", "read", "delivered", "need a look", "pending"], &lines);
}
