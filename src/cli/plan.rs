//! `plan`: what a run would send, and why other rows would not go.

use serde_json::json;

use super::args::Args;
use super::exit::{Exit, Failure};
use super::{load, out, run};
use crate::worker::progress::Progress;
use crate::worker::report::{Report, Sample};
use crate::worker::stop::Stopper;

/// Prints the plan. The exit code is the one that the run would have before anything is sent.
pub(super) fn plan(args: &Args, syncs: &[String], as_json: bool) -> Result<Exit, Failure> {
    let prepared = load::without_secrets(args, syncs)?;
    let stopper = Stopper::default();
    let report = crate::worker::plan(&prepared, &Progress::default(), &stopper.watch())?;
    if as_json {
        run::print(&report, true);
    } else {
        for (name, c) in &report.syncs {
            out::say(format!(
                "{name}: {} rows: {} new, {} changed, {} unchanged, {} skipped, {} invalid; {} leads would be sent",
                c.read, c.new, c.changed, c.unchanged, c.skipped, c.invalid, c.pending
            ));
            groups(&report, name);
        }
        for notice in &report.notices {
            out::note(out::shown(&notice.text));
        }
    }
    Ok(report.ending.into())
}

fn groups(report: &Report, sync: &str) {
    for group in ["new", "changed", "rejected"] {
        let samples: Vec<&Sample> =
            report.samples.iter().filter(|sample| sample.group == group && sample.sync == sync).collect();
        if !samples.is_empty() {
            out::say(format!("  {group}, the first {}:", samples.len()));
        }
        for sample in samples {
            out::say(format!("    {} {}  {}", out::shown(&sample.origin), out::shown(&sample.key), text(sample)));
        }
    }
}

/// A reason as it is; a body with its values masked, so that a plan can be shown to anybody.
fn text(sample: &Sample) -> String {
    if sample.group == "rejected" {
        return out::shown(&sample.text);
    }
    match serde_json::from_str(&sample.text) {
        Ok(body) => masked(&body).to_string(),
        Err(_) => String::new(),
    }
}

fn masked(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), masked(value))).collect(),
        Value::Array(items) => items.iter().map(masked).collect(),
        Value::String(text) => json!(format!("<{} characters>", text.chars().count())),
        Value::Number(_) => json!("<number>"),
        other => other.clone(),
    }
}
