//! The scheduler: takes up what is due, one run after the other, and hears what happens meanwhile.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;

use super::agenda::Agenda;
use super::board::{self, Board};
use super::running::{Broken, Ended, Pass, Running, Work, ended, left_behind, read_put_off};
use super::systemd::Systemd;
use super::{Daemon, Error, Event, Fresh, Reload};
use crate::clock;
use crate::domain::time::Timestamp;
use crate::ledger::{Lease, Ledger, NewLedger, PutOff, Trigger};
use crate::worker::report::Ending;
use crate::worker::settings::Schedule;
use crate::worker::stop::Stop;
use crate::worker::{self, Prepared};

/// The longest rest of the scheduler: the wall clock is looked at so often, because it goes on while the machine sleeps and can be set.
const NAP: Duration = Duration::from_secs(30);

/// The same while a sync runs, so that its status is fresh.
const NAP_IN_RUN: Duration = Duration::from_secs(5);

/// What is said of a run that panicked.
const PANICKED: &str =
    "the run ended by a programming error (a panic; see the log): nothing is lost, the next run goes on";

/// What is said of a configuration if reading it panicked.
const UNREAD: &str = "reading it ended by a programming error (a panic; see the log)";

/// The syncs that were put off, until when that was to last, and what keeps them now.
type Waits = Vec<(String, Timestamp, PutOff)>;

/// The scheduler's state.
pub(super) struct Scheduler {
    syncs: BTreeMap<String, Arc<Prepared>>,
    agenda: Agenda,
    running: Option<Running>,
    systemd: Systemd,
    lease: Arc<Lease>,
    pass: Pass,
    reload: Reload,
    /// A new configuration that is being read.
    reading: Option<JoinHandle<Result<Fresh, String>>>,
    /// Until when syncs are put off, being asked anew.
    asking: Option<JoinHandle<Waits>>,
    /// When that was done last. Runs that follow each other all the time must not keep a person waiting who has lifted a pause.
    asked: Instant,
    hangup: Arc<Notify>,
    board: watch::Sender<Board>,
    events: UnboundedSender<Event>,
    stop: Stop,
}

impl Scheduler {
    pub(super) fn start(daemon: Daemon, pass: Pass, stop: Stop) -> Result<Self, Error> {
        let Daemon { prepared, lease, reload, hangup, board, events } = daemon;
        let now = clock::now();
        let settings = &prepared.settings;
        // A ledger that cannot be used is better known now than at the first run.
        let mut ledger = lease.open_ledger(&settings.tokens, NewLedger::Unconfirmed)?;
        ledger.refuse_older()?;
        ledger.end_lost_run(Ending::Interrupted.as_str(), None, now)?;
        let mut agenda = Agenda::new(dice, now);
        let syncs = by_name(prepared)?;
        let mut planned = Vec::new();
        for (name, schedule) in schedules(&syncs) {
            let before = ledger.past_of(&name)?;
            planned.push((name, schedule, before));
        }
        agenda.start(planned, now);
        Ok(Self {
            syncs,
            agenda,
            running: None,
            systemd: Systemd::new(),
            lease: Arc::new(lease),
            pass,
            reload,
            reading: None,
            asking: None,
            asked: Instant::now(),
            hangup,
            board,
            events,
            stop,
        })
    }

