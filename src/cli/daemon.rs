//! `lead-sync` without a command: the daemon.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::{Notify, watch};

use super::args::Args;
use super::exit::{Exit, Failure};
use super::{load, run, signals, surroundings};
use crate::config::Env;
use crate::daemon::{self, Daemon, Event};
use crate::worker::report::{Ending, Report};
use crate::worker::stop::Stopper;

/// What a run that was given up may take to let go of its thread.
const LEAVING: Duration = Duration::from_secs(1);

impl From<daemon::Error> for Failure {
    fn from(error: daemon::Error) -> Self {
        match error {
            daemon::Error::Ledger(error) => error.into(),
            daemon::Error::NoSchedule => Self::usage(error),
        }
    }
}

/// Runs each sync at its times until SIGTERM or ctrl-C, which is no failure.
pub(super) fn daemon(args: &Args) -> Result<Exit, Failure> {
    let prepared = load::with_secrets(args, &[])?;
    surroundings::warn(&prepared.settings.ledger, &Env::process());
    let runtime = run::runtime()?;
    let ended = runtime.block_on(async {
        let hangup = Arc::new(Notify::new());
        let hangups = signals::hangups(&hangup)?;
        let grace = prepared.settings.shutdown_grace;
        let lease = run::take_lease(&prepared.settings.ledger, "daemon", None).await?;
        let (events, told) = unbounded_channel();
        let reload = || load::with_secrets(args, &[]).map_err(|failure| failure.text);
        let stopper = Stopper::default();
        let board = watch::Sender::default();
        let daemon = Daemon { prepared, lease, reload, hangup: Arc::clone(&hangup), board, events };
        let log = tokio::spawn(log(told));
        let stop = stopper.watch();
        tokio::select! {
            // Signals first: who reads that the daemon is ready may send one at once.
            biased;
            () = signals::forward(&stopper, Some(grace)) => {}
            () = hangups => {}
            served = daemon::run(daemon, &stop) => served?,
        }
        // The last run's end is told, too.
        let _ = log.await;
        Ok(Exit::Done)
    });
    runtime.shutdown_timeout(LEAVING);
    ended
}

/// Says how runs end, until the daemon does.
async fn log(mut told: UnboundedReceiver<Event>) {
    while let Some(event) = told.recv().await {
        match event {
            Event::Began { sync } => tracing::info!(sync, "begins"),
            Event::Ended { sync, result: Ok(report) } => log_report(&sync, &report),
            Event::Ended { sync, result: Err(error) } => tracing::error!(sync, "no run: {error}"),
        }
    }
}

fn log_report(sync: &str, report: &Report) {
    let (run, outcome) = (report.run, report.ending.as_str());
    for notice in &report.notices {
        if notice.ending == Ending::Complete {
            tracing::info!(sync, run, "{}", notice.text);
        } else {
            tracing::warn!(sync, run, "{}", notice.text);
        }
    }
    let counts = report.syncs.get(sync).copied().unwrap_or_default();
    tracing::info!(
        sync,
        run,
        outcome,
        read = counts.read,
        delivered = counts.delivered,
        pending = counts.pending,
        "ends"
    );
}
