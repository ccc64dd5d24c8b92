//! What works beside a daemon, and what has to wait.

use lead_sync::sandbox::{Answer, Fault, Kind, RetryAfter};
use rustix::process::Signal;

use crate::process::{Daemon, until};
use crate::support::{Ran, Scene};

fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.sync("schedule", "\"* * * * * *\"").connection("on_in_doubt", "\"hold\"");
    scene.customers(0..3);
    scene
}

#[test]
fn reading_and_mending_work_beside_a_daemon_and_a_second_one_is_told_who_holds_the_ledger() {
    let scene = scene();
    scene.fault(Fault::once(Kind::Status(Answer::new(422))).for_lead("1"));
    scene.fault(Fault::once(Kind::LostAnswer).for_lead("2"));
    let daemon = Daemon::start(&scene);
    daemon.until_ended("attention", 1);
    for second in [&[][..], &["--run-now"]] {
        let ran = scene.cli(second);
        assert_eq!(ran.code, 6, "{ran:?}");
        assert!(ran.stderr.contains(&format!("process {} (daemon)", daemon.id())), "{ran:?}");
    }
    for reading in [&["status"][..], &["leads"], &["show", "1"], &["runs"], &["plan"]] {
        assert_eq!(scene.cli(reading).code, 0, "{reading:?}");
    }
    assert_eq!((&scene.lead_of("1")["state"], &scene.lead_of("2")["state"]), (&"rejected".into(), &"held".into()));
    assert_eq!(scene.cli(&["retry", "1"]).code, 0);
    assert_eq!(scene.cli(&["resolve", "2", "--delivered"]).code, 0);
    until("the daemon sends what is put back", || scene.lead_of("1")["state"] == "delivered");
    assert_eq!(scene.lead_of("2")["state"], "delivered");
    assert_eq!(scene.stored().len(), 3);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end().0, Some(0));
}

#[test]
fn a_daemon_whose_ledger_is_removed_says_so_and_sends_nothing_again() {
    let mut scene = scene();
    scene.more("[http]\nlisten = \"127.0.0.1:0\"");
    let daemon = Daemon::start(&scene);
    daemon.until_ended("complete", 1);
    assert_eq!(daemon.get("/readyz").0, 200);
    for end in ["db", "db-wal", "db-shm", "key"] {
        let _ = std::fs::remove_file(scene.path(&format!("lead-sync.{end}")));
    }
    daemon.until_said("was removed or replaced while this process used it");
    assert_eq!(daemon.get("/readyz").0, 503);
    assert!(!scene.path("lead-sync.db").exists());
    assert_eq!(scene.stored().len(), 3);
}

/// How many of the leads that the API has stored are delivered, and how many others are neither that nor to be sent.
fn settled(scene: &Scene) -> (usize, usize) {
    let states = scene.query("SELECT state FROM lead WHERE state <> 'pending'");
    let delivered = states.iter().filter(|state| *state == "delivered").count();
    (delivered, states.len() - delivered)
}

#[test]
fn a_run_whose_ledger_or_lock_goes_in_the_middle_claims_nothing_more_settles_what_is_under_way_and_says_why() {
    const LEADS: usize = 5_000;
    for gone in ["lead-sync.db", "lead-sync.lock"] {
        let scene = Scene::new();
        scene.customers(0..u32::try_from(LEADS).unwrap());
        scene.fault(Fault::once(Kind::Slow { ms: 20 }).always());
        let run = scene.spawn();
        until("it is in the middle", || scene.stored().len() > 10);
        let aside = scene.path("aside");
        std::fs::rename(scene.path(gone), &aside).unwrap();
        let ran = Ran::from(run.wait_with_output().unwrap());
        assert_eq!(ran.code, 2, "{ran:?}");
        assert_eq!(ran.stderr.matches("was removed or replaced while this process").count(), 1, "{ran:?}");
        assert!(ran.stderr.contains("nothing more is sent") && ran.stderr.contains(gone), "{ran:?}");
        let stored = scene.stored().len();
        assert!(stored < LEADS, "it went on to the end");
        // What was under way is found again once the file is put back.
        std::fs::rename(&aside, scene.path(gone)).unwrap();
        assert_eq!(settled(&scene), (stored, 0), "{gone}");
    }
}

#[test]
fn a_first_run_that_was_cut_off_is_made_up_for_after_a_restart() {
    for signal in [Signal::KILL, Signal::TERM] {
        let mut scene = scene();
        scene.sync("schedule", "\"0 0 0 1 1 *\"").sync("run_at_start", "true");
        scene.fault(Fault::once(Kind::Stall { ms: 600_000 }).always());
        let daemon = Daemon::start(&scene);
        until("a lead is under way", || !scene.requests().is_empty());
        daemon.signal(signal);
        daemon.end();
        scene.api.clear_faults();
        scene.sync("run_at_start", "false");
        let daemon = Daemon::start(&scene);
        daemon.until_said("begins");
        daemon.signal(Signal::TERM);
        daemon.end();
    }
}

