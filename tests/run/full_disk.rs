//! A disk without room: that of the ledger, and that of its temporary copies.

use std::process::{Command, Stdio};
use std::sync::Arc;

use lead_sync::http::{Pulse, Watch};
use lead_sync::metrics;

use crate::disk::Disk;
use crate::ledger_file::COMMANDS;
use crate::support::{Ran, Scene};

#[test]
fn a_full_disk_stops_a_first_run_before_anything_is_made_and_the_next_one_begins() {
    let scene = Scene::new();
    scene.customers(0..3);
    let Some(disk) = Disk::mount(scene.path("small"), "32m") else { return };
    disk.fill(8 << 10);
    let run = || disk.cli(&scene, &["--run-now", "--json"]);
    let ran = run();
    assert!(ran.code == 1 && ran.stderr.contains("is full or nearly so"), "{ran:?}");
    assert!(!disk.path("lead-sync.db").exists() && !disk.path("lead-sync.key").exists());
    assert!(scene.stored().is_empty());
    disk.free();
    assert_eq!(run().count("delivered"), 3);
}

#[test]
fn every_command_says_that_the_disk_of_its_ledger_is_full_and_goes_on_once_it_is_not() {
    let scene = Scene::new();
    scene.customers(0..3);
    let Some(disk) = Disk::mount(scene.path("small"), "32m") else { return };
    assert_eq!(disk.cli(&scene, &["--run-now"]).code, 0);
    disk.fill(0);
    for command in COMMANDS.iter().copied().chain([&["--run-now"][..], &["check"]]) {
        let ran = disk.cli(&scene, command);
        let told = ran.stdout.clone() + &ran.stderr;
        assert!(ran.code == 1 && told.contains("is full or nearly so: free some space"), "{command:?}: {ran:?}");
    }
    disk.free();
    assert_eq!(disk.cli(&scene, &["--run-now", "--json"]).count("unchanged"), 3);
}

#[test]
fn status_and_readiness_say_that_no_run_will_send_while_the_disk_is_nearly_full() {
    let scene = Scene::new();
    scene.customers(0..1);
    let Some(disk) = Disk::mount(scene.path("small"), "32m") else { return };
    assert_eq!(disk.cli(&scene, &["--run-now"]).code, 0);
    let pulse = Arc::new(Pulse::default());
    pulse.set_ready(true);
    let watch = Watch::new(pulse, &disk.path("lead-sync.db"), metrics::install().unwrap());
    watch.ready().unwrap();
    disk.fill(8 << 20);
    let told = disk.cli(&scene, &["status"]);
    assert!(told.code == 0 && told.stdout.contains("1 delivered"), "{told:?}");
    for told in [told.stderr, watch.ready().unwrap_err()] {
        assert!(told.contains("is full or nearly so"), "{told}");
    }
    disk.free();
    watch.ready().unwrap();
    assert!(!disk.cli(&scene, &["status"]).stderr.contains("is full"));
}

/// As where a quota is used up, which the free space of the disk does not show.
#[test]
fn a_first_run_that_cannot_write_its_ledger_leaves_no_key_and_the_next_one_begins() {
    let scene = Scene::new();
    scene.customers(0..3);
    // A key is 32 bytes, a page of a ledger 4096.
    let limited = "trap '' XFSZ; ulimit -f 2; exec \"$0\" --run-now --json";
    let program = scene.command(&[]);
    let mut command = Command::new("sh");
    command.args(["-c", limited]).arg(program.get_program()).current_dir(scene.folder.path()).stdin(Stdio::null());
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let ran = Ran::from(command.output().unwrap());
    assert!(ran.code == 1 && ran.stderr.contains("lead-sync.db"), "{ran:?}");
    assert!(!scene.path("lead-sync.key").exists());
    assert_eq!(scene.run().count("delivered"), 3);
}

/// A ledger of eight megabytes, and a folder for temporary files of one.
fn cramped() -> Option<(Scene, Disk)> {
    let scene = Scene::new();
    scene.customers(0..3);
    assert_eq!(scene.run().code, 0);
    let ledger = rusqlite::Connection::open(scene.path("lead-sync.db")).unwrap();
    ledger.execute_batch("CREATE TABLE padding (x); INSERT INTO padding VALUES (zeroblob(8 << 20))").unwrap();
    let disk = Disk::mount(scene.path("temporary"), "1m")?;
    Some((scene, disk))
}

fn in_cramped(scene: &Scene, disk: &Disk, args: &[&str]) -> Ran {
    let ran = Ran::from(scene.command(args).env("SQLITE_TMPDIR", disk.path("")).output().unwrap());
    let folder = format!("the folder for temporary files {} has no room", disk.path("").display());
    assert!(ran.stderr.contains(&folder) && ran.stderr.contains("set SQLITE_TMPDIR"), "{args:?}: {ran:?}");
    assert!(!ran.stderr.contains("the disk of the ledger"), "{args:?}: {ran:?}");
    ran
}

#[test]
fn a_plan_that_finds_no_room_for_its_copy_names_the_folder_of_temporary_files() {
    let Some((scene, disk)) = cramped() else { return };
    assert_eq!(in_cramped(&scene, &disk, &["plan"]).code, 1);
    assert_eq!(scene.cli(&["plan"]).code, 0);
}

#[test]
fn what_was_erased_and_not_wiped_for_want_of_temporary_room_is_said_to_be_so_and_wiped_later() {
    let Some((scene, disk)) = cramped() else { return };
    let pruned = in_cramped(&scene, &disk, &["prune"]);
    assert!(pruned.code == 1 && pruned.stderr.contains("what was to be deleted is deleted"), "{pruned:?}");
    let forgotten = in_cramped(&scene, &disk, &["forget", "1", "--yes"]);
    assert!(forgotten.code == 4 && forgotten.stderr.contains("what was to be erased is erased"), "{forgotten:?}");
    assert!(forgotten.stdout.contains("1 is erased from customers"), "{forgotten:?}");
    assert_eq!(scene.cli(&["prune"]).code, 0);
}
