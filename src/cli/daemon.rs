//! `lead-sync` without a command: the daemon.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tracing::Level;

use super::args::Args;
use super::exit::{Exit, Failure};
use super::{load, outlook, outside, run, signals, surroundings};
use crate::clock;
use crate::config::{Env, Loaded, Secrets};
use crate::daemon::board::Board;
use crate::daemon::{self, Daemon, Event, Fresh, Reload};
use crate::http::{self, Desk, Pulse, Watch};
use crate::ledger::{Counts, DAEMON, Lease};
use crate::metrics::{self, Exporter};
use crate::notify::{Begun, Ended, Memory, Notifier};
use crate::worker::report::{Ending, Report};
use crate::worker::settings::Settings;
use crate::worker::stop::{Stop, Stopper};

/// What a run that was given up may take to let go of its thread.
const LETTING_GO: Duration = Duration::from_secs(1);

/// How long the end of the last run may take to be told: one receiver that does not answer, tried twice. With `shutdown_grace` and what
/// a run takes to leave it stays below the minute that systemd and the container engines are asked for.
const TELLING: Duration = Duration::from_secs(10);

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
    let loaded = load::load_with(args, Secrets::All)?;
    let prepared = load::with_secrets(&loaded, Secrets::All, &[])?;
    let ledger = prepared.settings.ledger.clone();
    surroundings::warn(&ledger, &Env::process());
    let beside = Arc::new(Beside::new(&loaded, &prepared.settings)?);
    let runtime = run::runtime()?;
    let exit = runtime.block_on(async {
        let hangup = Arc::new(Notify::new());
        let hangups = signals::hangups(&hangup)?;
        let grace = prepared.settings.shutdown_grace;
        let lease = Lease::take(&ledger, DAEMON, clock::now())?;
        let (events, told) = unbounded_channel();
        let again = Args { config: args.config.clone(), run: args.run.clone(), command: None };
        let known = Arc::clone(&beside);
        let reload: Reload = Arc::new(move || reload(&again, &known).map_err(|failure| failure.text));
        let stopper = Stopper::default();
        let board = watch::Sender::default();
        // Ends with this block, whichever way.
        let mut server = JoinSet::new();
        beside.serve(&mut server, &board, &ledger).await?;
        let daemon = Daemon { prepared, lease, reload, hangup: Arc::clone(&hangup), board, events };
        let teller = tokio::spawn(tell(told, Arc::clone(&beside), ledger));
        let stop = stopper.watch();
        let until_end = async {
            let ended = daemon::run(daemon, &stop).await;
            last_words(teller, &stop).await;
            ended
        };
        tokio::select! {
            // Signals first: who reads that the daemon is ready may send one at once.
            biased;
            () = signals::forward(&stopper, Some(grace)) => {}
            () = hangups => {}
            ended = until_end => ended?,
        }
        Ok(Exit::Done)
    });
    runtime.shutdown_timeout(LETTING_GO);
    exit
}

/// Reads the configuration again, all of it. What only a restart can change must be as it was; the daemon itself sees to the ledger.
fn reload(args: &Args, beside: &Arc<Beside>) -> Result<Fresh, Failure> {
    let loaded = load::load_with(args, Secrets::All)?;
    let prepared = load::with_secrets(&loaded, Secrets::All, &[])?;
    let settings = loaded.http(&Env::process()).map_err(Failure::usage)?;
    if !is_same(settings.as_ref(), beside.server.as_ref().map(|(settings, _)| settings)) {
        return Err(Failure::usage("http: the server cannot change while the daemon runs; restart it"));
    }
    let notifier = outside::notifier(&loaded, beside.memory.clone())?;
    let (beside, settings) = (Arc::clone(beside), prepared.settings.clone());
    let adopt = move || {
        beside.notifier.send_replace(notifier);
        beside.settings.send_replace(settings);
    };
    Ok(Fresh { prepared, adopt: Box::new(adopt) })
}

fn is_same(one: Option<&http::Settings>, other: Option<&http::Settings>) -> bool {
    fn parts(settings: &http::Settings) -> (SocketAddr, Option<&str>) {
        (settings.listen, settings.token.as_ref().map(ExposeSecret::expose_secret))
    }
    one.map(parts) == other.map(parts)
}

/// The last run's end is told, too, if that does not take long and nobody is in a hurry.
async fn last_words(teller: JoinHandle<()>, stop: &Stop) {
    let give_up = Instant::now() + TELLING;
    tokio::select! {
        biased;
        _ = teller => {}
        () = stop.at_once_or(Some(give_up)) => tracing::warn!("not everybody was told how the last run ended"),
    }
}

/// Those who look at the daemon, and those it tells. SIGHUP changes whom it tells and what is shown; the server stays until a restart.
struct Beside {
    notifier: watch::Sender<Option<Notifier>>,
    memory: Memory,
    settings: watch::Sender<Settings>,
    server: Option<(http::Settings, Exporter)>,
}

impl Beside {
    fn new(loaded: &Loaded, known: &Settings) -> Result<Self, Failure> {
        let settings = loaded.http(&Env::process()).map_err(Failure::usage)?;
        let install = |settings| match metrics::install() {
            Ok(exporter) => Ok((settings, exporter)),
            Err(error) => Err(Failure::new(Exit::Error, error)),
        };
        let memory = Memory::default();
        let notifier = watch::Sender::new(outside::notifier(loaded, memory.clone())?);
        Ok(Self {
            notifier,
            memory,
            settings: watch::Sender::new(known.clone()),
            server: settings.map(install).transpose()?,
        })
    }

