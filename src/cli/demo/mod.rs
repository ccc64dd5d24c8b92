//! `demo`: a first run against a local WeGroup, in a folder that the user can go on from.

mod place;
mod story;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;

use super::args::Args;
use super::exit::{Exit, Failure};
use super::run;
use super::signals::Listening;
use crate::clock;
use crate::ledger::{Lease, Ledger, NewLedger, OlderLedger, Trigger};
use crate::sandbox::{Options, Running, Sandbox};
use crate::worker::report::{Ending, Report};
use crate::worker::{Job, Prepared, Purpose};
use place::Place;

/// What an answer of an API across the internet takes: long enough for the progress bar to be seen.
const LATENCY: Duration = Duration::from_millis(60);

/// Options of `demo`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "A second demo in the same folder goes on with its ledger and overwrites nothing in it.")]
pub struct DemoOptions {
    /// The folder for the export, the configuration and the ledger; made if it is missing
    #[arg(long, value_name = "DIR", default_value = "lead-sync-demo")]
    pub folder: PathBuf,
    /// Forget the demos before: write everything in the folder anew
    #[arg(long)]
    pub fresh: bool,
}

/// Runs twice and tells what happened.
pub(super) fn demo(args: &Args, options: &DemoOptions) -> Result<Exit, Failure> {
    if args.config.is_some() {
        return Err(Failure::usage("the demo has a configuration of its own: use --folder DIR instead of --config"));
    }
    let place = Place::find(&options.folder, options.fresh)?;
    run::runtime()?.block_on(async {
        let running = start(&place).await?;
        let result = run_twice(&place, &running).await;
        running.shutdown().await;
        result
    })
}

async fn start(place: &Place) -> Result<Running, Failure> {
    let listener = Sandbox::listen(place.address()).await.map_err(|error| {
        Failure::usage(format!(
            "{error}: {} wants {}. Stop what listens there, or name another folder with --folder",
            place.configuration().display(),
            place.address()
        ))
    })?;
    Sandbox::start(Options { latency: LATENCY, ..Options::default() }, listener).map_err(Failure::usage)
}

async fn run_twice(place: &Place, running: &Running) -> Result<Exit, Failure> {
    let (prepared, lease) = place.open(running.address())?;
    story::opening(place, &running.url());
    let listening = Listening::begin()?;
    let first = pass(&prepared, &lease, &listening).await?;
    if let Some(exit) = cut_short(&first) {
        return Ok(exit);
    }
    let leads = Ledger::open_reader(&prepared.settings.ledger)?.leads(&crate::ledger::Filter::default())?;
    story::first_run(&first, &leads);
    let second = pass(&prepared, &lease, &listening).await?;
    if let Some(exit) = cut_short(&second) {
        return Ok(exit);
    }
    story::second_run(&second, &running.summary());
    story::what_next(place, running.address(), &prepared.settings.ledger, &leads);
    Ok(Exit::Done)
}

async fn pass(prepared: &Prepared, lease: &Lease, listening: &Listening) -> Result<Report, Failure> {
    let job = Job {
        trigger: Trigger::Manual,
        purpose: Purpose::Send,
        limit: None,
        confirmed: true,
        // Nothing can be doubled at a WeGroup that has just begun.
        new_ledger: NewLedger::Confirmed,
        older_ledger: OlderLedger::Confirmed,
    };
    run::supervise(prepared, &job, Some(lease), listening).await
}

/// A run that did not get through is told as any run is.
fn cut_short(report: &Report) -> Option<Exit> {
    let through = matches!(report.ending, Ending::Complete | Ending::Attention);
    (!through).then(|| {
        run::print(report, false);
        report.ending.into()
    })
}

/// The lease of a demo's ledger.
fn take_lease(prepared: &Prepared) -> Result<Lease, Failure> {
    Ok(Lease::take(&prepared.settings.ledger, "demo", clock::now())?)
}
