//! A backup that is put back over a ledger that has sent since.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;

use lead_sync::sandbox::{Fault, Kind, Options};

use crate::support::{Ran, Scene};

/// Puts the backup `safe.db` in the place of the ledger, as the README says.
fn put_back(scene: &Scene) {
    for end in ["-wal", "-shm"] {
        let _ = fs::remove_file(scene.path(&format!("lead-sync.db{end}")));
    }
    fs::copy(scene.path("safe.db"), scene.path("lead-sync.db")).unwrap();
    fs::copy(scene.path("safe.key"), scene.path("lead-sync.key")).unwrap();
}

fn back_up(scene: &Scene) {
    let ran = scene.cli(&["backup", "safe.db"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

/// Three leads delivered, a backup, two more delivered, the backup put back, and one more in the export.
fn older() -> Scene {
    let scene = Scene::new();
    scene.customers(0..3);
    assert_eq!(scene.run().code, 0);
    back_up(&scene);
    scene.customers(0..5);
    assert_eq!(scene.run().count("delivered"), 2);
    put_back(&scene);
    scene.customers(0..6);
    scene
}

/// What every refusal says: what, where, what next.
fn assert_refused(scene: &Scene, ran: &Ran) {
    assert_eq!(ran.code, 2, "{ran:?}");
    let ledger = scene.path("lead-sync.db").canonicalize().unwrap().display().to_string();
    for word in
        [&ledger, "run 2", "older copy", "lead-sync plan", "baseline --older-ledger", "--run-now --older-ledger"]
    {
        assert!(ran.stderr.contains(word), "no {word:?} in {ran:?}");
    }
}

#[test]
fn an_older_ledger_sends_nothing_until_it_is_confirmed() {
    let scene = older();
    // Again and again: no refused run carries the ledger past its mark.
    for _ in 0..3 {
        let ran = scene.run();
        assert_refused(&scene, &ran);
        assert_eq!(ran.json()["outcome"], "error");
        assert_refused(&scene, &scene.cli(&["baseline", "--yes"]));
    }
    assert_eq!(scene.stored().len(), 5);
    let ran = scene.cli(&["--run-now", "--json", "--older-ledger"]);
    assert_eq!((ran.code, ran.count("delivered")), (0, 3), "{ran:?}");
    scene.customers(0..7);
    let next = scene.run();
    assert_eq!((next.code, next.count("delivered")), (0, 1), "{next:?}");
}

#[test]
fn an_older_ledger_whose_export_is_taken_as_delivered_sends_nothing_again() {
    let scene = older();
    let ran = scene.cli(&["baseline", "--yes", "--older-ledger"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    scene.customers(0..7);
    let next = scene.run();
    assert_eq!((next.code, next.count("delivered")), (0, 1), "{next:?}");
    assert_eq!(scene.stored().len(), 6);
}

#[test]
fn a_baseline_that_could_not_read_the_export_leaves_the_ledger_refused() {
    let scene = older();
    scene.export("customers.csv", "<html>");
    let ran = scene.cli(&["baseline", "--yes", "--older-ledger"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    scene.customers(0..6);
    assert_refused(&scene, &scene.run());
    assert_eq!(scene.stored().len(), 5);
}

/// Neither a lead that is no longer exported nor one in doubt is met as new in the export.
#[test]
fn what_was_still_to_be_sent_in_an_older_ledger_is_held_by_a_baseline() {
    let mut scene = Scene::new();
    scene.connection("retry", "{ first = \"10ms\", cap = \"50ms\" }");
    scene.customers(0..2);
    scene.fault(Fault::once(Kind::LostAnswer));
    scene.cli(&["--run-now", "--limit", "1"]);
    assert_eq!(scene.lead_of("0")["state"], "waiting");
    back_up(&scene);
    assert_eq!(scene.run().count("delivered"), 2);
    let sent = scene.stored().len();
    put_back(&scene);
    let plan = scene.cli(&["plan"]);
    assert!(plan.stdout.contains("2 leads would be sent"), "{plan:?}");
    scene.customers(5..6);
    let ran = scene.cli(&["baseline", "--yes", "--older-ledger"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("2 leads that were still to be sent in it are held"), "{ran:?}");
    for key in ["0", "1"] {
        assert_eq!(scene.lead_of(key)["state"], "held");
    }
    assert_eq!((scene.run().count("delivered"), scene.stored().len()), (0, sent));
    assert_eq!(scene.cli(&["resolve", "1", "--delivered", "--yes"]).code, 0);
}

#[test]
fn a_trial_run_that_may_send_nothing_confirms_nothing() {
    let scene = older();
    let ran = scene.cli(&["--run-now", "--older-ledger", "--limit", "0"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_refused(&scene, &scene.run());
}

#[test]
fn leads_of_a_sync_that_is_not_configured_at_the_moment_are_held_too() {
    let scene = Scene::new();
    scene.customers(0..2);
    assert_eq!(scene.cli(&["--run-now", "--limit", "1"]).code, 0);
    back_up(&scene);
    assert_eq!(scene.run().count("delivered"), 1);
    put_back(&scene);
    let configuration = fs::read_to_string(scene.path("lead-sync.toml")).unwrap();
    let other = configuration.replace("syncs.customers", "syncs.others");
    fs::write(scene.path("others.toml"), other).unwrap();
    fs::set_permissions(scene.path("others.toml"), fs::Permissions::from_mode(0o600)).unwrap();
    let ran = scene.cli(&["--config", "others.toml", "baseline", "--yes", "--older-ledger"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    let runs = scene
        .query("SELECT s.name FROM run_sync r JOIN sync s ON s.id = r.sync WHERE r.run = (SELECT max(id) FROM run)");
    assert_eq!(runs, ["others"], "it must not look as if the other sync had run");
    assert_eq!((scene.run().count("delivered"), scene.stored().len()), (0, 2));
    let held: Vec<_> = scene.leads().into_iter().filter(|lead| lead["state"] == "held").collect();
    assert_eq!((held.len(), &held[0]["sync"], &held[0]["key"]), (1, &"customers".into(), &"1".into()));
}

#[test]
fn an_older_ledger_is_confirmed_for_all_syncs_at_once() {
    let scene = older();
    for command in [&["baseline", "--yes"][..], &["--run-now"]] {
        let ran = scene.cli(&[command, &["--older-ledger", "--sync", "customers"]].concat());
        assert_eq!(ran.code, 2, "{ran:?}");
    }
    assert_refused(&scene, &scene.run());
}

#[test]
fn two_ledgers_in_one_folder_do_not_refuse_each_other() {
    let scene = Scene::new();
    scene.customers(0..1);
    let run = |name: &str, options: &[&str]| {
        let mut command = scene.command(&[&["--run-now"], options].concat());
        command.env("LEAD_SYNC__LEDGER__PATH", scene.path(name)).output().unwrap().status.code()
    };
    assert_eq!(run("l.production", &[]), Some(0));
    assert_eq!(run("l.staging", &["--new-ledger"]), Some(0));
    for count in 2..5 {
        scene.customers(0..count);
        assert_eq!((run("l.production", &[]), run("l.staging", &[])), (Some(0), Some(0)));
    }
}

#[test]
fn a_confirmation_with_nothing_to_send_holds_for_the_next_run() {
    let scene = older();
    scene.customers(0..3);
    let ran = scene.cli(&["--run-now", "--json", "--older-ledger"]);
    assert_eq!((ran.code, ran.count("delivered")), (0, 0), "{ran:?}");
    assert_eq!(scene.run().code, 0);
}

#[test]
fn a_ledger_that_was_given_up_for_an_older_one_is_older_once_that_one_has_sent() {
    let scene = older();
    let keep = |from: &str, to: &str| fs::copy(scene.path(from), scene.path(to)).unwrap();
    assert_eq!(scene.cli(&["--run-now", "--older-ledger"]).code, 0);
    let sent = scene.stored().len();
    keep("safe.db", "lead-sync.db");
    assert_eq!(scene.run().code, 2);
    assert_eq!(scene.stored().len(), sent);
}

#[test]
fn plan_and_check_say_that_a_ledger_is_older_and_all_that_does_not_send_works() {
    let scene = older();
    let plan = scene.cli(&["plan"]);
    assert_eq!(plan.code, 3, "{plan:?}");
    assert!(plan.stdout.contains("3 leads would be sent"), "{plan:?}");
    assert_eq!(plan.stderr.matches("older copy").count(), 1, "{plan:?}");
    let check = scene.cli(&["check"]);
    assert_eq!((check.code, check.stdout.contains("FAIL  ledger: the ledger ")), (2, true), "{check:?}");
    for command in [
        &["leads"][..],
        &["show", "1"],
        &["runs"],
        &["retry", "--state", "failed", "--yes"],
        &["forget", "2", "--yes"],
        &["rejects", "export", "rejects.csv"],
        &["rejects", "import", "rejects.csv"],
        &["report", "page.html"],
        &["backup", "another.db"],
        &["prune"],
    ] {
        let ran = scene.cli(command);
        assert_eq!(ran.code, 0, "{command:?}: {ran:?}");
    }
    let status = scene.cli(&["status"]);
    assert_eq!((status.code, status.stdout.contains("delivered")), (0, true), "{status:?}");
    assert!(status.stderr.contains("older copy"), "{status:?}");
    assert_eq!(scene.cli(&["report", "older.html"]).code, 0);
    let page = fs::read_to_string(scene.path("older.html")).unwrap();
    assert!(page.contains("Nothing is sent") && page.contains("older copy"), "{page}");
    let health = scene.cli(&["healthcheck"]);
    assert_eq!((health.code, health.stderr.contains("older copy")), (1, true), "{health:?}");
    assert_refused(&scene, &scene.run());
    assert_eq!(scene.stored().len(), 5);
}

#[test]
fn a_daemon_does_not_start_on_an_older_ledger() {
    let mut scene = older();
    scene.sync("schedule", "\"* * * * * *\"").sync("run_at_start", "true");
    let mut daemon = scene.command(&[]).stderr(Stdio::piped()).spawn().unwrap();
    let (mut log, mut stderr) = (BufReader::new(daemon.stderr.take().unwrap()), String::new());
    while log.read_line(&mut stderr).unwrap() > 0 && !stderr.contains("ready") {}
    // One that has started would not end.
    let _ = daemon.kill();
    let code = daemon.wait().unwrap().code().unwrap_or(-1);
    assert_refused(&scene, &Ran { code, stdout: String::new(), stderr });
    assert_eq!(scene.stored().len(), 5);
}

#[test]
fn a_backup_is_as_good_as_the_ledger_while_no_run_has_anything_to_send() {
    let scene = Scene::new();
    scene.customers(0..3);
    assert_eq!(scene.run().code, 0);
    back_up(&scene);
    for _ in 0..3 {
        assert_eq!(scene.run().code, 0);
    }
    assert_eq!(scene.cli(&["plan"]).code, 0);
    put_back(&scene);
    scene.customers(0..4);
    assert_eq!(scene.cli(&["plan"]).code, 0);
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("delivered")), (0, 1), "{ran:?}");
}

#[test]
fn a_backup_made_while_a_run_sends_does_not_pass_for_the_ledger_of_that_run() {
    let mut scene = Scene::with(Options { latency: Duration::from_millis(20), ..Options::default() });
    scene.connection("max_in_flight", "1");
    scene.customers(0..60);
    let child = scene.spawn();
    while scene.stored().len() < 3 {
        std::thread::yield_now();
    }
    back_up(&scene);
    assert_eq!(Ran::from(child.wait_with_output().unwrap()).code, 0);
    put_back(&scene);
    assert_eq!(scene.run().code, 2);
    assert_eq!(scene.stored().len(), 60);
}

#[test]
fn without_a_mark_a_ledger_is_used_and_marked_when_it_sends() {
    let scene = older();
    fs::remove_file(scene.path("lead-sync.db.mark")).unwrap();
    scene.customers(0..3);
    assert_eq!(scene.run().code, 0);
    assert!(!scene.path("lead-sync.db.mark").exists(), "nothing was sent");
    scene.customers(0..4);
    assert_eq!(scene.run().count("delivered"), 1);
    put_back(&scene);
    assert_eq!(scene.run().code, 2);
}

#[test]
fn a_mark_that_cannot_be_understood_read_or_made_stops_the_run_before_it_sends() {
    let scene = older();
    let mark = scene.path("lead-sync.db.mark");
    let sent = scene.stored().len();
    fs::write(&mark, "").unwrap();
    let damaged = scene.run();
    assert_eq!(damaged.code, 2, "{damaged:?}");
    assert!(damaged.stderr.contains("lead-sync.db.mark is damaged"), "{damaged:?}");
    fs::remove_file(&mark).unwrap();
    fs::create_dir(&mark).unwrap();
    let unreadable = scene.run();
    assert_eq!(unreadable.code, 1, "{unreadable:?}");
    assert!(
        unreadable.stderr.contains("cannot read") && unreadable.stderr.contains("lead-sync.db.mark"),
        "{unreadable:?}"
    );
    assert_eq!(scene.stored().len(), sent);
    fs::remove_dir(&mark).unwrap();
    assert_eq!(scene.run().code, 0);
}

#[test]
fn a_new_ledger_is_not_older_than_the_lost_one_in_whose_place_it_was_begun() {
    let scene = older();
    fs::remove_file(scene.path("lead-sync.db")).unwrap();
    assert_eq!(scene.cli(&["--run-now", "--new-ledger"]).code, 0);
    assert_eq!(scene.run().code, 0);
    put_back(&scene);
    assert_eq!(scene.run().code, 2, "what the new one sent the old one does not know");
    // As a run leaves it that was to begin a new one and was cut off.
    fs::write(scene.path("lead-sync.db"), "").unwrap();
    assert_eq!(scene.cli(&["--run-now", "--new-ledger"]).code, 0);
    assert_eq!(scene.run().code, 0);
}

/// Neither an export that is just being written nor one that is not there (a share that is not mounted) was taken as delivered.
#[test]
fn a_baseline_that_found_no_export_leaves_the_ledger_refused() {
    let mut scene = older();
    scene.source("min_age", "\"1h\"");
    let ran = scene.cli(&["baseline", "--yes", "--older-ledger"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("not confirmed") && ran.stderr.contains("customers"), "{ran:?}");
    scene.source("min_age", "\"0s\"");
    assert_refused(&scene, &scene.run());
    fs::rename(scene.path("exports/customers.csv"), scene.path("customers.csv")).unwrap();
    assert_eq!(scene.cli(&["baseline", "--yes", "--older-ledger"]).code, 3);
    fs::rename(scene.path("customers.csv"), scene.path("exports/customers.csv")).unwrap();
    assert_refused(&scene, &scene.run());
    assert_eq!(scene.stored().len(), 5);
    assert_eq!(scene.cli(&["baseline", "--yes", "--older-ledger"]).code, 0);
    assert_eq!(scene.run().count("delivered"), 0);
}
