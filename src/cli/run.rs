//! `--run-now` and `baseline`.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::args::{Args, BaselineOptions, RunOptions};
use super::exit::{Exit, Failure};
use super::outside::Outside;
use super::signals::Listening;
use super::{load, out, progress, surroundings};
use crate::clock;
use crate::config::{Env, Loaded, Secrets};
use crate::domain::count::count;
use crate::ledger::{self, Lease, NewLedger, OlderLedger, Trigger};
use crate::worker::progress::Progress;
use crate::worker::report::{Ending, Report};
use crate::worker::stop::Stop;
use crate::worker::{self, Assignment, Job, Prepared, Purpose};

/// How often a waiting process looks whether the ledger is free.
const LOOK: Duration = Duration::from_millis(250);

/// Runs once.
pub(super) fn run_now(args: &Args) -> Result<Exit, Failure> {
    with_document(args.run.json, || run_once(args))
}

/// Does the work of a run. With `--json` stdout is one document also when it came to nothing.
pub(super) fn with_document(as_json: bool, work: impl FnOnce() -> Result<Exit, Failure>) -> Result<Exit, Failure> {
    let started_at = clock::now();
    let ended = work();
    if let (Err(failure), true) = (&ended, as_json) {
        out::say(json!({
            "run": null,
            "outcome": outcome(failure.exit),
            "started_at": started_at.to_string(),
            "finished_at": clock::now().to_string(),
            "syncs": {},
            "error": failure.text,
        }));
    }
    ended
}

/// What `--json` calls the end of a run that did not begin.
fn outcome(exit: Exit) -> &'static str {
    match exit {
        Exit::Held => "held",
        Exit::Deferred => Ending::Interrupted.as_str(),
        _ => Ending::Error.as_str(),
    }
}

fn run_once(args: &Args) -> Result<Exit, Failure> {
    let options = &args.run;
    let loaded = load::load_with(args, Secrets::Run)?;
    surroundings::warn(&loaded.unresolved.ledger, &Env::process());
    let prepared = load::with_secrets(&loaded, Secrets::Run, &options.sync);
    let outside = match Outside::new(&loaded, options.metrics_file.as_deref()) {
        Ok(outside) => outside,
        // Nobody can be told then; why is among what is wrong with the rest.
        Err(failure) => return Err(prepared.err().unwrap_or(failure)),
    };
    let report = runtime()?.block_on(async {
        let listening = Listening::begin()?;
        let lease = take_lease(&loaded.unresolved.ledger, options.wait, &listening.stop).await;
        if let Err(failure @ Failure { exit: Exit::Held | Exit::Deferred, .. }) = lease {
            // Another process is at work: this is no run of which anybody should hear.
            return Err(failure);
        }
        let announced = outside.begin();
        let result = async { supervise(&prepared?, &job(options), Some(&lease?), &listening).await }.await;
        announced.end(&names(&loaded, &options.sync), &result).await;
        result
    })?;
    print(&report, options.json);
    Ok(report.ending.into())
}

fn job(options: &RunOptions) -> Job {
    Job {
        trigger: Trigger::Manual,
        purpose: Purpose::Send,
        limit: options.limit,
        confirmed: options.confirm,
        new_ledger: new_ledger(options.new_ledger),
        older_ledger: older_ledger(options.older_ledger),
    }
}

/// The syncs that were chosen, or all.
fn names(loaded: &Loaded, chosen: &[String]) -> Vec<String> {
    let all = || loaded.unresolved.syncs.iter().map(|sync| sync.name.clone()).collect();
    if chosen.is_empty() { all() } else { chosen.to_vec() }
}

/// Takes what the export holds now as delivered.
pub(super) fn baseline(args: &Args, options: &BaselineOptions) -> Result<Exit, Failure> {
    let prepared = load::without_secrets(args, &options.sync)?;
    let names: Vec<&str> = prepared.syncs.iter().map(|sync| sync.settings.name.as_str()).collect();
    let question =
        format!("Take every row that {} reads now as already delivered? They will not be sent.", names.join(", "));
    if !options.yes && !confirmed(&question)? {
        return Err(Failure::usage("nothing was changed; --yes answers the question"));
    }
    let job = Job {
        trigger: Trigger::Manual,
        purpose: Purpose::Baseline,
        limit: None,
        confirmed: true,
        new_ledger: new_ledger(options.new_ledger),
        older_ledger: older_ledger(options.older_ledger),
    };
    let report = runtime()?.block_on(async { supervise(&prepared, &job, None, &Listening::begin()?).await })?;
    for (name, counts) in &report.syncs {
        let known = counts.unchanged + counts.changed;
        out::say(format!(
            "{name}: {} taken as delivered, {known} known before, {} skipped, {} invalid",
            count(counts.new, "row"),
            counts.skipped,
            counts.invalid
        ));
    }
    print_notices(&report);
    Ok(report.ending.into())
}

