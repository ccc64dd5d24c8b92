//! The real program: a login by script, runs with tokens of seconds, processes that start at once or are killed.

use std::process::Stdio;
use std::time::Duration;

use lead_sync::sandbox::Options;
use lead_sync::sandbox::identity;
use tokio::process::Child;

use crate::desk::{Desk, SYNC, said};
use crate::strace::{self, Point};

/// Kills before a system call, at most.
const MOST_CALLS: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_logs_in_and_pushes_a_thousand_leads_while_tokens_live_two_seconds() {
    // Slow enough that the tokens end in the middle of the run.
    let options = Options { latency: Duration::from_millis(15), ..Options::default() };
    let desk = Desk::start_with(options, |settings| settings.access_lifetime = Duration::from_secs(2)).await;
    desk.export(1000);
    let login = desk.login().await;
    assert_eq!(login.status.code(), Some(0), "{}", said(&login));
    assert!(said(&login).contains(Options::DISTRIBUTION_ID), "{}", said(&login));
    let run = desk.run(&["--run-now", "--json"]).await;
    assert_eq!(run.status.code(), Some(0), "{}", said(&run));
    let report: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(report["syncs"]["customers"]["delivered"], 1000);
    assert!(desk.counters().refreshes > 0, "no token ended");
    assert_eq!(desk.counters().reuses, 0);
    assert_eq!(desk.running.summary().stored, 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_processes_that_start_at_once_cause_one_refresh() {
    let desk = Desk::start(|_| {}).await;
    desk.export(1);
    assert_eq!(desk.login().await.status.code(), Some(0));
    desk.expire();
    let whoami = || desk.run(&["whoami"]);
    let outputs = tokio::join!(whoami(), whoami(), whoami(), whoami());
    for output in [outputs.0, outputs.1, outputs.2, outputs.3] {
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    }
    assert_eq!((desk.counters().refreshes, desk.counters().reuses), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_with_nothing_to_send_keeps_a_login_alive() {
    let desk = Desk::start(|_| {}).await;
    desk.export(0);
    assert_eq!(desk.login().await.status.code(), Some(0));
    desk.expire();
    let run = desk.run(&["--run-now"]).await;
    assert_eq!((run.status.code(), desk.counters().refreshes), (Some(0), 1), "{}", said(&run));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_without_a_session_names_its_connection_once() {
    let desk = Desk::start(|_| {}).await;
    desk.export(1);
    let run = desk.run(&["--run-now"]).await;
    assert_eq!(run.status.code(), Some(5), "{}", said(&run));
    let text = said(&run);
    assert!(text.contains("connection wegroup has no session") && !text.contains("wegroup: connection"), "{text}");
}

/// When a process that renews is killed.
#[derive(Debug, Clone)]
enum Moment {
    /// Before a system call: while the mark of the coming request is written, the request is, the new session is. Needs strace.
    Call(Point),
    /// The provider has the request, and has done nothing about it.
    Asked,
    /// The provider has renewed, and its answer is lost.
    Answered,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_around_a_refresh_leaves_a_session_or_a_clear_exit_5() {
    let desk = Desk::start(|_| {}).await;
    desk.export(1);
    assert_eq!(desk.login().await.status.code(), Some(0));
    desk.expire();
    let calls = calls_of_a_refresh(&desk).await.into_iter().map(Moment::Call);
    let (mut survived, mut lost) = (0, 0);
    let mut needs_login = false;
    for moment in calls.chain([Moment::Asked, Moment::Answered].into_iter().cycle().take(10)) {
        if needs_login {
            assert_eq!(desk.login().await.status.code(), Some(0));
        }
        desk.expire();
        let before = desk.counters().refreshes;
        kill_at(&moment, &desk).await;
        desk.provider.forget_faults();
        let next = desk.run(&["whoami"]).await;
        let text = said(&next);
        needs_login = next.status.code() != Some(0);
        if needs_login {
            // Only where the server rotated and nothing was received.
            assert_eq!(next.status.code(), Some(5), "{moment:?} {text}");
            assert!(desk.counters().refreshes > before, "{moment:?} {text}");
            assert!(text.contains("was lost") && text.contains("login wegroup`"), "{moment:?} {text}");
            lost += 1;
        } else {
            survived += 1;
        }
        match moment {
            Moment::Call(_) => {}
            Moment::Asked => assert!(!needs_login, "{text}"),
            Moment::Answered => assert!(needs_login, "{text}"),
        }
    }
    println!("killed {} times: {survived} sessions went on, {lost} needed a login", survived + lost);
}

/// Some of the calls of a process that renews, spread over its life; none without strace.
async fn calls_of_a_refresh(desk: &Desk) -> Vec<Point> {
    if !strace::is_here() {
        return Vec::new();
    }
    let mut whoami = desk.command(&["whoami"]);
    whoami.current_dir(desk.file("lead-sync.toml").parent().unwrap());
    let points = tokio::task::spawn_blocking(move || strace::points(&whoami)).await.unwrap();
    assert!(points.len() > 10, "strace saw next to nothing: {points:?}");
    let step = points.len().div_ceil(MOST_CALLS);
    points.into_iter().step_by(step).collect()
}

async fn kill_at(moment: &Moment, desk: &Desk) {
    let mut command = tokio::process::Command::from(desk.command(&["whoami"]));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let before = desk.counters();
    let mut child = match moment {
        Moment::Call(Point { call, number }) => {
            let (whoami, call, kill) = (desk.command(&["whoami"]), call.clone(), format!("signal=KILL:when={number}"));
            tokio::task::spawn_blocking(move || strace::inject(&whoami, &call, &kill)).await.unwrap();
            return;
        }
        Moment::Asked => {
            // Longer than any test: the request goes with its sender.
            desk.provider.plan_faults([identity::Fault::SlowMs(3_600_000)]);
            let mut child = command.spawn().unwrap();
            until(&mut child, || desk.counters().token_requests > before.token_requests).await;
            child
        }
        Moment::Answered => {
            desk.provider.plan_faults([identity::Fault::LoseAnswer]);
            let mut child = command.spawn().unwrap();
            until(&mut child, || desk.counters().refreshes > before.refreshes).await;
            child
        }
    };
    // It may have ended by itself.
    let _ = child.start_kill();
    child.wait().await.unwrap();
}

/// Waits until it has happened, as it must before the process ends.
async fn until(child: &mut Child, happened: impl Fn() -> bool) {
    while !happened() {
        assert!(child.try_wait().unwrap().is_none() || happened(), "it ended before");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_the_other_services_pushes_its_leads_with_nothing_but_configuration() {
    let desk = Desk::start(|_| {}).await;
    let url = desk.running.url();
    for (name, auth) in [
        ("weseedo", "provider = \"weseedo\"\nclient_secret = \"sandbox-client-secret\""),
        ("we360", "provider = \"we360\"\nusername = \"broker@example.com\"\npassword = \"sandbox-password\""),
        ("credit", "grant = \"client_credentials\"\nclient_secret = \"sandbox-client-secret\"\nscopes = [\"person\"]"),
    ] {
        desk.export(20);
        desk.configure(&format!(
            "ledger.path = \"{name}.db\"\n[connections.wegroup]\nkind = \"http\"\nbase_url = \"{url}/generic\"\nrate_limit = \"none\"\n\
             [connections.wegroup.auth]\nkind = \"oauth2\"\ntoken_url = \"{url}/{name}/token\"\nclient_id = \"sandbox-client\"\n{auth}\n{}",
            SYNC.replace("key = \"id\" }", &format!("key = \"id\" }}\nrequest = {{ method = \"POST\", path = \"/{name}\" }}"))
        ));
        let run = desk.run(&["--run-now", "--json"]).await;
        assert_eq!(run.status.code(), Some(0), "{name}: {}", said(&run));
        let report: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
        assert_eq!(report["syncs"]["customers"]["delivered"], 20, "{name}");
        std::fs::remove_dir_all(desk.file("tokens")).unwrap();
    }
    assert_eq!(desk.counters().issued, 3);
}
