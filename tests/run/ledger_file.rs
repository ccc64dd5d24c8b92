//! A ledger that is lost, foreign, newer, damaged or cannot grow.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::time::Duration;

use crate::support::{Ran, Scene};

fn refused(scene: &Scene, word: &str) -> Ran {
    let ran = scene.run();
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains(word), "no {word:?} in {ran:?}");
    assert_eq!(ran.json()["outcome"], "error");
    ran
}

fn delivered() -> Scene {
    let scene = Scene::new();
    scene.customers(0..3);
    assert_eq!(scene.run().code, 0);
    scene
}

#[test]
fn a_lost_ledger_stops_the_run_until_it_is_confirmed() {
    let scene = delivered();
    fs::remove_file(scene.path("lead-sync.db")).unwrap();
    refused(&scene, "--new-ledger");
    assert_eq!(scene.stored().len(), 3);
    let ran = scene.cli(&["--run-now", "--json", "--new-ledger"]);
    assert_eq!((ran.code, ran.count("delivered")), (0, 3), "{ran:?}");
}

#[test]
fn a_ledger_that_was_emptied_is_a_lost_one_for_every_command() {
    let scene = Scene::new();
    scene.customers(0..3);
    assert_eq!(scene.cli(&["baseline", "--yes"]).code, 0);
    fs::write(scene.path("lead-sync.db"), "").unwrap();
    for args in [&["check"][..], &["retry", "1"], &["baseline", "--yes"], &["--run-now"]] {
        let ran = scene.cli(args);
        assert!(ran.code == 2 && (ran.stderr + &ran.stdout).contains("--new-ledger"), "{args:?}: {}", ran.stdout);
    }
    assert_eq!(fs::metadata(scene.path("lead-sync.db")).unwrap().len(), 0);
    assert!(scene.stored().is_empty());
    assert_eq!(scene.cli(&["--run-now", "--json", "--new-ledger"]).count("delivered"), 3);
}

#[test]
fn a_ledger_through_a_link_is_the_same_ledger_with_the_same_lock() {
    let mut scene = delivered();
    let elsewhere = scene.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(scene.path("lead-sync.db"), elsewhere.join("link.db")).unwrap();
    scene.more("[ledger]\npath = \"elsewhere/link.db\"\n");
    let held = lead_sync::ledger::Lease::take(&scene.path("lead-sync.db"), "test", lead_sync::clock::now()).unwrap();
    assert_eq!(scene.run().code, 6);
    drop(held);
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("unchanged")), (0, 3), "{ran:?}");
    assert_eq!(scene.stored().len(), 3);
    fs::hard_link(scene.path("lead-sync.db"), elsewhere.join("second.db")).unwrap();
    refused(&scene, "hard links");
}

#[test]
fn a_link_to_a_ledger_whose_disk_is_away_is_named_by_every_command_and_stays_as_it_is() {
    let scene = Scene::new();
    scene.customers(0..1);
    std::os::unix::fs::symlink("volume/ledger.db", scene.path("lead-sync.db")).unwrap();
    let commands = [
        &["--run-now"][..],
        &["plan"],
        &["check"],
        &["status"],
        &["retry", "1"],
        &["baseline", "--yes"],
        &["healthcheck"],
    ];
    for args in commands {
        let ran = scene.cli(args);
        let told = ran.stdout.clone() + &ran.stderr;
        assert!(
            told.contains("lead-sync.db is a link to volume/ledger.db, where there is nothing"),
            "{args:?}: {ran:?}"
        );
        assert!(ran.code != 0 && !told.contains("nothing has run here yet"), "{args:?}: {ran:?}");
    }
    assert!(!scene.path("lead-sync.key").exists() && !scene.path("lead-sync.lock").exists());
    fs::create_dir(scene.path("volume")).unwrap();
    fs::write(scene.path("volume/ledger.db"), "").unwrap();
    assert_eq!(scene.run().count("delivered"), 1);
}

#[test]
fn a_run_whose_figures_cannot_be_written_ends_as_an_error_and_is_not_left_open() {
    let scene = Scene::new();
    scene.customers(0..1);
    assert_eq!(scene.run().code, 0);
    let db = rusqlite::Connection::open(scene.path("lead-sync.db")).unwrap();
    db.execute_batch("CREATE TRIGGER full BEFORE INSERT ON latency BEGIN SELECT RAISE(ABORT, 'no room'); END").unwrap();
    scene.customers(0..2);
    let ran = scene.run();
    assert!(ran.code == 1 && ran.stderr.contains("no room"), "{ran:?}");
    assert_eq!(scene.query("SELECT outcome FROM run ORDER BY id"), ["complete", "error"]);
    assert_eq!(scene.query("SELECT delivered FROM run_sync ORDER BY run"), ["1", "1"]);
}