#[test]
fn a_pause_that_a_person_lifts_is_over_for_the_daemon_too() {
    let mut scene = scene();
    scene.sync("schedule", "\"0 0 0 1 1 *\"").sync("run_at_start", "true");
    let wait = Answer { retry_after: Some(RetryAfter::Seconds(36_000)), ..Answer::new(503) };
    scene.fault(Fault::once(Kind::Status(wait)).always());
    // The watchdog wakes it more often than its own nap does.
    let daemon = Daemon::start_with(&scene, &[("WATCHDOG_USEC", "100000")]);
    daemon.until_said("the run was put off and is taken up again");
    scene.api.clear_faults();
    assert!(scene.stored().is_empty());
    let ran = scene.cli(&["resume", "wegroup"]);
    assert!(ran.code == 0 && ran.stdout.contains("a daemon sees that within half a minute"), "{ran:?}");
    until("the daemon goes on", || scene.stored().len() == 3);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end().0, Some(0));
}

#[test]
fn a_pause_that_a_person_lifts_is_over_also_for_a_daemon_that_runs_another_sync_all_the_time() {
    let mut scene = scene();
    scene.sync("schedule", "\"0 0 0 1 1 *\"").sync("run_at_start", "true").more(
        "[syncs.often]\nconnection = \"wegroup\"\nschedule = \"* * * * * *\"\n\
         source = { kind = \"csv\", path = \"none*.csv\", key = \"id\" }\nlead = { id = \"{{ id }}\" }\n",
    );
    let wait = Answer { retry_after: Some(RetryAfter::Seconds(36_000)), ..Answer::new(503) };
    scene.fault(Fault::once(Kind::Status(wait)).always());
    let daemon = Daemon::start(&scene);
    daemon.until_ended("deferred", 1);
    daemon.until_ended("complete", 1);
    scene.api.clear_faults();
    assert_eq!(scene.cli(&["resume", "wegroup"]).code, 0);
    until("the daemon goes on", || scene.stored().len() == 3);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end().0, Some(0));
}

#[test]
fn a_run_that_rests_after_a_pause_is_taken_up_as_soon_as_a_person_resumes_its_connection() {
    let mut scene = scene();
    scene.sync("schedule", "\"0 0 0 1 1 *\"").sync("run_at_start", "true").connection("patience", "\"0s\"");
    let wait = Answer { retry_after: Some(RetryAfter::Seconds(1)), ..Answer::new(503) };
    scene.fault(Fault::once(Kind::Status(wait)).always());
    let daemon = Daemon::start_with(&scene, &[("WATCHDOG_USEC", "100000")]);
    daemon.until_said("the run was put off and is taken up again");
    let paused = || scene.cli(&["status", "--format", "json"]).json()[0]["paused_until"].is_string();
    until("the pause is over by itself", || !paused());
    scene.api.clear_faults();
    assert_eq!(daemon.said("taken up then"), 0, "it rests");
    assert_eq!(scene.cli(&["resume", "wegroup"]).code, 0);
    until("the daemon goes on", || scene.stored().len() == 3);
    assert_eq!(daemon.said("what put the run off ends sooner, and the run is taken up then"), 1);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end().0, Some(0));
}

#[test]
fn a_run_that_was_put_off_is_taken_up_again_also_by_another_daemon() {
    let mut scene = scene();
    scene.sync("schedule", "\"0 0 0 1 1 *\"").sync("run_at_start", "true").connection("patience", "\"0s\"");
    scene.fault(
        Fault::once(Kind::Status(Answer { retry_after: Some(RetryAfter::Seconds(1)), ..Answer::new(503) })).always(),
    );
    let daemon = Daemon::start(&scene);
    daemon.until_said("the run was put off and is taken up again");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end().0, Some(0));
    scene.api.clear_faults();
    // The API has asked for a second.
    scene.sync("run_at_start", "false").connection("patience", "\"10s\"");
    let daemon = Daemon::start(&scene);
    until("what was put off is sent", || scene.stored().len() == 3);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end().0, Some(0));
}

#[test]
fn a_daemon_stays_up_when_credentials_need_a_person_and_goes_on_afterwards() {
    let scene = scene();
    scene.fault(Fault::once(Kind::Status(Answer::new(401))).always());
    let daemon = Daemon::start(&scene);
    daemon.until_ended("auth", 2);
    scene.api.clear_faults();
    daemon.until_ended("complete", 1);
    assert_eq!(scene.stored().len(), 3);
}

#[test]
fn what_came_due_while_the_daemon_was_down_is_made_up_for_only_if_it_is_to_be() {
    for (missed, runs) in [("run", 1), ("skip", 0)] {
        let mut scene = scene();
        // A time far from now on every day of the year: nothing is due while the test runs.
        scene.sync("schedule", "\"0 0 0 1 1 *\"").sync("missed", &format!("{missed:?}"));
        assert_eq!(scene.run().code, 0);
        let db = rusqlite::Connection::open(scene.path("lead-sync.db")).unwrap();
        db.execute("UPDATE run SET started_at = started_at - 2 * 366 * 86400000", []).unwrap();
        let daemon = Daemon::start(&scene);
        daemon.until_said("ready");
        if missed == "run" {
            daemon.until_ended("complete", 1);
        }
        daemon.signal(Signal::TERM);
        assert_eq!(daemon.end().0, Some(0));
        assert_eq!(scene.query("SELECT run FROM runs WHERE \"trigger\" = 'schedule'").len(), runs, "{missed}");
    }
}

#[test]
fn a_daemon_that_nothing_is_scheduled_for_says_what_to_add() {
    let scene = Scene::new();
    let ran = scene.cli(&[]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("add `schedule` to a sync"), "{ran:?}");
}
