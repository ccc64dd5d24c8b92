//! The daemon: runs each sync at its times, one run after the other, until it is told to stop.
//!
//! One ledger has one writer, so runs are serialised: a sync that is due while another one runs waits for its turn. Each run is over one
//! sync and in a thread of its own, so that a failure or a panic of one never concerns another, nor the scheduler.
//!
//! | file | holds |
//! |---|---|
//! | `agenda.rs` | which sync is due when; pure |
//! | `board.rs` | what the daemon is doing, for others |
//! | `systemd.rs` | what systemd is told |

mod agenda;
pub mod board;
mod systemd;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;

use self::agenda::Agenda;
use self::board::Board;
use self::systemd::Systemd;
use crate::clock;
use crate::domain::time::Timestamp;
use crate::ledger::{self, Lease, Ledger, NewLedger, Trigger};
use crate::worker::progress::Progress;
use crate::worker::report::{Ending, Report};
use crate::worker::settings::Schedule;
use crate::worker::stop::Stop;
use crate::worker::{self, Job, Prepared, Purpose};

/// The longest rest of the scheduler: the wall clock is looked at so often, because it goes on while the machine sleeps and can be set.
const NAP: Duration = Duration::from_secs(30);

/// The same while a sync runs, so that its status is fresh.
const NAP_IN_RUN: Duration = Duration::from_secs(5);

/// What is said of a run that panicked.
const PANICKED: &str =
    "the run ended by a programming error (a panic; see the log): nothing is lost, the next run goes on";

/// What the daemon works with.
pub struct Daemon {
    /// What to run.
    pub prepared: Prepared,
    /// Nobody else sends while the daemon lives.
    pub lease: Lease,
    /// Reads the whole configuration again, in a thread that may block; an error is what to tell a person.
    pub reload: Reload,
    /// Asks for that.
    pub hangup: Arc<Notify>,
    /// What the daemon is doing.
    pub board: watch::Sender<Board>,
    /// How each run goes.
    pub events: UnboundedSender<Event>,
}

/// A new configuration that has no problem of its own.
pub struct Fresh {
    /// What to run from now on.
    pub prepared: Prepared,
    /// Puts the rest of it in force. Called only if `prepared` is taken, so that a configuration holds as a whole or not at all.
    pub adopt: Box<dyn FnOnce() + Send>,
}

/// Reads the whole configuration.
pub type Reload = Arc<dyn Fn() -> Result<Fresh, String> + Send + core::marker::Sync>;

/// What happens to a run.
#[derive(Debug)]
pub enum Event {
    /// It begins.
    Began {
        /// Name of the sync.
        sync: String,
    },
    /// It has ended: with a report, or with the reason why there is none.
    Ended {
        /// Name of the sync.
        sync: String,
        /// How.
        result: Result<Report, String>,
    },
}

/// Why the daemon does not start, or does not take a new configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing to wait for.
    #[error(
        "no sync has a schedule, so a daemon would never run one; add `schedule` to a sync, or run once with --run-now"
    )]
    NoSchedule,
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

/// Runs syncs at their times until `stop`. What is under way then has the configured grace to finish.
pub async fn run(daemon: Daemon, stop: &Stop) -> Result<(), Error> {
    let pass: Pass = Arc::new(|work| {
        let job = Job {
            trigger: work.trigger,
            purpose: Purpose::Send,
            limit: None,
            confirmed: false,
            new_ledger: NewLedger::Unconfirmed,
        };
        worker::run(&work.prepared, &job, Some(&work.lease), &work.progress, &work.stop)
    });
    Scheduler::start(daemon, pass, stop.clone())?.serve().await;
    Ok(())
}

/// One run to be done.
struct Work {
    prepared: Arc<Prepared>,
    trigger: Trigger,
    lease: Arc<Lease>,
    progress: Arc<Progress>,
    stop: Stop,
}

/// Does a run, in a thread of its own.
type Pass = Arc<dyn Fn(&Work) -> ledger::Result<Report> + Send + core::marker::Sync>;