#[test]
fn a_ledger_that_is_just_being_made_is_none_yet_for_those_who_read() {
    let scene = Scene::new();
    scene.customers(0..1);
    fs::write(scene.path("lead-sync.db"), "").unwrap();
    for command in [&["leads"][..], &["status"], &["runs"], &["show", "1"]] {
        let ran = scene.cli(&[command, &["--format", "json"]].concat());
        assert_eq!((ran.code, ran.stdout.trim()), (0, "[]"), "{ran:?}");
        assert!(ran.stderr.contains("nothing has run here yet"), "{ran:?}");
    }
    assert_eq!(scene.cli(&["plan"]).code, 0);
    assert_eq!(scene.run().count("delivered"), 1);
}

#[test]
fn a_ledger_without_its_key_or_with_another_one_is_not_used() {
    let scene = delivered();
    let key = fs::read(scene.path("lead-sync.key")).unwrap();
    fs::remove_file(scene.path("lead-sync.key")).unwrap();
    refused(&scene, "fingerprint key");
    fs::write(scene.path("lead-sync.key"), [7; 32]).unwrap();
    refused(&scene, "belongs to another ledger");
    fs::write(scene.path("lead-sync.key"), key).unwrap();
    assert_eq!(scene.run().count("unchanged"), 3);
}

#[test]
fn a_file_that_is_no_ledger_of_ours_is_left_alone() {
    let scene = Scene::new();
    scene.customers(0..1);
    let foreign = rusqlite::Connection::open(scene.path("lead-sync.db")).unwrap();
    foreign.execute_batch("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)").unwrap();
    drop(foreign);
    let before = fs::read(scene.path("lead-sync.db")).unwrap();
    refused(&scene, "not a ledger of lead-sync");
    assert_eq!(fs::read(scene.path("lead-sync.db")).unwrap(), before);
    fs::write(scene.path("lead-sync.db"), "this is text, and long enough to have a header of its own ".repeat(20))
        .unwrap();
    refused(&scene, "not a readable ledger");
    assert!(scene.stored().is_empty());
}

#[test]
fn a_ledger_of_a_newer_program_is_not_touched() {
    let scene = delivered();
    let ledger = rusqlite::Connection::open(scene.path("lead-sync.db")).unwrap();
    ledger.pragma_update(None, "user_version", 999).unwrap();
    drop(ledger);
    refused(&scene, "newer lead-sync");
    assert_eq!(scene.cli(&["leads"]).code, 2, "not even for reading: its views may mean something else");
}

#[test]
fn what_killed_processes_left_beside_the_ledger_is_told_by_check_and_deleted_once_it_is_a_day_old() {
    let scene = delivered();
    let left = |name: &str, hours: u64| {
        let path = scene.path(name);
        let file = File::create_new(&path).unwrap();
        let now = file.metadata().unwrap().modified().unwrap();
        file.set_modified(now - Duration::from_hours(hours)).unwrap();
        path
    };
    let old = ["backup.db", "rejects.csv", "lead-sync.db.bak-v1"]
        .map(|name| left(&format!("{name}.0123456789abcdef.partial"), 25));
    let young = left("report.html.fedcba9876543210.partial", 1);
    let another = left("download.partial", 25);
    let told = scene.cli(&["check"]);
    for path in old.iter().chain([&young]) {
        assert!(told.stdout.contains(&path.file_name().unwrap().to_string_lossy().into_owned()), "{told:?}");
    }
    assert!(!told.stdout.contains("download.partial"), "{told:?}");
    assert_eq!(scene.run().code, 0);
    assert!(old.iter().all(|path| !path.exists()) && young.exists() && another.exists());
}

