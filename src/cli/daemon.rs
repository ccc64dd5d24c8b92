//! `lead-sync` without a command: the daemon.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::args::Args;
use super::exit::{Exit, Failure};
use super::{load, outlook, outside, run, signals, surroundings};
use crate::config::{Env, Loaded};
use crate::daemon::board::Board;
use crate::daemon::{self, Daemon, Event};
use crate::http::{self, Desk, Pulse, Watch};
use crate::metrics::{self, Exporter};
use crate::notify::{Ended, Notifier};
use crate::worker::report::{Ending, Report};
use crate::worker::settings::Settings;
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
    let loaded = load::load(args)?;
    let prepared = load::with_secrets(&loaded, &[])?;
    let ledger = prepared.settings.ledger.clone();
    surroundings::warn(&ledger, &Env::process());
    let outside = Beside::new(&loaded)?;
    let runtime = run::runtime()?;
    let exit = runtime.block_on(async {
        let hangup = Arc::new(Notify::new());
        let hangups = signals::hangups(&hangup)?;
        let grace = prepared.settings.shutdown_grace;
        let lease = run::take_lease(&ledger, "daemon", None).await?;
        let (events, told) = unbounded_channel();
        let reload = || {
            let loaded = load::load(args).map_err(|failure| failure.text)?;
            load::with_secrets(&loaded, &[]).map_err(|failure| failure.text)
        };
        let stopper = Stopper::default();
        let board = watch::Sender::default();
        // Ends with this block, whichever way.
        let mut server = JoinSet::new();
        outside.serve(&mut server, &board, &prepared.settings).await?;
        let daemon = Daemon { prepared, lease, reload, hangup: Arc::clone(&hangup), board, events };
        let teller = tokio::spawn(tell(told, outside, ledger));
        let stop = stopper.watch();
        tokio::select! {
            // Signals first: who reads that the daemon is ready may send one at once.
            biased;
            () = signals::forward(&stopper, Some(grace)) => {}
            () = hangups => {}
            ended = daemon::run(daemon, &stop) => ended?,
        }
        // The last run's end is told, too.
        let _ = teller.await;
        Ok(Exit::Done)
    });
    runtime.shutdown_timeout(LEAVING);
    exit
}

/// Those who look at the daemon, and those it tells. Read once: SIGHUP changes syncs and connections, a restart the rest.
struct Beside {
    notifier: Option<Notifier>,
    server: Option<(http::Settings, Exporter)>,
}

impl Beside {
    fn new(loaded: &Loaded) -> Result<Self, Failure> {
        let settings = loaded.http(&Env::process()).map_err(Failure::usage)?;
        let install = |settings| match metrics::install() {
            Ok(exporter) => Ok((settings, exporter)),
            Err(error) => Err(Failure::new(Exit::Error, error)),
        };
        Ok(Self { notifier: outside::notifier(loaded)?, server: settings.map(install).transpose()? })
    }

    /// Starts the server for health, metrics and the dashboard, if one is configured.
    async fn serve(
        &self,
        tasks: &mut JoinSet<()>,
        board: &watch::Sender<Board>,
        prepared: &Settings,
    ) -> Result<(), Failure> {
        let Some((settings, exporter)) = &self.server else { return Ok(()) };
        let listener = TcpListener::bind(settings.listen)
            .await
            .map_err(|error| Failure::usage(format!("[http] listen = {}: {error}", settings.listen)))?;
        let pulse = Arc::new(Pulse::default());
        let looked = Arc::new(Watch::new(Arc::clone(&pulse), &prepared.ledger, exporter.clone()));
        let (seen, known) = (board.subscribe(), prepared.clone());
        let desk = Desk::new(&prepared.ledger, move || {
            // Copied: while it is borrowed the scheduler waits.
            let board = seen.borrow().clone();
            outlook::of_daemon(&board, &known)
        });
        tasks.spawn(http::serve(listener, http::routes(looked, desk, settings)));
        tasks.spawn(follow(board.subscribe(), pulse));
        Ok(())
    }
}

/// Passes the board on to health and metrics.
async fn follow(mut board: watch::Receiver<Board>, pulse: Arc<Pulse>) {
    loop {
        {
            let board = board.borrow_and_update();
            pulse.turn(board.turned_at);
            pulse.set_ready(board.ready);
            for (sync, seen) in &board.syncs {
                metrics::set_next_run(sync, seen.next);
            }
        }
        if board.changed().await.is_err() {
            return;
        }
    }
}

/// Says how runs go, to the log, the monitor and people, until the daemon ends.
async fn tell(mut told: UnboundedReceiver<Event>, outside: Beside, ledger: PathBuf) {
    let mut begun = None;
    while let Some(event) = told.recv().await {
        match event {
            Event::Began { .. } => begun = outside.notifier.as_ref().map(Notifier::begin),
            Event::Ended { sync, result } => {
                let ended = match &result {
                    Ok(report) => {
                        log_notices(&sync, report);
                        (Exit::from(report.ending), Ended::Report(report))
                    }
                    Err(text) => {
                        tracing::error!(sync, "no run: {text}");
                        (Exit::Error, Ended::Failure { text, syncs: std::slice::from_ref(&sync) })
                    }
                };
                if let Some(begun) = begun.take() {
                    begun.end(&ledger, ended.0 as u8, ended.1).await;
                }
                if let Some((_, exporter)) = &outside.server {
                    exporter.upkeep();
                }
            }
        }
    }
}

/// The run itself logs its beginning, its end and its counts.
fn log_notices(sync: &str, report: &Report) {
    for notice in &report.notices {
        if notice.ending == Ending::Complete {
            tracing::info!(sync, run = report.run, "{}", notice.text);
        } else {
            tracing::warn!(sync, run = report.run, "{}", notice.text);
        }
    }
}