/// A run under way.
struct Running {
    sync: String,
    trigger: Trigger,
    /// Told once other syncs wait for this run.
    awaited: watch::Sender<bool>,
    progress: Arc<Progress>,
    grace: Duration,
    handle: JoinHandle<Passed>,
}

/// What a run's thread gives back: its result and, if it was put off, until when, as far as that is known.
type Passed = (ledger::Result<Report>, Option<Timestamp>);

/// The scheduler's state.
struct Scheduler {
    syncs: BTreeMap<String, Arc<Prepared>>,
    agenda: Agenda,
    running: Option<Running>,
    systemd: Systemd,
    lease: Arc<Lease>,
    pass: Pass,
    reload: Reload,
    /// A new configuration that is being read.
    reading: Option<JoinHandle<Result<Fresh, String>>>,
    hangup: Arc<Notify>,
    board: watch::Sender<Board>,
    events: UnboundedSender<Event>,
    stop: Stop,
}

impl Scheduler {
    fn start(daemon: Daemon, pass: Pass, stop: Stop) -> Result<Self, Error> {
        let Daemon { prepared, lease, reload, hangup, board, events } = daemon;
        let now = clock::now();
        let settings = &prepared.settings;
        // A ledger that cannot be used is better known now than at the first run.
        let mut ledger = lease.open_ledger(&settings.tokens, NewLedger::Unconfirmed)?;
        ledger.end_lost_run(None, Ending::Interrupted.as_str(), None, now)?;
        let mut agenda = Agenda::new(dice, now);
        let syncs = by_name(prepared)?;
        let mut planned = Vec::new();
        for (name, schedule) in schedules(&syncs) {
            let before = ledger.past_of(&name)?;
            planned.push((name, schedule, before));
        }
        agenda.start(planned, now);
        let (lease, systemd) = (Arc::new(lease), Systemd::new());
        let (running, reading) = (None, None);
        Ok(Self { syncs, agenda, running, systemd, lease, pass, reload, reading, hangup, board, events, stop })
    }

    async fn serve(mut self) {
        self.board.send_modify(|board| board.ready = true);
        Systemd::ready();
        tracing::info!(scheduled = self.syncs.len(), "ready");
        let (stop, hangup) = (self.stop.clone(), Arc::clone(&self.hangup));
        loop {
            let now = clock::now();
            self.turn(now);
            let nap = self.nap(now);
            tokio::select! {
                biased;
                () = stop.wait() => break,
                ended = ended(&mut self.running) => self.end(ended),
                fresh = read(&mut self.reading) => self.take_over(fresh),
                // One at a time: who asks meanwhile is heard afterwards.
                () = hangup.notified(), if self.reading.is_none() => self.read_again(),
                () = tokio::time::sleep(nap) => {}
            }
        }
        self.finish().await;
    }

    /// Takes up what is due.
    fn turn(&mut self, now: Timestamp) {
        self.agenda.turn(now, self.running.as_ref().map(|running| running.sync.as_str()));
        if let Some(running) = &self.running {
            let awaited = self.agenda.is_awaited();
            running.awaited.send_if_modified(|before| std::mem::replace(before, awaited) != awaited);
        } else if let Some((sync, trigger)) = self.agenda.take() {
            self.begin(sync, trigger);
        }
        self.board.send_modify(|board| {
            board.turned_at = now;
            board.running = self.running.as_ref().map(|running| running.sync.clone());
            let mut before = std::mem::take(&mut board.syncs);
            for (name, next) in self.agenda.next() {
                let seen = before.remove(name).unwrap_or_default();
                board.syncs.insert(name.to_owned(), board::Seen { next, ..seen });
            }
        });
        let idle = Arc::default();
        let progress = self.running.as_ref().map_or(&idle, |running| &running.progress);
        self.systemd.turned(&self.board.borrow(), progress);
    }

