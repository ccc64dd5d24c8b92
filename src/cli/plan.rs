//! `plan`: what a run would send, and why other rows would not go.

use clap::Args as ClapArgs;
use serde_json::{Value, json};

use super::args::Args;
use super::exit::{Exit, Failure};
use super::{load, out, run};
use crate::domain::count::count;
use crate::worker::progress::Progress;
use crate::worker::report::{Report, Sample};
use crate::worker::stop::Stopper;

/// Options of `plan`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Fields of json: those of --run-now, and `samples`, the first rows of each kind: sync, key, origin, group (new, changed, rejected),\n\
and body, what would be sent, or reason, why not.")]
pub struct PlanOptions {
    /// Only this sync; may be repeated
    #[arg(long, value_name = "NAME")]
    pub sync: Vec<String>,
    /// Of a run that sends at most so many leads
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Of a run that takes in more new leads than `max_new`, or a sync under another name
    #[arg(long)]
    pub confirm: bool,
    /// Show what would be sent as it is, names and addresses included
    #[arg(long)]
    pub show_values: bool,
    /// Print one JSON document on stdout
    #[arg(long)]
    pub json: bool,
}

/// Prints the plan. The exit code is the one that the run would have before anything is sent.
pub(super) fn plan(args: &Args, options: &PlanOptions) -> Result<Exit, Failure> {
    run::with_document(options.json, || lay_out(args, options))
}

fn lay_out(args: &Args, options: &PlanOptions) -> Result<Exit, Failure> {
    let prepared = load::without_secrets(args, &options.sync)?;
    let stopper = Stopper::default();
    let new = run::new_ledger(args.run.new_ledger);
    let report = crate::worker::plan(&prepared, options.confirm, new, &Progress::default(), &stopper.watch())?;
    if options.json {
        let mut document = run::document(&report);
        document["samples"] = report.samples.iter().map(|sample| shown(sample, options.show_values)).collect();
        out::say(document);
    } else {
        for (name, c) in &report.syncs {
            out::say(format!(
                "{name}: {}: {} new, {} changed, {} unchanged, {} skipped, {} invalid; {} would be sent",
                count(c.read, "row"),
                c.new,
                c.changed,
                c.unchanged,
                c.skipped,
                c.invalid,
                count(c.pending, "lead")
            ));
            groups(&report, name, options.show_values);
        }
        if let Some(limit) = options.limit {
            out::say(format!("of all these at most {limit} would be sent (--limit)"));
        }
    }
    run::print_notices(&report);
    Ok(report.ending.into())
}

fn groups(report: &Report, sync: &str, values: bool) {
    for group in ["new", "changed", "rejected"] {
        let samples: Vec<&Sample> =
            report.samples.iter().filter(|sample| sample.group == group && sample.sync == sync).collect();
        if !samples.is_empty() {
            out::say(format!("  {group}, the first {}:", samples.len()));
        }
        for sample in samples {
            let text = match body(sample, values) {
                Some(body) => body.to_string(),
                None => sample.text.clone(),
            };
            out::say(format!("    {} {}  {}", out::shown(&sample.origin), out::shown(&sample.key), out::shown(&text)));
        }
    }
}

/// A sample for another program.
fn shown(sample: &Sample, values: bool) -> Value {
    let Sample { sync, key, origin, group, text } = sample;
    match body(sample, values) {
        Some(body) => json!({ "sync": sync, "key": key, "origin": origin, "group": group, "body": body }),
        None => json!({ "sync": sync, "key": key, "origin": origin, "group": group, "reason": text }),
    }
}

/// What would be sent, its values masked unless they are asked for, so that a plan can be shown to anybody. `None`: nothing would.
fn body(sample: &Sample, values: bool) -> Option<Value> {
    if sample.group == "rejected" {
        return None;
    }
    let body: Value = serde_json::from_str(&sample.text).ok()?;
    Some(if values { body } else { masked(&body) })
}

fn masked(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), masked(value))).collect(),
        Value::Array(items) => items.iter().map(masked).collect(),
        Value::String(text) => json!(format!("<{} characters>", text.chars().count())),
        Value::Number(_) => json!("<number>"),
        other => other.clone(),
    }
}
