//! Stopping in the middle.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lead_sync::sandbox::{Answer, Fault, Kind, Options, Requests, Target};

use crate::support::{Ran, Scene};

/// Waits until the API has seen so many lead requests.
pub(crate) fn until_received(scene: &Scene, requests: u64) {
    while scene.api.summary().received < requests {
        std::thread::yield_now();
    }
}

pub(crate) fn signal(child: &Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

fn until_it_says_that_it_stops(child: &mut Child) {
    until_it_says(child, "stopping");
}

fn until_it_says(child: &mut Child, what: &str) {
    let mut said = BufReader::new(child.stderr.as_mut().unwrap());
    let mut line = String::new();
    while !line.contains(what) {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "it ended without a word");
    }
}

/// A run that has begun, and says what it does.
fn begun(scene: &Scene) -> Child {
    let mut command = scene.command(&["--run-now", "--json"]);
    let command = command.env("LEAD_SYNC_LOG", "info").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    until_it_says(&mut child, "begins");
    child
}

/// `crm.db` with a view `person` that has no row. So long does it look for one that nobody waits for the end, but it has one.
pub(crate) fn slow_crm(scene: &Scene) -> rusqlite::Connection {
    let crm = rusqlite::Connection::open(scene.path("crm.db")).unwrap();
    crm.execute_batch(
        "CREATE VIEW person AS
         WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 50000000)
         SELECT x AS id, 'Ann' AS first_name, 'Peeters' AS last_name, '' AS email FROM c WHERE x < 0",
    )
    .unwrap();
    crm
}

pub(crate) fn slow() -> Scene {
    let mut scene = Scene::with(Options { latency: Duration::from_millis(20), ..Options::default() });
    scene.connection("max_in_flight", "2");
    scene.customers(0..400);
    scene
}

#[test]
fn a_stopped_run_finishes_what_is_under_way_and_charges_nothing_to_the_rest() {
    use rustix::process::Signal;
    for which in [Signal::INT, Signal::TERM, Signal::HUP] {
        let scene = slow();
        let child = scene.spawn();
        until_received(&scene, 10);
        signal(&child, which);
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_eq!((ran.code, ran.outcome().as_str()), (4, "interrupted"), "{ran:?}");
        let leads = scene.leads();
        let delivered = leads.iter().filter(|lead| lead["state"] == "delivered").count();
        assert_eq!(delivered, scene.stored().len(), "what was under way is known");
        for lead in leads.iter().filter(|lead| lead["state"] != "delivered") {
            assert_eq!((lead["state"].as_str(), lead["attempts"].as_u64()), (Some("pending"), Some(0)), "{lead}");
        }
        let next = scene.run();
        assert_eq!((next.code, next.count("delivered")), (0, 400 - delivered as u64), "{next:?}");
        assert_eq!(scene.stored().len(), 400);
    }
}

#[test]
fn a_second_signal_stops_at_once_and_leaves_what_is_under_way_in_doubt() {
    let mut scene = Scene::new();
    scene.connection("timeout", "\"1m\"").connection("max_in_flight", "1").connection("on_in_doubt", "\"hold\"");
    scene.customers(0..3);
    scene.fault(Fault::once(Kind::Stall { ms: 60_000 }));
    let mut child = scene.spawn();
    while scene.stored().is_empty() {
        std::thread::yield_now();
    }
    while child.try_wait().unwrap().is_none() {
        signal(&child, rustix::process::Signal::INT);
        std::thread::yield_now();
    }
    assert_eq!(child.wait().unwrap().code(), Some(4));
    let ran = scene.run();
    assert_eq!((ran.count("delivered"), scene.stored().len()), (2, 3), "{ran:?}");
    assert_eq!((ran.code, ran.count("held")), (3, 1), "a person is newly needed: {ran:?}");
    assert_eq!(scene.lead_of("0")["state"], "held");
}

#[test]
fn a_run_that_is_stopped_between_reading_and_sending_is_interrupted() {
    let mut scene = Scene::new();
    scene.source("kind", "\"sqlite\"").source("path", "\"crm.db\"").source("query", "\"SELECT * FROM person\"");
    let crm = rusqlite::Connection::open(scene.path("crm.db")).unwrap();
    crm.execute_batch(
        "CREATE TABLE person (id, first_name, last_name, email);
         INSERT INTO person VALUES ('1', 'Ann', 'Peeters', '');
         BEGIN EXCLUSIVE",
    )
    .unwrap();
    let mut child = begun(&scene);
    signal(&child, rustix::process::Signal::TERM);
    until_it_says_that_it_stops(&mut child);
    crm.execute_batch("COMMIT").unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.outcome().as_str()), (4, "interrupted"), "{ran:?}");
    assert_eq!((ran.count("new"), ran.count("pending")), (1, 1), "{ran:?}");
    assert_eq!(scene.run().count("delivered"), 1);
}

