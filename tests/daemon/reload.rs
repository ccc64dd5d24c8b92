//! SIGHUP: the configuration holds as a whole or not at all. And a stop that finds somebody slow to hear of the last run.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::Signal;

use crate::process::{Daemon, until};
use crate::support::Scene;

/// A webhook: keeps how many requests began, and answers them or lets them wait.
struct Webhook {
    url: String,
    requests: Arc<AtomicUsize>,
}

impl Webhook {
    fn start(answers: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let requests = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&requests);
        let waiting = Mutex::<Vec<TcpStream>>::default();
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                // One read has the head, at least; nothing here looks at the rest.
                if stream.read(&mut [0; 1 << 13]).is_ok_and(|length| length > 0) {
                    counted.fetch_add(1, Ordering::SeqCst);
                }
                if answers {
                    let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
                }
                waiting.lock().unwrap().push(stream);
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    fn table(&self) -> String {
        format!("[notify]\nwebhook = \"{}\"\n", self.url)
    }
}

/// Every second, over an export whose only row is one that nobody accepts.
fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.sync("schedule", "\"* * * * * *\"").sync("required", "[\"prospect.email\"]");
    scene.export("customers.csv", "id,first_name,last_name,email\n1,A,B,\n");
    scene
}

#[test]
fn a_new_configuration_tells_whom_it_names_and_a_refused_one_changes_nobody() {
    let mut scene = scene();
    let (first, second) = (Webhook::start(true), Webhook::start(true));
    scene.sync("schedule", "\"0 0 0 1 1 *\"");
    let daemon = Daemon::start(&scene);
    daemon.until_said("ready");

    // A wrong sync beside a good [notify]: nothing of it holds.
    scene.sync("schedule", "\"no times\"").more(&first.table());
    drop(scene.command(&[]));
    daemon.signal(Signal::HUP);
    daemon.until_said("the old one stays in force");

    // Good ones, one after the other; the ledger remembers for each channel what was told.
    scene.sync("schedule", "\"* * * * * *\"").more(&second.table());
    drop(scene.command(&[]));
    daemon.signal(Signal::HUP);
    until("the second webhook hears of it", || second.requests() == 1);
    assert_eq!(first.requests(), 0);

    // A good sync beside a wrong [notify]: nothing of that holds either.
    scene.sync("schedule", "\"0 0 0 1 1 *\"").more("[notify]\nwebhook = \"nowhere\"\n");
    drop(scene.command(&[]));
    daemon.signal(Signal::HUP);
    daemon.until_said("notify.webhook: ");
    daemon.until_ended("complete", 2);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end().0, Some(0));
}

#[test]
fn a_configuration_that_nobody_finishes_writing_keeps_no_run_and_no_signal_waiting() {
    let scene = scene();
    let daemon = Daemon::start(&scene);
    daemon.until_said("ready");
    let configuration = scene.path("lead-sync.toml");
    std::fs::remove_file(&configuration).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&configuration).status().unwrap().success());
    daemon.signal(Signal::HUP);
    daemon.until_ended("complete", 3);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end().0, Some(0));
}

#[test]
fn what_only_a_restart_can_change_is_refused_with_that_word_and_nothing_else_changes_either() {
    let mut scene = scene();
    let webhook = Webhook::start(true);
    scene.sync("schedule", "\"0 0 0 1 1 *\"").more("[http]\nlisten = \"127.0.0.1:0\"\n");
    let daemon = Daemon::start(&scene);
    daemon.until_said("ready");
    scene.sync("schedule", "\"* * * * * *\"");
    for (what, tables) in [
        ("http: the server cannot change", String::new()),
        ("http: the server cannot change", "[http]\nlisten = \"127.0.0.1:0\"\ntoken = \"t0ken\"\n".to_owned()),
        (
            "ledger.path: the ledger cannot change",
            "[http]\nlisten = \"127.0.0.1:0\"\n[ledger]\npath = \"b.db\"\n".to_owned(),
        ),
    ] {
        let before = daemon.said(what);
        scene.more(&format!("{tables}{}", webhook.table()));
        drop(scene.command(&[]));
        daemon.signal(Signal::HUP);
        until(what, || daemon.said(what) > before);
    }
    assert_eq!(daemon.said("while the daemon runs; restart it"), 3);
    daemon.signal(Signal::TERM);
    let (code, log) = daemon.end();
    assert_eq!((code, log.contains("t0ken")), (Some(0), false), "{log}");
    assert_eq!((webhook.requests(), log.matches("outcome=").count()), (0, 0), "no run began: {log}");
}

