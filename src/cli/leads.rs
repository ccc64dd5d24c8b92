//! `leads`: every lead and where it stands.

use clap::Args as ClapArgs;

use super::args::Args;
use super::chosen::require_sync;
use super::exit::{Exit, Failure};
use super::format::{Form, Format};
use super::values::{at_least_one, moment, state, whole};
use super::{load, out, reader, table};
use crate::domain::delivery::State;
use crate::domain::time::Timestamp;
use crate::ledger::{Filter, LeadRow};

/// Rows in a table unless asked for more: a screenful.
const SCREEN: usize = 50;

/// Options of `leads`.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Fields of json and csv: sync, key, state, backref, remote_id, attempts, http_status, reason, origin, updated_at.\n\
                        Times are RFC 3339 in UTC. In csv a cell that a spreadsheet would run as a formula gets an apostrophe in front."
)]
pub struct LeadsOptions {
    /// Only this sync
    #[arg(long, value_name = "NAME")]
    pub sync: Option<String>,
    /// Only this state: pending, sending, waiting, delivered, rejected, held, failed
    #[arg(long, value_parser = state)]
    pub state: Option<State>,
    /// Only what changed since then: 2026-01-31, 2026-01-31T08:00:00Z, or how long ago: 90m, 7d
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<Timestamp>,
    /// Only where the reason holds this text
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// At most so many [default: 50 in a table, else all]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub limit: Option<usize>,
    /// Pass over the first so many
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole::<usize>)]
    pub offset: usize,
    #[command(flatten)]
    pub form: Form,
}

/// Lists leads.
pub(super) fn leads(args: &Args, options: &LeadsOptions) -> Result<Exit, Failure> {
    let loaded = load::load(args)?;
    let ledger = reader::open(&loaded)?;
    require_sync(options.sync.as_deref(), &loaded, &ledger)?;
    let format = options.form.format();
    let limit = match format {
        Format::Table => Some(options.limit.unwrap_or(SCREEN)),
        Format::Json | Format::Csv => options.limit,
    };
    let filter = Filter {
        sync: options.sync.clone(),
        state: options.state,
        key: None,
        since: options.since,
        reason: options.reason.clone(),
        // One more than is shown tells whether there is a next page.
        limit: limit.map(|limit| limit.saturating_add(1)),
        offset: options.offset,
    };
    let mut rows = ledger.leads(&filter)?;
    let has_more = limit.is_some_and(|limit| rows.len() > limit);
    rows.truncate(limit.unwrap_or(rows.len()));
    match format {
        Format::Json => out::json(&rows),
        Format::Csv => csv(&rows),
        Format::Table => {
            screen(&rows);
            if rows.is_empty() {
                out::note("no lead is like that; lead-sync status counts those of each sync");
            }
            if has_more {
                let next = options.offset + rows.len();
                out::note(format!("--offset {next} shows the next; --limit N more at once, --format csv or json all"));
            }
        }
    }
    Ok(Exit::Done)
}

fn screen(rows: &[LeadRow]) {
    let cell = |text: &Option<String>| text.as_deref().map(out::shown).unwrap_or_default();
    let lines: Vec<[String; 8]> = rows
        .iter()
        .map(|row| {
            [
                out::shown(&row.sync),
                out::shown(&row.key),
                row.state.clone(),
                row.attempts.to_string(),
                row.updated_at.clone(),
                out::shown(&row.origin),
                cell(&row.remote_id),
                cell(&row.reason),
            ]
        })
        .collect();
    table::print(["sync", "key", "state", "attempts", "updated_at", "origin", "remote_id", "reason"], &lines);
}

fn csv(rows: &[LeadRow]) {
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    table::csv(
        ["sync", "key", "state", "backref", "remote_id", "attempts", "http_status", "reason", "origin", "updated_at"],
        rows.iter().map(|row| {
            [
                row.sync.clone(),
                row.key.clone(),
                row.state.clone(),
                text(&row.backref),
                text(&row.remote_id),
                row.attempts.to_string(),
                number(row.http_status),
                text(&row.reason),
                row.origin.clone(),
                row.updated_at.clone(),
            ]
        }),
    );
}
