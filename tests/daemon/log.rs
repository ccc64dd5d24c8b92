//! The daemon's log is all that it says by itself: which sync ran, what it did, and who is needed.

use rustix::process::Signal;

use crate::process::{Daemon, until};
use crate::support::Scene;

#[test]
fn the_log_says_which_sync_ran_what_it_did_and_warns_if_that_needs_a_person() {
    let mut scene = Scene::new();
    scene.sync("schedule", "\"0 0 0 1 1 *\"").sync("run_at_start", "true").sync("required", "[\"prospect.email\"]");
    scene.export("customers.csv", "id,first_name,last_name,email\n1,Planted,B,a@example.com\n2,Planted,B,\n");
    let daemon = Daemon::start(&scene);
    daemon.until_ended("attention", 1);
    until("it is said", || daemon.said("needs a person") > 0);
    daemon.signal(Signal::TERM);
    let (code, log) = daemon.end();
    assert_eq!((code, log.contains("Planted")), (Some(0), false), "{log}");
    let line =
        |part: &str| log.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("no {part} in {log}"));
    assert!(line("begins").contains("syncs=\"customers\""), "{log}");
    for count in ["sync=\"customers\"", "read=2", "new=1", "delivered=1", "rejected=1", "held=0"] {
        assert!(line("did").contains(count), "{count} in {log}");
    }
    assert!(line("needs a person").contains(" WARN ") && line("needs a person").contains("rejected=1"), "{log}");
}
