//! What the daemon tells systemd, as `sd_notify(3)` describes it, over a socket of the test's own.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use lead_sync::sandbox::{Fault, Kind};
use rustix::process::Signal;

use crate::process::Daemon;
use crate::support::Scene;

/// Much longer than any message takes: a test that waits in vain ends.
const LONG: Duration = Duration::from_mins(1);

/// A tenth of a second in microseconds: a daemon that feeds a watchdog only at its runs is seen within a test.
const WATCHDOG: &str = "100000";

/// The service manager's end.
struct Manager {
    socket: UnixDatagram,
    /// Every line that was received.
    heard: Vec<String>,
}

impl Manager {
    fn start(scene: &Scene, watchdog: Option<&str>) -> (Self, Daemon) {
        let path = scene.path("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(LONG)).unwrap();
        let mut variables = vec![("NOTIFY_SOCKET", path.to_str().unwrap())];
        variables.extend(watchdog.map(|limit| ("WATCHDOG_USEC", limit)));
        (Self { socket, heard: Vec::new() }, Daemon::start_with(scene, &variables))
    }

    /// Waits for a line that begins like this; gives it.
    fn until(&mut self, begins: &str) -> String {
        let mut buffer = [0; 4096];
        loop {
            let length = self.socket.recv(&mut buffer).unwrap();
            let lines: Vec<String> = String::from_utf8_lossy(&buffer[..length]).lines().map(str::to_owned).collect();
            let found = lines.iter().find(|line| line.starts_with(begins)).cloned();
            self.heard.extend(lines);
            if let Some(line) = found {
                return line;
            }
        }
    }

    fn heard(&self, line: &str) -> usize {
        self.heard.iter().filter(|heard| *heard == line).count()
    }
}

#[test]
fn systemd_hears_of_the_start_the_work_a_reload_and_the_stop_and_its_watchdog_is_fed() {
    let mut scene = Scene::new();
    scene.sync("schedule", "\"0 0 0 1 1 *\"");
    scene.customers(0..1);
    let (mut manager, daemon) = Manager::start(&scene, Some(WATCHDOG));
    manager.until("READY=1");
    assert_eq!((manager.heard("READY=1"), manager.heard("WATCHDOG=1")), (1, 0), "ready first");
    assert!(manager.until("STATUS=").starts_with("STATUS=next: customers at "));
    for _ in 0..3 {
        manager.until("WATCHDOG=1");
    }

    daemon.signal(Signal::HUP);
    manager.until("RELOADING=1");
    assert!(manager.heard.iter().any(|line| line.starts_with("MONOTONIC_USEC=")), "for Type=notify-reload");
    manager.until("READY=1");

    scene.sync("schedule", "\"never\"");
    drop(scene.command(&[]));
    daemon.signal(Signal::HUP);
    manager.until("RELOADING=1");
    manager.until("READY=1");
    assert!(manager.until("STATUS=").ends_with("the new configuration was refused, the old one is in force"));

    daemon.signal(Signal::TERM);
    manager.until("STOPPING=1");
    assert_eq!(daemon.end().0, Some(0));
}

#[test]
fn the_status_counts_the_leads_of_the_run_under_way_and_an_unwanted_watchdog_is_not_fed() {
    let mut scene = Scene::new();
    scene.sync("schedule", "\"0 0 0 1 1 *\"").sync("run_at_start", "true").connection("max_in_flight", "1");
    scene.customers(0..3);
    // The run lasts until its second lead is answered, which is once the daemon is told to stop at once.
    scene.connection("timeout", "\"2m\"");
    scene.fault(Fault::once(Kind::Slow { ms: 60_000 }).for_lead("1").always());
    let (mut manager, daemon) = Manager::start(&scene, None);
    let counted = manager.until("STATUS=customers: 1 of 3 leads");
    assert_eq!(counted, "STATUS=customers: 1 of 3 leads delivered, 0 need a look");
    daemon.signal(Signal::TERM);
    manager.until("STOPPING=1");
    daemon.until_said("once more stops at once");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end().0, Some(0));
    assert_eq!(manager.heard("WATCHDOG=1"), 0);
    assert_eq!(scene.lead_of("0")["state"], "delivered");
}
