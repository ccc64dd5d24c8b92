//! One run over one sync, in a thread of its own: neither its failure nor its panic concerns anybody else.

use std::future::pending;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;

use crate::clock;
use crate::domain::time::Timestamp;
use crate::ledger::{self, Lease, Ledger, NewLedger, OlderLedger, PutOff, Trigger};
use crate::worker::progress::Progress;
use crate::worker::report::{Ending, Report};
use crate::worker::settings::Connection;
use crate::worker::stop::Stop;
use crate::worker::{self, Assignment, Job, Prepared, Purpose};

/// One run to be done.
pub(super) struct Work {
    pub(super) prepared: Arc<Prepared>,
    pub(super) trigger: Trigger,
    pub(super) lease: Arc<Lease>,
    pub(super) progress: Arc<Progress>,
    pub(super) stop: Stop,
}

/// Does a run, in a thread of its own.
pub(super) type Pass = Arc<dyn Fn(&Work) -> ledger::Result<Report> + Send + core::marker::Sync>;

/// A run that sends what is due.
pub(super) fn send() -> Pass {
    Arc::new(|work| {
        let job = Job {
            trigger: work.trigger,
            purpose: Purpose::Send,
            limit: None,
            confirmed: false,
            new_ledger: NewLedger::Unconfirmed,
            older_ledger: OlderLedger::Unconfirmed,
        };
        worker::run(Assignment {
            prepared: &work.prepared,
            job: &job,
            lease: Some(&work.lease),
            progress: &work.progress,
            stop: &work.stop,
        })
    })
}

/// A run that reads its source for longer is reported: millions of new rows take less, a query or a mount that does not come back takes for ever.
const LONG_READ: Duration = Duration::from_mins(5);

/// A run under way.
pub(super) struct Running {
    pub(super) sync: String,
    trigger: Trigger,
    /// Told once other syncs wait for this run.
    pub(super) awaited: watch::Sender<bool>,
    pub(super) progress: Arc<Progress>,
    pub(super) grace: Duration,
    /// By a clock that nobody sets.
    since: Instant,
    /// That it reads for long was said.
    reported: bool,
    handle: JoinHandle<Passed>,
}

/// What a run's thread gives back: its result and, if it was put off, until when, as far as that is known, and whether it would have waited
/// so long if nobody had waited for it.
type Passed = (ledger::Result<Report>, Option<Timestamp>, bool);

impl Running {
    /// Begins the run. `awaited` by others, it does not wait itself.
    pub(super) fn begin(sync: String, work: Work, pass: &Pass, awaited: bool) -> Self {
        let awaited = watch::Sender::new(awaited);
        let work = Work { stop: work.stop.awaited_by(awaited.subscribe()), ..work };
        let (trigger, progress) = (work.trigger, Arc::clone(&work.progress));
        let grace = work.prepared.settings.shutdown_grace;
        let pass = Arc::clone(pass);
        let handle = spawn_blocking(move || {
            let result = pass(&work);
            let deferred = result.as_ref().is_ok_and(|report| report.ending == Ending::Deferred);
            let until = if deferred { put_off_until(&work) } else { None };
            let patient = until.is_some_and(|until| until <= clock::now() + patience(&work));
            (result, until, patient)
        });
        Self { sync, trigger, awaited, progress, grace, since: Instant::now(), reported: false, handle }
    }

    /// Says once that it reads its source for long: all others wait for it.
    pub(super) fn report(&mut self) {
        if is_news(self.reported, self.progress.has_read(), self.since.elapsed()) {
            self.reported = true;
            let minutes = LONG_READ.as_secs() / 60;
            tracing::warn!(
                sync = self.sync,
                "the run has been reading its source for more than {minutes} minutes, and no other run begins before it has ended: see whether \
                 the query or the disk of the source comes back; a stop of the daemon ends a query"
            );
        }
    }
}

/// Whether it is to be said of a run that it reads its source for long.
fn is_news(reported: bool, has_read: bool, took: Duration) -> bool {
    !reported && !has_read && took > LONG_READ
}

/// Why a run has no report.
pub(super) enum Broken {
    Ledger(ledger::Error),
    Panic,
}

/// How a run ended.
pub(super) struct Ended {
    pub(super) sync: String,
    /// Its trigger, if it ended for the sake of others who waited for it.
    pub(super) yielded: Option<Trigger>,
    pub(super) result: Result<Report, Broken>,
    /// If it was put off: until when, as far as that is known.
    pub(super) until: Option<Timestamp>,
}

/// Waits for the end of the run under way; for ever if there is none.
pub(super) async fn ended(running: &mut Option<Running>) -> Ended {
    let Some(under_way) = running else { return pending().await };
    let (result, until, patient) = match (&mut under_way.handle).await {
        Ok((result, until, patient)) => (result.map_err(Broken::Ledger), until, patient),
        Err(_) => (Err(Broken::Panic), None, false),
    };
    let yielded = Some(under_way.trigger).filter(|_| patient && *under_way.awaited.borrow());
    let sync = std::mem::take(&mut under_way.sync);
    *running = None;
    Ended { sync, yielded, result, until }
}

/// What the end of the process leaves of a run that has not ended, with so many leads on their way.
pub(super) fn left_behind(on_the_way: u64) -> &'static str {
    if on_the_way > 0 { "what was being sent is in doubt" } else { "nothing was being sent" }
}

/// When the sync of a run that was put off can go on. In the run's own thread: a ledger on a mount that hangs must keep no signal waiting.
fn put_off_until(work: &Work) -> Option<Timestamp> {
    let sync = &work.prepared.syncs.first()?.settings.name;
    let read = read_put_off(&work.prepared.settings.ledger, sync);
    read.map_or_else(
        |error| {
            tracing::warn!(%error, "until when the run is put off cannot be read");
            None
        },
        PutOff::until,
    )
}

/// How long the run's connection waits at most.
fn patience(work: &Work) -> Duration {
    let Prepared { settings, syncs } = &*work.prepared;
    let used = |known: &&Connection| syncs.iter().any(|sync| sync.settings.connection == known.name);
    settings.connections.iter().find(used).map(|connection| connection.patience).unwrap_or_default()
}

/// What keeps the sync from sending, as the ledger knows it now.
pub(super) fn read_put_off(ledger: &Path, sync: &str) -> ledger::Result<PutOff> {
    Ledger::open_reader(ledger).and_then(|ledger| ledger.put_off(sync))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_reads_its_source_for_long_is_reported_once_and_one_that_sends_for_long_never() {
        let (before, after) = (LONG_READ, LONG_READ + Duration::from_secs(1));
        assert!(is_news(false, false, after));
        assert!(!is_news(false, false, before), "not yet");
        assert!(!is_news(true, false, after), "it was said");
        assert!(!is_news(false, true, after), "it sends");
    }

    #[test]
    fn a_run_that_is_left_behind_while_it_sends_nothing_leaves_nothing_in_doubt() {
        assert_eq!(left_behind(0), "nothing was being sent");
        assert_eq!(left_behind(1), "what was being sent is in doubt");
    }
}
