//! The units of systemd/, read as written: what they start works, and how it ends becomes the right state.
//! That systemd accepts them and how exposed they are is checked by `.ci/run units`.

use std::collections::BTreeMap;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::site::{KEYS, PROGRAM, Site, end, mode};

/// Much longer than any message takes: a test that waits in vain ends.
const LONG: Duration = Duration::from_mins(1);

/// The lines of a unit, as (section, key, value).
struct Unit(Vec<(String, String, String)>);

impl Unit {
    fn read(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(name);
        let text = std::fs::read_to_string(path).unwrap();
        let mut section = String::new();
        let mut lines = Vec::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                name.clone_into(&mut section);
            } else {
                let (key, value) = line.split_once('=').unwrap();
                lines.push((section.clone(), key.to_owned(), value.to_owned()));
            }
        }
        Self(lines)
    }

    fn all(&self, key: &str) -> Vec<&str> {
        self.0.iter().filter(|(_, found, _)| found == key).map(|(_, _, value)| value.as_str()).collect()
    }

    fn one(&self, key: &str) -> &str {
        let found = self.all(key);
        assert_eq!(found.len(), 1, "{key} stands {} times", found.len());
        found[0]
    }

    /// The line after `ExecStart=`, with this build's program and what systemd would give it.
    fn start(&self, site: &Site) -> Command {
        let words: Vec<&str> = self.one("ExecStart").split_whitespace().collect();
        assert_eq!(words[0], "/usr/bin/lead-sync");
        assert_eq!(self.one("StateDirectory"), "lead-sync");
        for credential in self.all("LoadCredential") {
            assert!(site.path("credentials").join(credential).exists(), "the site has no credential {credential}");
        }
        let mut command = Command::new(PROGRAM);
        command
            .args(&words[1..])
            .current_dir(site.folder.path())
            .env_clear()
            .env("STATE_DIRECTORY", site.path("state"))
            .env("CONFIGURATION_DIRECTORY", site.path("config"))
            .env("CREDENTIALS_DIRECTORY", site.path("credentials"));
        command
    }
}

#[test]
fn what_the_timer_starts_sends_the_export_once_and_keeps_the_ledger_in_the_state_directory() {
    let site = Site::new("");
    let unit = Unit::read("lead-sync-run.service");
    let first = end(&mut unit.start(&site));
    assert_eq!((first.code, first.stderr.as_str()), (Some(0), ""), "{first:?}");
    let second = end(&mut unit.start(&site));
    assert_eq!(second.code, Some(0), "{second:?}");
    assert_eq!(site.delivered(), KEYS);
    assert_eq!(mode(&site.path("state/lead-sync.db")), 0o600);
}

#[test]
fn the_daemon_says_when_it_is_ready_and_a_stop_is_no_failure() {
    let site = Site::new("schedule = \"* * * * * *\"");
    let unit = Unit::read("lead-sync.service");
    assert_eq!((unit.one("Type"), unit.one("NotifyAccess")), ("notify", "main"));
    let socket = site.path("notify");
    let told = UnixDatagram::bind(&socket).unwrap();
    told.set_read_timeout(Some(LONG)).unwrap();
    let mut daemon = unit.start(&site).env("NOTIFY_SOCKET", &socket).spawn().unwrap();
    until(&told, "READY=1");
    kill_process(Pid::from_child(&daemon), Signal::TERM).unwrap();
    until(&told, "STOPPING=1");
    assert_eq!(daemon.wait().unwrap().code(), Some(0));
}

/// Waits until one of the messages to systemd has this line (`sd_notify(3)`).
fn until(told: &UnixDatagram, line: &str) {
    let mut buffer = [0; 4096];
    loop {
        let length = told.recv(&mut buffer).unwrap();
        if String::from_utf8_lossy(&buffer[..length]).lines().any(|found| found == line) {
            return;
        }
    }
}

#[test]
fn a_deferred_run_is_no_failed_unit_and_what_needs_a_person_is_one() {
    let run = Unit::read("lead-sync-run.service");
    assert_eq!(run.one("Type"), "oneshot");
    assert_eq!(run.one("SuccessExitStatus"), "4");
    assert_eq!(run.one("Restart"), "no", "the timer starts the next one");
    assert_ne!(run.one("TimeoutStartSec"), "infinity");
    let daemon = Unit::read("lead-sync.service");
    assert_eq!((daemon.one("Restart"), daemon.one("RestartPreventExitStatus")), ("on-failure", "2 5"));
    assert!(daemon.all("SuccessExitStatus").is_empty(), "a daemon that was stopped ends with 0");
}

#[test]
fn both_services_are_the_same_user_with_the_same_secrets_and_the_same_limits() {
    // How a service is started and stopped is its own.
    const OWN: [&str; 10] = [
        "Type",
        // Only who lives long has memory to keep flat.
        "Environment",
        "NotifyAccess",
        "ExecStart",
        "ExecReload",
        "WatchdogSec",
        "TimeoutStartSec",
        "Restart",
        "RestartSec",
        "RestartPreventExitStatus",
    ];
    let shared = |name: &str| -> BTreeMap<String, Vec<String>> {
        let mut shared = BTreeMap::<_, Vec<_>>::new();
        for (section, key, value) in Unit::read(name).0 {
            if section == "Service" && key != "SuccessExitStatus" && !OWN.contains(&key.as_str()) {
                shared.entry(key).or_default().push(value);
            }
        }
        shared
    };
    let daemon = shared("lead-sync.service");
    assert_eq!(daemon, shared("lead-sync-run.service"));
    for (key, value) in [
        ("DynamicUser", "yes"),
        ("User", "lead-sync"),
        ("ProtectSystem", "strict"),
        ("CapabilityBoundingSet", ""),
        ("NoNewPrivileges", "yes"),
        ("StateDirectoryMode", "0700"),
        ("UMask", "0077"),
    ] {
        assert_eq!(daemon.get(key), Some(&vec![value.to_owned()]), "{key}");
    }
}

#[test]
fn the_timer_makes_up_for_a_missed_run_and_keeps_to_utc() {
    let timer = Unit::read("lead-sync-run.timer");
    assert_eq!(timer.one("Persistent"), "true");
    assert!(timer.one("OnCalendar").ends_with(" UTC"));
    assert!(!timer.one("RandomizedDelaySec").is_empty());
    assert!(timer.all("Unit").is_empty(), "it starts the service of its own name");
}