    pub(super) async fn serve(mut self) {
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
                fresh = finished(&mut self.reading) => self.take_over(fresh.unwrap_or_else(|| Err(UNREAD.to_owned()))),
                waits = finished(&mut self.asking) => self.compare(waits.unwrap_or_default()),
                // One at a time: who asks meanwhile is heard afterwards.
                () = hangup.notified(), if self.reading.is_none() => self.read_again(),
                () = tokio::time::sleep(nap) => self.ask_anew(),
            }
        }
        self.finish().await;
    }

    /// Takes up what is due.
    fn turn(&mut self, now: Timestamp) {
        self.agenda.turn(now, self.running.as_ref().map(|running| running.sync.as_str()));
        if let Some(running) = &mut self.running {
            running.report();
            let awaited = self.agenda.is_awaited();
            running.awaited.send_if_modified(|before| std::mem::replace(before, awaited) != awaited);
        } else if let Some((sync, trigger)) = self.agenda.take() {
            self.begin(sync, trigger);
        }
        self.board.send_modify(|board| {
            board.turned_at = Some(clock::instant());
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
        let (lease, stop) = (Arc::clone(&self.lease), self.stop.clone());
        let work = Work { prepared, trigger, lease, progress: Arc::default(), stop };
        self.tell(Event::Began { sync: sync.clone() });
        self.running = Some(Running::begin(sync, work, &self.pass, self.agenda.is_awaited()));
    }

    /// A run has ended, one way or the other.
    fn end(&mut self, ended: Ended) {
        let Ended { sync, yielded, result, until } = ended;
        let now = clock::now();
        let ending = result.as_ref().map_or(Ending::Error, |report| report.ending);
        match (yielded, ending) {
            (Some(trigger), _) => self.agenda.again(sync.clone(), trigger),
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
        self.tell(Event::Ended { sync, result, yielded: yielded.is_some() });
    }

    fn record_panic(&self, sync: &str, now: Timestamp) {
        let Some(prepared) = self.syncs.get(sync) else { return };
        let recorded = Ledger::open(&prepared.settings.ledger)
            .and_then(|mut ledger| ledger.end_lost_run(Ending::Error.as_str(), Some(PANICKED), now));
        if let Err(error) = recorded {
            tracing::error!(%error, "a run that panicked is not closed in the ledger");
        }
    }

    /// Asks the ledger until when syncs are put off, for a person may have lifted a pause; in a thread of its own, as ever.
    fn ask_anew(&mut self) {
        self.asked = Instant::now();
        let path = self.syncs.values().next().map(|known| known.settings.ledger.clone());
        let waiting: Vec<_> = self.agenda.waiting().map(|(sync, before)| (sync.to_owned(), before)).collect();
        let Some(path) = path.filter(|_| self.asking.is_none() && !waiting.is_empty()) else { return };
        let ask = move |(sync, before): (String, Timestamp)| match read_put_off(&path, &sync) {
            Ok(known) => Some((sync, before, known)),
            // The next run says so, if it stays.
            Err(error) => {
                tracing::debug!(sync, %error, "until when the sync is put off cannot be read");
                None
            }
        };
        self.asking = Some(spawn_blocking(|| waiting.into_iter().filter_map(ask).collect()));
    }

    /// Takes up what waits no longer.
    fn compare(&mut self, waits: Waits) {
        for (sync, before, known) in waits {
            if let Some(again) = self.agenda.ends_sooner(&sync, before, known, clock::now()) {
                tracing::info!(sync, %again, "what put the run off ends sooner, and the run is taken up then");
            }
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
        let ask = NAP.saturating_sub(self.asked.elapsed());
        [due, self.systemd.pulse, Some(ask)].into_iter().flatten().fold(longest, Duration::min)
    }

    /// Lets the run under way finish within its grace.
    async fn finish(mut self) {
        self.board.send_modify(|board| board.ready = false);
        Systemd::stopping();
        let Some(running) = &self.running else { return };
        let (grace, progress) = (running.grace, Arc::clone(&running.progress));
        let stop = self.stop.clone();
        let give_up = Instant::now() + grace;
        let over = async {
            stop.at_once_or(Some(give_up)).await;
            tokio::time::sleep(worker::LEAVING).await;
        };
        tokio::select! {
            biased;
            ended = ended(&mut self.running) => self.end(ended),
            () = over => tracing::warn!("the run under way did not end in time; {}", left_behind(progress.on_the_way())),
        }
    }

    fn tell(&self, event: Event) {
        // Nobody may listen.
        let _ = self.events.send(event);
    }
}

/// Waits for what another thread does, for ever if it does nothing; `None` if it has panicked.
async fn finished<T>(doing: &mut Option<JoinHandle<T>>) -> Option<T> {
    let Some(handle) = doing else { return pending().await };
    let done = handle.await.ok();
    *doing = None;
    done
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
