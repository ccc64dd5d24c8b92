//! The scheduler over a real ledger, with runs of its own making.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;

use super::running::Pass;
use super::*;
use crate::clock;
use crate::domain::mapping::Spec;
use crate::domain::plan::OnChange;
use crate::domain::schedule::Times;
use crate::ledger::Ledger;
use crate::worker::report::Ending;
use crate::worker::settings::{Schedule, Settings, Sync};
use crate::worker::stop::Stopper;
use crate::{sources, worker};

fn prepared(folder: &Path, every: &str) -> Prepared {
    let sqlite = sources::sqlite::Settings {
        path: folder.join("crm.db"),
        shown: "crm.db".to_owned(),
        query: "SELECT 1 AS id".to_owned(),
        key: "id".to_owned(),
        cursor: None,
    };
    let sync = Sync {
        name: "customers".to_owned(),
        connection: "api".to_owned(),
        source: sources::Settings::Sqlite(sqlite),
        mapping: Spec {
            sync: "customers".to_owned(),
            key: "id".to_owned(),
            text_only: false,
            lead: json!({ "id": "{{ id }}" }),
            filter: None,
            required: Vec::new(),
        },
        request: None,
        on_change: OnChange::Ignore,
        max_new: None,
        expects_rows: false,
        schedule: Some(Schedule {
            times: Times::new(every, TimeZone::UTC).unwrap(),
            jitter: Duration::ZERO,
            catch_up: true,
            at_start: true,
        }),
    };
    let settings = Settings {
        config_option: String::new(),
        ledger: folder.join("lead-sync.db"),
        retain: Duration::ZERO,
        shutdown_grace: Duration::from_secs(20),
        tokens: folder.join("tokens"),
        tokens_key: None,
        connections: Vec::new(),
        syncs: vec![sync],
    };
    worker::prepare(settings, &[]).unwrap()
}

/// One that nobody asks or watches.
fn daemon(prepared: Prepared) -> Daemon {
    Daemon {
        lease: Lease::take(&prepared.settings.ledger, "test", clock::now()).unwrap(),
        prepared,
        reload: Arc::new(|| Err(String::new())),
        hangup: Arc::default(),
        board: watch::Sender::default(),
        events: unbounded_channel().0,
    }
}

/// What a run of no sync tells.
fn report(run: i64, ending: Ending) -> Report {
    let (started_at, finished_at) = (clock::now(), clock::now());
    Report { run, ending, started_at, finished_at, syncs: BTreeMap::new(), notices: Vec::new(), samples: Vec::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_panics_is_recorded_as_an_error_and_the_daemon_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lead-sync.db");
    let (events, mut told) = unbounded_channel();
    let daemon = Daemon { events, ..daemon(prepared(folder.path(), "* * * * * *")) };
    let times = AtomicU32::new(0);
    let ledger_path = path.clone();
    let pass: Pass = Arc::new(move |work| {
        let mut ledger = Ledger::open(&ledger_path)?;
        let run = ledger.begin_run(work.trigger, [], clock::now())?;
        assert!(times.fetch_add(1, Ordering::Relaxed) > 0, "the first run panics");
        ledger.finish_run(run, Ending::Complete.as_str(), clock::now(), &BTreeMap::new(), [])?;
        Ok(report(run, Ending::Complete))
    });
    let stopper = Stopper::default();
    let scheduler = Scheduler::start(daemon, pass, stopper.watch()).unwrap();
    let follow = async {
        let mut failed = None;
        while let Some(event) = told.recv().await {
            match event {
                Event::Ended { result: Err(why), .. } => failed = Some(why),
                Event::Ended { result: Ok(_), .. } => {
                    stopper.stop();
                    break;
                }
                Event::Began { .. } => {}
            }
        }
        failed
    };
    let ((), failed) = tokio::join!(scheduler.serve(), follow);
    assert!(failed.unwrap().contains("panic"));
    let runs = Ledger::open_reader(&path).unwrap().runs(10).unwrap();
    let outcomes: Vec<_> = runs.iter().rev().map(|run| (run.trigger.as_str(), run.outcome.as_deref())).collect();
    assert_eq!(outcomes[..2], [("start", Some("error")), ("schedule", Some("complete"))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_put_off_does_not_wait_for_the_next_time_of_its_schedule() {
    let folder = tempfile::tempdir().unwrap();
    let (board, mut seen) = watch::channel(Board::default());
    let daemon = Daemon { board, ..daemon(prepared(folder.path(), "0 0 0 1 1 *")) };
    let pass: Pass = Arc::new(|_| Ok(report(1, Ending::Deferred)));
    let stopper = Stopper::default();
    let began = clock::now();
    let scheduler = Scheduler::start(daemon, pass, stopper.watch()).unwrap();
    let look = async {
        let planned = |board: &Board| board.running.is_none() && board.syncs["customers"].last.is_some();
        let next = seen.wait_for(planned).await.unwrap().syncs["customers"].next;
        stopper.stop();
        next.unwrap()
    };
    let ((), next) = tokio::join!(scheduler.serve(), look);
    // Unless this test runs in the last minutes of a year, that is no time of the schedule.
    assert!(next >= began + Duration::from_mins(1) && next <= clock::now() + Duration::from_mins(1), "{next}");
}

#[tokio::test]
async fn a_daemon_that_would_never_run_anything_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut prepared = prepared(folder.path(), "* * * * * *");
    prepared.syncs[0].settings.schedule = None;
    let refused = run(daemon(prepared), &Stopper::default().watch()).await;
    assert!(matches!(refused, Err(Error::NoSchedule)), "{refused:?}");
}