    fn begin(&mut self, sync: String, trigger: Trigger) {
        let Some(prepared) = self.syncs.get(&sync).map(Arc::clone) else { return };
        let (progress, grace) = (Arc::<Progress>::default(), prepared.settings.shutdown_grace);
        let awaited = watch::Sender::new(self.agenda.is_awaited());
        let work = Work {
            prepared,
            trigger,
            lease: Arc::clone(&self.lease),
            progress: Arc::clone(&progress),
            stop: self.stop.clone().awaited_by(awaited.subscribe()),
        };
        self.tell(Event::Began { sync: sync.clone() });
        let pass = Arc::clone(&self.pass);
        let handle = spawn_blocking(move || {
            let result = pass(&work);
            let deferred = result.as_ref().is_ok_and(|report| report.ending == Ending::Deferred);
            let until = if deferred { put_off_until(&work) } else { None };
            (result, until)
        });
        self.running = Some(Running { sync, trigger, awaited, progress, grace, handle });
    }

    /// A run has ended, one way or the other.
    fn end(&mut self, ended: Ended) {
        let Ended { sync, yielded, result, until } = ended;
        let now = clock::now();
        let ending = result.as_ref().map_or(Ending::Error, |report| report.ending);
        match (yielded, ending) {
            (Some(trigger), Ending::Deferred) => self.agenda.again(sync.clone(), trigger),
            (None, Ending::Deferred) => {
                if let Some(again) = self.agenda.put_off(&sync, until, now) {
                    tracing::info!(sync, %again, "the run was put off and is taken up again");
                }
            }
            _ => self.agenda.not_put_off(&sync),
        }
        let result = result.map_err(|broken| match broken {
            Broken::Ledger(error) => error.to_string(),
            Broken::Panic => {
                self.record_panic(&sync, now);
                PANICKED.to_owned()
            }
        });
        self.board.send_modify(|board| {
            if let Some(seen) = board.syncs.get_mut(&sync) {
                seen.last = Some((now, ending));
            }
        });
        self.tell(Event::Ended { sync, result });
    }

    fn record_panic(&self, sync: &str, now: Timestamp) {
        let Some(prepared) = self.syncs.get(sync) else { return };
        let recorded = Ledger::open(&prepared.settings.ledger)
            .and_then(|mut ledger| ledger.end_lost_run(Some(sync), Ending::Error.as_str(), Some(PANICKED), now));
        if let Err(error) = recorded {
            tracing::error!(%error, "a run that panicked is not closed in the ledger");
        }
    }

    /// Reads the configuration again, in a thread of its own: a file on a mount that hangs must keep no signal and no run waiting.
    fn read_again(&mut self) {
        Systemd::reloading();
        let reload = Arc::clone(&self.reload);
        self.reading = Some(spawn_blocking(move || reload()));
    }

    /// Takes the new configuration if nothing is wrong with it, else keeps the old one.
    fn take_over(&mut self, fresh: Result<Fresh, String>) {
        let accepted = fresh.and_then(|fresh| self.accept(fresh));
        match &accepted {
            Ok(()) => tracing::info!(scheduled = self.syncs.len(), "the configuration was read again"),
            Err(what) => tracing::error!("the new configuration is not used, the old one stays in force: {what}"),
        }
        self.board.send_modify(|board| board.refused = accepted.is_err());
        Systemd::ready();
    }

    fn accept(&mut self, fresh: Fresh) -> Result<(), String> {
        let Fresh { prepared, adopt } = fresh;
        let held = self.syncs.values().next().map(|known| &known.settings.ledger);
        if held.is_some_and(|held| *held != prepared.settings.ledger) {
            return Err("ledger.path: the ledger cannot change while the daemon runs; restart it".to_owned());
        }
        self.syncs = by_name(prepared).map_err(|error| error.to_string())?;
        self.agenda.replace(schedules(&self.syncs), clock::now());
        adopt();
        Ok(())
    }

