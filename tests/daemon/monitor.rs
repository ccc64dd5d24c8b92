//! The dead man's switch hears of every run, however slow it is itself, and of what it missed.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use lead_sync::sandbox::{Answer, Fault, Kind, RetryAfter};
use rustix::process::Signal;

use crate::process::{Daemon, until};
use crate::support::Scene;

/// A monitor on loopback: answers as it is told to, or not before it is.
struct Monitor {
    url: String,
    answers: Arc<AtomicBool>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Monitor {
    /// `refusal`: what it answers until [`Monitor::answer`]; without one it answers nothing until then.
    fn start(refusal: Option<&'static str>) -> Self {
        Self::knowing(|_| true, refusal)
    }

    /// It has no place for other signals than those.
    fn knowing(known: fn(&str) -> bool, refusal: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/check", listener.local_addr().unwrap());
        let (answers, heard) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Vec<String>>>::default());
        let monitor = Self { url, answers: Arc::clone(&answers), heard: Arc::clone(&heard) };
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let Some(signal) = signal(&mut stream) else { continue };
                while refusal.is_none() && !answers.load(Ordering::SeqCst) {
                    thread::yield_now();
                }
                let status = match refusal {
                    Some(status) if !answers.load(Ordering::SeqCst) => status,
                    _ if !known(&signal) => "404 Not Found",
                    _ => {
                        heard.lock().unwrap().push(signal);
                        "200 OK"
                    }
                };
                let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            }
        });
        monitor
    }

    fn answer(&self) {
        self.answers.store(true, Ordering::SeqCst);
    }

    /// The signals that it has taken, each with its run's identity.
    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

/// `start?rid=…` of a request that is read to its end, so that closing it resets nothing.
fn signal(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    let mut part = [0; 1 << 13];
    loop {
        let length = stream.read(&mut part).ok().filter(|length| *length > 0)?;
        request.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&request);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let declared = |line: &str| line.strip_prefix("content-length: ")?.parse().ok();
        if body.len() >= head.lines().find_map(declared).unwrap_or(0) {
            return Some(head.split(' ').nth(1)?.strip_prefix("/check/")?.to_owned());
        }
    }
}

/// A sync whose file is not there, and one that has none.
const MISSING: &str = r#"
[syncs.missing]
connection = "wegroup"
schedule = "0 0 0 1 1 *"
run_at_start = true
source = { kind = "csv", path = "missing.csv", key = "id" }
lead = { id = "{{ id }}" }

[syncs.nothing]
connection = "wegroup"
schedule = "0 0 0 1 1 *"
run_at_start = true
source = { kind = "csv", path = "none*.csv", key = "id" }
lead = { id = "{{ id }}" }
"#;

#[test]
fn a_slow_monitor_hears_of_the_beginning_and_of_the_exit_code_of_every_run_in_their_order() {
    let mut scene = Scene::new();
    scene.sync("schedule", "\"0 0 0 1 1 *\"").sync("run_at_start", "true");
    scene.customers(0..1);
    let monitor = Monitor::start(None);
    scene.more(&format!("{MISSING}[notify]\nping_url = \"{}\"\n", monitor.url));
    let daemon = Daemon::start(&scene);
    until("all have run", || daemon.said("outcome=") == 3);
    monitor.answer();
    until("the monitor has heard of all", || monitor.heard().len() >= 6);
    daemon.signal(Signal::TERM);
    let (code, log) = daemon.end();
    assert_eq!(code, Some(0), "{log}");
    let heard = monitor.heard();
    let (signals, runs): (Vec<&str>, Vec<&str>) =
        heard.iter().map(|signal| signal.split_once("?rid=").unwrap()).unzip();
    assert_eq!(signals, ["start", "0", "start", "2", "start", "0"], "{log}");
    assert!(runs.chunks(2).all(|run| run[0] == run[1]), "{heard:?}");
}

#[test]
fn a_run_that_gives_its_turn_to_another_sync_is_one_run_for_the_monitor() {
    let mut scene = Scene::new();
    scene.sync("schedule", "\"0 0 0 1 1 *\"").sync("run_at_start", "true");
    scene.customers(0..1);
    let wait = Answer { retry_after: Some(RetryAfter::Seconds(1)), ..Answer::new(503) };
    scene.fault(Fault::once(Kind::Status(wait)));
    let monitor = Monitor::start(Some("500 Away"));
    monitor.answer();
    scene.more(&format!("{MISSING}[notify]\nping_url = \"{}\"\n", monitor.url));
    let daemon = Daemon::start(&scene);
    until("the monitor has heard of all", || monitor.heard().len() >= 6);
    daemon.signal(Signal::TERM);
    let (code, log) = daemon.end();
    assert_eq!((code, log.matches("outcome=\"deferred\"").count()), (Some(0), 1), "{log}");
    let heard = monitor.heard();
    let (signals, runs): (Vec<&str>, Vec<&str>) =
        heard.iter().map(|signal| signal.split_once("?rid=").unwrap()).unzip();
    assert_eq!(signals, ["start", "start", "2", "start", "0", "0"], "{log}");
    assert_eq!((runs[0], runs[1], runs[3]), (runs[5], runs[2], runs[4]), "{heard:?}");
}

#[test]
fn a_monitor_that_was_away_hears_of_the_failure_that_it_missed_before_any_later_success() {
    let mut scene = Scene::new();
    scene.sync("schedule", "\"* * * * * *\"").sync("required", "[\"prospect.email\"]");
    scene.export("customers.csv", "id,first_name,last_name,email\n1,A,B,\n");
    let monitor = Monitor::start(Some("500 Away"));
    scene.more(&format!("[notify]\nping_url = \"{}\"\n", monitor.url));
    let daemon = Daemon::start(&scene);
    daemon.until_ended("complete", 2);
    assert_eq!(monitor.heard(), [""; 0]);
    monitor.answer();
    until("the monitor hears of a success", || monitor.heard().iter().any(|signal| signal.starts_with("0?")));
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end().0, Some(0));
    let heard = monitor.heard();
    let first = |code: &str| heard.iter().position(|signal| signal.starts_with(code));
    assert!(first("3?").is_some() && first("3?") < first("0?"), "{heard:?}");
}

#[test]
fn a_monitor_without_a_place_for_runs_that_were_put_off_hears_of_all_others() {
    let mut scene = Scene::new();
    scene.sync("schedule", "\"0 0 0 1 1 *\"").sync("run_at_start", "true").connection("patience", "\"0s\"");
    scene.customers(0..1);
    let wait = Answer { retry_after: Some(RetryAfter::Seconds(1)), ..Answer::new(503) };
    scene.fault(Fault::once(Kind::Status(wait)));
    let monitor = Monitor::knowing(|signal| !signal.starts_with("log"), Some("500 Away"));
    monitor.answer();
    scene.more(&format!("{MISSING}[notify]\nping_url = \"{}\"\n", monitor.url));
    let daemon = Daemon::start(&scene);
    until("the monitor has heard of the other runs", || {
        let heard = monitor.heard();
        ["0?", "2?"].iter().all(|end| heard.iter().any(|signal| signal.starts_with(end)))
    });
    daemon.signal(Signal::TERM);
    let (code, log) = daemon.end();
    assert!(code == Some(0) && log.contains("outcome=\"deferred\"") && log.contains("404"), "{log}");
}
