//! The real program: a login by script, runs with tokens of seconds, processes that start at once or are killed.

use std::process::{Child, Stdio};
use std::time::Duration;

use lead_sync::sandbox::Options;
use lead_sync::sandbox::identity;

use crate::desk::{Desk, SYNC, said};

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
async fn a_kill_around_a_refresh_leaves_a_session_or_a_clear_exit_5() {
    let desk = Desk::start(|_| {}).await;
    desk.export(1);
    let (mut survived, mut lost) = (0, 0);
    let mut needs_login = true;
    for round in 0_u64..60 {
        if needs_login {
            assert_eq!(desk.login().await.status.code(), Some(0));
        }
        desk.expire();
        let before = desk.counters().refreshes;
        // Until the provider answers, 0 to 9 ms after it got the request, at another point in every round.
        desk.provider.plan_faults([identity::Fault::SlowMs(5)]);
        let child = desk.command(&["whoami"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        if round % 3 == 0 {
            // From the start on: also before and while the mark of the coming request is written.
            kill_after(child, Duration::from_millis(round)).await;
        } else {
            kill_in_request(child, &desk, Duration::from_micros(round * 300)).await;
        }
        desk.provider.forget_faults();
        let next = desk.run(&["whoami"]).await;
        let text = said(&next);
        match next.status.code() {
            Some(0) => {
                survived += 1;
                needs_login = false;
            }
            Some(5) => {
                // Only where the server rotated and nothing was received.
                assert!(desk.counters().refreshes > before, "{text}");
                assert!(text.contains("was lost") && text.contains("login wegroup`"), "{text}");
                lost += 1;
                needs_login = true;
            }
            _ => panic!("{text}"),
        }
    }
    println!("killed 60 times: {survived} sessions went on, {lost} needed a login");
    assert!(survived > 0, "every kill lost the session");
}

/// Kills the process a while after its token request was begun, or lets it end.
async fn kill_in_request(mut child: Child, desk: &Desk, pause: Duration) {
    let begun = desk.counters().token_requests;
    while desk.counters().token_requests == begun && child.try_wait().unwrap().is_none() {
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    kill_after(child, pause).await;
}

async fn kill_after(mut child: Child, pause: Duration) {
    tokio::time::sleep(pause).await;
    // It may have ended by itself.
    let _ = child.kill();
    child.wait().unwrap();
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