#[test]
fn a_backup_that_was_killed_before_its_ledger_stood_is_made_again_under_the_same_name() {
    let scene = delivered();
    fs::copy(scene.path("lead-sync.key"), scene.path("safe.key")).unwrap();
    let ran = scene.cli(&["backup", "safe.db"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(scene.path("safe.db").exists());
    assert_eq!(fs::read(scene.path("safe.key")).unwrap(), fs::read(scene.path("lead-sync.key")).unwrap());
}

#[test]
fn no_backup_shares_its_key_with_the_ledger_or_another_backup() {
    let scene = delivered();
    assert_eq!(scene.cli(&["backup", "safe.monday"]).code, 0);
    for (name, why) in
        [("lead-sync.bak", "lead-sync.key is the ledger's"), ("safe.tuesday", "safe.key: entity already exists")]
    {
        let ran = scene.cli(&["backup", name]);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains(why), "{ran:?}");
        assert!(!scene.path(name).exists());
    }
}

/// Every command that wants a ledger, but for `check`, which tells it in its own form.
pub(crate) const COMMANDS: [&[&str]; 18] = [
    &["leads"],
    &["status"],
    &["runs"],
    &["show", "0"],
    &["plan"],
    &["--run-now", "--dry-run"],
    &["export-person", "0"],
    &["forget", "0", "--yes"],
    &["retry", "0"],
    &["resolve", "0", "--resend"],
    &["resume", "wegroup"],
    &["healthcheck"],
    &["report", "report.html"],
    &["backup", "copy.db"],
    &["prune"],
    &["rejects", "export", "rejects.csv"],
    &["rejects", "import", "rejects.csv"],
    &["rejects", "drop", "exports/customers.csv:2"],
];

#[test]
fn every_command_says_that_a_ledger_was_lost_and_not_that_nothing_has_run() {
    let scene = delivered();
    fs::remove_file(scene.path("lead-sync.db")).unwrap();
    let all_say_so = || {
        for command in COMMANDS {
            let ran = scene.cli(command);
            assert!(ran.code == 2 && ran.stderr.contains("a ledger that is lost"), "{command:?}: {ran:?}");
            assert!(!ran.stderr.contains("nothing has run here yet"), "{command:?}: {ran:?}");
        }
    };
    all_say_so();
    assert!(!scene.path("lead-sync.db").exists());
    fs::write(scene.path("lead-sync.db"), "").unwrap();
    all_say_so();
}

#[test]
fn a_plan_is_refused_with_the_words_of_the_run_where_the_ledger_cannot_be_used() {
    let refused_alike = |scene: &Scene| {
        let (plan, run) = (scene.cli(&["plan"]), scene.run());
        let why = run.json()["error"].as_str().unwrap().to_owned();
        assert_eq!((plan.code, run.code, plan.stdout.as_str()), (2, 2, ""), "{plan:?}");
        assert!(plan.stderr.contains(&why), "no {why:?} in {plan:?}");
    };
    let scene = delivered();
    fs::write(scene.path("lead-sync.key"), [7; 32]).unwrap();
    refused_alike(&scene);
    fs::write(scene.path("lead-sync.key"), "half").unwrap();
    refused_alike(&scene);
    fs::remove_file(scene.path("lead-sync.key")).unwrap();
    refused_alike(&scene);
    // Its key is lost with it, the sessions are left.
    fs::remove_file(scene.path("lead-sync.db")).unwrap();
    assert_eq!(scene.cli(&["plan"]).code, 0, "nothing tells that there ever was one");
    fs::create_dir_all(scene.path("tokens")).unwrap();
    fs::write(scene.path("tokens/wegroup.json"), "{}").unwrap();
    refused_alike(&scene);
    assert!(!scene.path("lead-sync.db").exists());
}

#[test]
fn what_a_new_ledger_would_send_can_be_seen_before_it_is_begun() {
    let scene = delivered();
    fs::remove_file(scene.path("lead-sync.db")).unwrap();
    let planned = scene.cli(&["--run-now", "--dry-run", "--new-ledger"]);
    assert!(planned.code == 0 && planned.stdout.contains("3 leads would be sent"), "{planned:?}");
    assert!(!scene.path("lead-sync.db").exists());
    refused(&scene, "a ledger that is lost");
}

#[test]
fn a_configuration_under_a_second_name_is_given_no_second_ledger() {
    let scene = delivered();
    let link = scene.path("etc/lead-sync.toml");
    fs::create_dir(scene.path("etc")).unwrap();
    symlink(scene.path("lead-sync.toml"), &link).unwrap();
    for arguments in [&["--run-now"][..], &["status"], &["check"]] {
        let ran = Ran::from(scene.command(arguments).env("LEAD_SYNC_CONFIG", &link).output().unwrap());
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(ran.code == 2 && said.contains("a new one would send every lead again"), "{arguments:?} {ran:?}");
    }
    assert!(!scene.path("etc/lead-sync.db").exists());
}