#[test]
fn a_run_whose_query_does_not_come_back_is_stopped_by_one_signal_and_sends_nothing_of_another_sync() {
    let mut scene = Scene::new();
    scene.source("kind", "\"sqlite\"").source("path", "\"crm.db\"").source("query", "\"SELECT * FROM person\"");
    scene.more(OTHERS);
    fs::write(scene.path("others.csv"), "id\n1\n").unwrap();
    let crm = slow_crm(&scene);
    let child = begun(&scene);
    signal(&child, rustix::process::Signal::TERM);
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.outcome().as_str()), (4, "interrupted"), "{ran:?}");
    assert!(ran.stderr.contains("sync customers: stopped while reading; nothing of it counts"), "{ran:?}");
    assert_eq!((ran.count("read"), scene.stored().len()), (0, 0), "{ran:?}");
    crm.execute_batch(
        "DROP VIEW person; CREATE VIEW person AS
         SELECT 1 AS id, 'Ann' AS first_name, 'Peeters' AS last_name, '' AS email",
    )
    .unwrap();
    let next = scene.run();
    assert_eq!((next.code, scene.stored().len()), (0, 2), "{next:?}");
}

/// Another sync, which is read after `customers`.
const OTHERS: &str = r#"
[syncs.others]
connection = "wegroup"
source = { kind = "csv", path = "others.csv", key = "id" }
[syncs.others.lead]
origin = "CRM"
backref = "https://crm.example.com/others/{{ id }}"
prospect = { last_name = "Janssens", external_ref = { external_ref = "{{ id }}", external_ref_company = "crm" } }
"#;

#[test]
fn a_run_that_is_stopped_while_it_looks_whether_the_api_is_back_is_interrupted() {
    let mut scene = Scene::new();
    scene.connection("timeout", "\"1m\"").connection("max_in_flight", "1");
    scene.customers(0..20);
    scene.fault(Fault::once(Kind::Status(Answer::new(500))).times(5));
    scene.fault(Fault::once(Kind::Stall { ms: 60_000 }).on(Requests::Others));
    let child = scene.spawn();
    while scene.api.requests().iter().all(|request| request.target != Target::Other) {
        std::thread::yield_now();
    }
    signal(&child, rustix::process::Signal::TERM);
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.outcome().as_str()), (4, "interrupted"), "{ran:?}");
}

#[test]
fn a_run_that_sends_no_more_can_still_be_stopped_at_once() {
    let mut scene = Scene::new();
    scene.connection("timeout", "\"1m\"").connection("max_in_flight", "4");
    scene.customers(0..4);
    scene.fault(Fault::once(Kind::Stall { ms: 60_000 }).for_lead("0"));
    for lead in ["1", "2", "3"] {
        scene.fault(Fault::once(Kind::Status(Answer::new(403))).for_lead(lead));
    }
    let mut child = scene.spawn();
    while scene.stored().is_empty() || scene.query("SELECT key FROM leads WHERE state = 'waiting'").len() < 3 {
        std::thread::yield_now();
    }
    while child.try_wait().unwrap().is_none() {
        signal(&child, rustix::process::Signal::TERM);
        std::thread::yield_now();
    }
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!((ran.code, scene.lead_of("0")["state"].as_str()), (5, Some("sending")), "{ran:?}");
}

#[test]
fn a_run_that_is_stopped_at_once_says_what_is_in_doubt_and_not_that_it_was_finished() {
    let mut scene = Scene::new();
    scene.connection("timeout", "\"1m\"");
    scene.customers(0..1);
    scene.fault(Fault::once(Kind::Stall { ms: 60_000 }));
    let mut child = scene.spawn();
    while scene.stored().is_empty() {
        std::thread::yield_now();
    }
    while child.try_wait().unwrap().is_none() {
        signal(&child, rustix::process::Signal::TERM);
        std::thread::yield_now();
    }
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.stderr.contains("1 requests were not answered in time: their leads are in doubt"), "{ran:?}");
    assert!(ran.stderr.contains("stopped: nothing more is sent") && !ran.stderr.contains("finished"), "{ran:?}");
}