#[test]
fn a_second_signal_ends_the_daemon_also_while_somebody_is_slow_to_hear_of_the_last_run() {
    let mut scene = scene();
    let webhook = Webhook::start(false);
    scene.sync("schedule", "\"0 0 0 1 1 *\"").sync("run_at_start", "true").more(&webhook.table());
    let daemon = Daemon::start(&scene);
    until("the webhook is asked", || webhook.requests() == 1);
    daemon.signal(Signal::TERM);
    daemon.until_said("once more stops at once");
    daemon.signal(Signal::TERM);
    let (code, log) = daemon.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("not everybody was told how the last run ended"), "{log}");
    assert_eq!(webhook.requests(), 1, "it was not tried again before the end");
}

#[test]
fn a_monitor_that_does_not_answer_keeps_no_notice_waiting() {
    let mut scene = scene();
    let (monitor, webhook) = (Webhook::start(false), Webhook::start(true));
    let ping = format!("[notify]\nping_url = \"{}\"\nwebhook = \"{}\"\n", monitor.url, webhook.url);
    scene.more(&ping);
    let daemon = Daemon::start(&scene);
    until("the webhook hears of it", || webhook.requests() == 1);
    assert_eq!(monitor.requests(), 1, "the monitor is still busy with the beginning of the run");
    daemon.signal(Signal::TERM);
    daemon.until_said("once more stops at once");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end().0, Some(0));
}

#[test]
fn a_sync_that_is_removed_is_no_longer_measured() {
    let mut scene = scene();
    scene.more("[http]\nlisten = \"127.0.0.1:0\"\n");
    let daemon = Daemon::start(&scene);
    let ended = r#"lead_sync_last_run_timestamp_seconds{sync="customers"}"#;
    daemon.until_some(ended);
    let path = scene.path("lead-sync.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("[syncs.customers", "[syncs.clients")).unwrap();
    daemon.signal(Signal::HUP);
    until("it is gone", || daemon.metric(ended).is_none());
    daemon.until_some(r#"lead_sync_next_run_timestamp_seconds{sync="clients"}"#);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end().0, Some(0));
}

#[test]
fn a_new_configuration_that_gives_a_sync_a_connection_to_another_place_sends_nothing_there() {
    let mut scene = Scene::new();
    scene.sync("schedule", "\"* * * * * *\"").customers(0..1);
    let daemon = Daemon::start(&scene);
    until("it is delivered", || scene.stored().len() == 1);
    let elsewhere = format!(
        "[connections.production]\nkind = \"wegroup\"\napi_url = {:?}\ndistribution_id = \"11111111-2222-3333-4444-555555555555\"\n\
         auth = {{ kind = \"apikey\", token = {{ env = \"TEST_TOKEN\" }} }}\n",
        scene.api.url()
    );
    scene.sync("connection", "\"production\"").more(&elsewhere);
    drop(scene.command(&[]));
    daemon.signal(Signal::HUP);
    daemon.until_said("of connection wegroup before and production now");
    scene.customers(0..2);
    daemon.until_ended("error", 3);
    assert_eq!((scene.requests().len(), scene.leads().len()), (1, 1));
    assert_eq!(scene.cli(&["resume", "production", "--moved"]).code, 0);
    until("it goes there once that is confirmed", || scene.requests().len() > 1);
    daemon.signal(Signal::TERM);
    daemon.end();
}