    /// Until the next sync is due, but not longer than anyone may wait for a sign of life.
    fn nap(&self, now: Timestamp) -> Duration {
        // Timers count whole milliseconds: one more, not to wake just before.
        let until = |due: Timestamp| due.since(now) + Duration::from_millis(1);
        let longest = if self.running.is_some() { NAP_IN_RUN } else { NAP };
        let due = self.agenda.wake().map(until);
        [due, self.systemd.pulse].into_iter().flatten().fold(longest, Duration::min)
    }

    /// Lets the run under way finish within its grace.
    async fn finish(mut self) {
        self.board.send_modify(|board| board.ready = false);
        Systemd::stopping();
        let Some(grace) = self.running.as_ref().map(|running| running.grace) else { return };
        let stop = self.stop.clone();
        let give_up = Instant::now() + grace;
        let over = async {
            stop.at_once_or(Some(give_up)).await;
            tokio::time::sleep(worker::LEAVING).await;
        };
        tokio::select! {
            biased;
            ended = ended(&mut self.running) => self.end(ended),
            () = over => tracing::warn!("the run under way did not end in time; what was being sent is in doubt"),
        }
    }

    fn tell(&self, event: Event) {
        // Nobody may listen.
        let _ = self.events.send(event);
    }
}

/// Why a run has no report.
enum Broken {
    Ledger(ledger::Error),
    Panic,
}

/// How a run ended.
struct Ended {
    sync: String,
    /// Its trigger, if others waited for it: then it may have ended for their sake.
    yielded: Option<Trigger>,
    result: Result<Report, Broken>,
    /// If it was put off: until when, as far as that is known.
    until: Option<Timestamp>,
}

/// Waits for the end of the run under way; for ever if there is none.
async fn ended(running: &mut Option<Running>) -> Ended {
    let Some(under_way) = running else { return pending().await };
    let (result, until) = match (&mut under_way.handle).await {
        Ok((result, until)) => (result.map_err(Broken::Ledger), until),
        Err(_) => (Err(Broken::Panic), None),
    };
    let yielded = Some(under_way.trigger).filter(|_| *under_way.awaited.borrow());
    let sync = std::mem::take(&mut under_way.sync);
    *running = None;
    Ended { sync, yielded, result, until }
}

/// When the sync of a run that was put off can go on. In the run's own thread: a ledger on a mount that hangs must keep no signal waiting.
fn put_off_until(work: &Work) -> Option<Timestamp> {
    let sync = &work.prepared.syncs.first()?.settings.name;
    let read = Ledger::open_reader(&work.prepared.settings.ledger).and_then(|ledger| ledger.put_off_until(sync));
    read.unwrap_or_else(|error| {
        tracing::warn!(%error, "until when the run is put off cannot be read");
        None
    })
}

/// Waits for the configuration that is being read; for ever if none is.
async fn read(reading: &mut Option<JoinHandle<Result<Fresh, String>>>) -> Result<Fresh, String> {
    let Some(handle) = reading else { return pending().await };
    let fresh = handle
        .await
        .unwrap_or_else(|_| Err("reading it ended by a programming error (a panic; see the log)".to_owned()));
    *reading = None;
    fresh
}

/// The scheduled syncs, each to run by itself.
fn by_name(prepared: Prepared) -> Result<BTreeMap<String, Arc<Prepared>>, Error> {
    let scheduled = |one: &Prepared| one.syncs.first().is_some_and(|sync| sync.settings.schedule.is_some());
    let named = |one: Prepared| Some((one.syncs.first()?.settings.name.clone(), Arc::new(one)));
    let syncs: BTreeMap<_, _> = prepared.one_by_one().filter(scheduled).filter_map(named).collect();
    if syncs.is_empty() { Err(Error::NoSchedule) } else { Ok(syncs) }
}

fn schedules(syncs: &BTreeMap<String, Arc<Prepared>>) -> impl Iterator<Item = (String, Schedule)> {
    syncs.iter().filter_map(|(name, one)| Some((name.clone(), one.syncs.first()?.settings.schedule.clone()?)))
}

/// A random duration of at most `most`.
fn dice(most: Duration) -> Duration {
    most.mul_f64(f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX))
}