#[test]
fn a_run_that_finds_leads_of_another_sync_in_doubt_says_so_and_does_not_pass_for_a_run_of_it() {
    let mut scene = Scene::new();
    scene.connection("timeout", "\"1m\"").connection("on_in_doubt", "\"hold\"");
    scene.customers(0..1);
    scene.fault(Fault::once(Kind::Stall { ms: 60_000 }));
    let mut child = scene.spawn();
    while scene.stored().is_empty() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let configuration = fs::read_to_string(scene.path("lead-sync.toml")).unwrap();
    fs::write(scene.path("others.toml"), configuration.replace("syncs.customers", "syncs.others")).unwrap();
    fs::set_permissions(scene.path("others.toml"), fs::Permissions::from_mode(0o600)).unwrap();
    scene.customers(1..1);
    let ran = scene.cli(&["--config", "others.toml", "--run-now"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("1 lead of another sync is held"), "{ran:?}");
    let runs = scene.query("SELECT s.name FROM run_sync r JOIN sync s ON s.id = r.sync WHERE r.run = 2");
    assert_eq!(runs, ["others"]);
}

/// Whatever the ledger is about to claim and to record at that moment.
#[test]
fn after_a_second_signal_no_more_is_in_doubt_than_was_under_way_and_all_that_is_delivered_is_counted() {
    for round in 1..=8 {
        let mut scene = Scene::with(Options { latency: Duration::from_millis(20), ..Options::default() });
        scene.connection("max_in_flight", "64");
        scene.customers(0..3000);
        let mut child = scene.spawn();
        until_received(&scene, 100 * round);
        signal(&child, rustix::process::Signal::INT);
        until_it_says_that_it_stops(&mut child);
        signal(&child, rustix::process::Signal::TERM);
        let ran = Ran::from(child.wait_with_output().unwrap());
        let leads = scene.leads();
        let count = |state: &str| leads.iter().filter(|lead| lead["state"] == state).count();
        assert!(count("sending") <= 64, "{} with 64 in flight", count("sending"));
        assert_eq!((ran.code, ran.count("delivered")), (4, count("delivered") as u64), "{ran:?}");
    }
}

#[test]
fn a_terminal_that_goes_away_hurries_nobody_however_often_that_is_said() {
    let mut scene = Scene::with(Options { latency: Duration::from_millis(300), ..Options::default() });
    scene.connection("max_in_flight", "2");
    scene.customers(0..40);
    let mut child = scene.spawn();
    until_received(&scene, 1);
    signal(&child, rustix::process::Signal::HUP);
    until_it_says_that_it_stops(&mut child);
    while child.try_wait().unwrap().is_none() {
        signal(&child, rustix::process::Signal::HUP);
        std::thread::yield_now();
    }
    assert_eq!(child.wait().unwrap().code(), Some(4));
    let on_their_way = scene.leads().iter().filter(|lead| lead["state"] == "sending").count();
    assert_eq!((on_their_way, scene.run().code), (0, 0));
    assert_eq!(scene.stored().len(), 40);
}

#[test]
fn under_nohup_a_run_goes_on_when_its_terminal_goes_away() {
    let scene = slow();
    let program = scene.command(&["--run-now", "--json"]);
    let mut nohup = Command::new("nohup");
    nohup.arg(program.get_program()).args(program.get_args()).current_dir(scene.folder.path());
    nohup.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let child = nohup.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until_received(&scene, 10);
    signal(&child, rustix::process::Signal::HUP);
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.count("delivered")), (0, 400), "{ran:?}");
}

#[test]
fn a_kill_while_no_answer_comes_leaves_at_most_twice_max_in_flight_leads_in_doubt() {
    for in_flight in [1, 2, 5] {
        let mut scene = Scene::new();
        scene.connection("max_in_flight", &in_flight.to_string()).connection("timeout", "\"1m\"");
        scene.customers(0..40);
        scene.fault(Fault::once(Kind::Stall { ms: 60_000 }).times(40));
        let mut child = scene.spawn();
        while scene.stored().len() < in_flight {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let sending = scene.leads().iter().filter(|lead| lead["state"] == "sending").count();
        assert!((in_flight..=2 * in_flight).contains(&sending), "{sending} with {in_flight} in flight");
    }
}