pub(super) fn new_ledger(confirmed: bool) -> NewLedger {
    if confirmed { NewLedger::Confirmed } else { NewLedger::Unconfirmed }
}

fn older_ledger(confirmed: bool) -> OlderLedger {
    if confirmed { OlderLedger::Confirmed } else { OlderLedger::Unconfirmed }
}

/// Runs with signals and progress attached. They have tasks in the runtime's own thread: this one is busy with the run.
pub(super) async fn supervise(
    prepared: &Prepared,
    job: &Job,
    lease: Option<&Lease>,
    listening: &Listening,
) -> Result<Report, Failure> {
    listening.may_take(prepared.settings.shutdown_grace);
    let progress = Arc::new(Progress::default());
    let mut beside = JoinSet::new();
    beside.spawn({
        let progress = Arc::clone(&progress);
        async move { progress::show(&progress).await }
    });
    let assignment = Assignment { prepared, job, lease, progress: &progress, stop: &listening.stop };
    let report = tokio::task::block_in_place(|| worker::run(assignment));
    // Whatever progress drew is gone before the result is printed.
    beside.shutdown().await;
    Ok(report?)
}

/// Takes the lease, waiting for it if asked to, and until asked to stop.
async fn take_lease(ledger: &Path, wait: Option<Duration>, stop: &Stop) -> Result<Lease, Failure> {
    let until = clock::instant() + wait.unwrap_or_default();
    loop {
        match Lease::take(ledger, "--run-now", clock::now()) {
            Err(held @ ledger::Error::Held { .. }) if clock::instant() < until => tokio::select! {
                () = stop.wait() => return Err(Failure::new(Exit::Deferred, format!("stopped before it began: {held}"))),
                () = tokio::time::sleep(LOOK) => {}
            },
            taken => return Ok(taken?),
        }
    }
}

/// The runtime around a run: one thread for signals, progress and notices, while this one is busy with the run.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Error, format!("cannot start: {error}")))
}

/// Asks on a terminal; elsewhere the answer is no.
pub(super) fn confirmed(question: &str) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    out::note(format!("{question} [y/N]"));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// A run as one JSON document.
pub(super) fn document(report: &Report) -> Value {
    json!({
        "run": report.run,
        "outcome": report.ending.as_str(),
        "started_at": report.started_at.to_string(),
        "finished_at": report.finished_at.to_string(),
        "syncs": report.syncs,
    })
}

/// The run's result: one JSON document, or a line for each sync.
pub(super) fn print(report: &Report, as_json: bool) {
    if as_json {
        out::say(document(report));
    } else {
        for (name, c) in &report.syncs {
            out::say(format!(
                "{name}: {} read ({} new, {} changed, {} unchanged, {} skipped, {} invalid); \
                 {} delivered, {} rejected, {} waiting, {} held, {} failed, {} pending",
                count(c.read, "row"),
                c.new,
                c.changed,
                c.unchanged,
                c.skipped,
                c.invalid,
                c.delivered,
                c.rejected,
                c.waiting,
                c.held,
                c.failed,
                c.pending
            ));
        }
    }
    print_notices(report);
    if !as_json {
        let seconds = report.finished_at.since(report.started_at).as_secs_f64();
        out::say(format!("run {}: {} in {seconds:.1} s", report.run, report.ending.as_str()));
        if report.syncs.values().any(|c| c.rejected + c.held + c.failed > 0) {
            out::say(
                "what needs a look: lead-sync leads --state rejected (or held, failed); one lead: lead-sync show KEY",
            );
        }
    }
}

/// What a person should read, on stderr.
pub(super) fn print_notices(report: &Report) {
    for notice in &report.notices {
        out::notice(notice.ending.level(), &notice.text);
    }
}
