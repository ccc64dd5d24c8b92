//! One holder of the ledger at a time.

use std::fs;
use std::process::{Child, Stdio};

use crate::stop::{signal, slow, until_received};
use crate::support::{Ran, Scene};

#[test]
fn a_second_process_is_told_who_holds_the_ledger_or_waits_for_it() {
    let scene = slow();
    let child = scene.spawn();
    until_received(&scene, 3);
    let second = scene.run();
    assert_eq!(second.code, 6, "{second:?}");
    assert!(second.stderr.contains(&format!("process {}", child.id())), "{second:?}");
    assert!(!scene.leads().is_empty(), "reading goes on beside it");
    let mut waiting = scene.command(&["--run-now", "--json", "--wait", "1m"]);
    let waiting = waiting.stdout(Stdio::piped()).spawn().unwrap();
    assert_eq!(Ran::from(child.wait_with_output().unwrap()).code, 0);
    assert_eq!(waiting.wait_with_output().unwrap().status.code(), Some(0));
    assert_eq!(scene.stored().len(), 400);
}

/// Whether the process hears SIGTERM: bit 14 of `SigCgt`, see `proc_pid_status(5)`.
fn hears_signals(child: &Child) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    caught.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() & (1 << 14) != 0)
}

#[test]
fn a_run_that_waits_for_the_ledger_and_is_stopped_ends_as_interrupted() {
    use rustix::process::Signal;
    let scene = Scene::new();
    scene.customers(0..1);
    let _held = lead_sync::ledger::Lease::take(&scene.path("lead-sync.db"), "test", lead_sync::clock::now()).unwrap();
    for which in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut waiting = scene.command(&["--run-now", "--json", "--wait", "10s"]);
        let mut waiting = waiting.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        while !hears_signals(&waiting) {
            assert!(waiting.try_wait().unwrap().is_none(), "it ended without ever listening");
            std::thread::yield_now();
        }
        signal(&waiting, which);
        let ran = Ran::from(waiting.wait_with_output().unwrap());
        assert_eq!((ran.code, ran.outcome().as_str()), (4, "interrupted"), "{ran:?}");
        let told = ran.json()["error"].as_str().unwrap().to_owned();
        assert!(told.starts_with("stopped before it began") && told.contains("(test)"), "{told}");
        assert!(!ran.stderr.contains("may take"), "nothing is under way: {ran:?}");
    }
    assert!(!scene.path("lead-sync.db").exists());
}

#[test]
fn the_lease_of_a_killed_process_blocks_nobody() {
    let scene = slow();
    let mut child = scene.spawn();
    until_received(&scene, 5);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(scene.run().code, 0);
}