    /// Starts the server for health, metrics and the dashboard, if one is configured.
    async fn serve(&self, tasks: &mut JoinSet<()>, board: &watch::Sender<Board>, ledger: &Path) -> Result<(), Failure> {
        let Some((settings, exporter)) = &self.server else { return Ok(()) };
        let listener = TcpListener::bind(settings.listen)
            .await
            .map_err(|error| Failure::usage(format!("[http] listen = {}: {error}", settings.listen)))?;
        tracing::info!(address = %listener.local_addr().unwrap_or(settings.listen), "health, metrics and the dashboard");
        let pulse = Arc::new(Pulse::default());
        let looked = Arc::new(Watch::new(Arc::clone(&pulse), ledger, exporter.clone()));
        let (seen, known) = (board.subscribe(), self.settings.subscribe());
        let desk = Desk::new(ledger, move || {
            // Copied: while they are borrowed the scheduler waits.
            let (board, settings) = (seen.borrow().clone(), known.borrow().clone());
            outlook::of_daemon(&board, &settings)
        });
        tasks.spawn(http::serve(listener, http::routes(looked, desk, settings)));
        tasks.spawn(follow(board.subscribe(), self.settings.subscribe(), pulse));
        Ok(())
    }
}

/// Passes the board on to health and metrics.
async fn follow(mut board: watch::Receiver<Board>, settings: watch::Receiver<Settings>, pulse: Arc<Pulse>) {
    loop {
        let configured: BTreeSet<String> = settings.borrow().syncs.iter().map(|sync| sync.name.clone()).collect();
        {
            let board = board.borrow_and_update();
            if let Some(at) = board.turned_at {
                pulse.turn(at);
            }
            pulse.set_ready(board.ready);
            metrics::set_reloaded(!board.refused);
            for sync in &configured {
                metrics::set_next_run(sync, board.syncs.get(sync).and_then(|seen| seen.next));
            }
            pulse.set_syncs(configured, board.failed());
        }
        if board.changed().await.is_err() {
            return;
        }
    }
}

/// Says how runs go, to the log, the monitor and people, until the daemon ends and all have heard.
async fn tell(mut told: UnboundedReceiver<Event>, beside: Arc<Beside>, ledger: PathBuf) {
    // By sync: a run that gives its turn to others is told to go on, not to begin again.
    let mut begun = BTreeMap::new();
    let mut tellings = JoinSet::new();
    while let Some(event) = told.recv().await {
        while tellings.try_join_next().is_some() {}
        match event {
            // A run's end goes to those who heard of its beginning, also if others are to be told meanwhile.
            Event::Began { sync } => {
                if let Some(notifier) = &*beside.notifier.borrow() {
                    begun.entry(sync).or_insert_with(|| notifier.begin());
                }
            }
            Event::Ended { sync, result, yielded } => {
                match &result {
                    Ok(report) => log_end(&sync, report),
                    Err(text) => tracing::error!(sync, "no run: {text}"),
                }
                if let Some(run) = begun.remove(&sync)
                    && let Some(run) = pass_on(run, &sync, result, yielded, &ledger, &mut tellings)
                {
                    begun.insert(sync, run);
                }
                if let Some((_, exporter)) = &beside.server {
                    exporter.upkeep();
                }
            }
        }
    }
    tellings.join_all().await;
}

/// Tells everybody how a run ended, nobody waiting for another. One that `yielded` is given back: it goes on.
fn pass_on(
    begun: Begun,
    sync: &str,
    result: Result<Report, String>,
    yielded: bool,
    ledger: &Path,
    tellings: &mut JoinSet<()>,
) -> Option<Begun> {
    fn ended<'r>(syncs: &'r [String], result: &'r Result<Report, String>) -> Ended<'r> {
        match result {
            Ok(report) => Ended::Report(report),
            Err(text) => Ended::Failure { text, syncs },
        }
    }
    let exit = result.as_ref().map_or(Exit::Error, |report| Exit::from(report.ending)).code();
    let told = Arc::new(([sync.to_owned()], result));
    let now = ended(&told.0, &told.1);
    let (begun, to_tell) = if yielded {
        let to_tell = begun.give_way(exit, now);
        (Some(begun), to_tell)
    } else {
        (None, begun.end(exit, now))
    };
    for telling in to_tell {
        let (told, ledger) = (Arc::clone(&told), ledger.to_path_buf());
        tellings.spawn(async move { telling.tell(&ledger, ended(&told.0, &told.1)).await });
    }
    begun
}

/// What a run had to say, and that somebody is needed if that is new; its counts are in its own log.
fn log_end(sync: &str, report: &Report) {
    let run = report.run;
    for notice in &report.notices {
        match notice.ending.level() {
            Level::ERROR => tracing::error!(sync, run, "{}", notice.text),
            Level::WARN => tracing::warn!(sync, run, "{}", notice.text),
            _ => tracing::info!(sync, run, "{}", notice.text),
        }
    }
    let is_said = report.notices.iter().any(|notice| notice.ending == Ending::Attention);
    for Counts { rejected, held, failed, .. } in report.syncs.values() {
        if rejected + held + failed > 0 || report.ending == Ending::Attention && !is_said {
            tracing::warn!(sync, run, rejected, held, failed, "needs a person: lead-sync status says what to do");
        }
    }
}
