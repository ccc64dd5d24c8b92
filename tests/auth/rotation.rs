//! Many processes that use one session while its tokens live for a second and a spent refresh token ends the session.

use std::process::{Command, Stdio};
use std::time::Duration;

use lead_sync::auth::Context;
use lead_sync::sandbox::identity::{Provider, Settings};
use reqwest::Client;
use tempfile::tempdir;

use crate::support::{Sandbox, connect, logged_in};

/// Processes at once.
const PROCESSES: usize = 8;
/// Calls of `token()` in each process, unless `LEAD_SYNC_TEST_TOKENS` says otherwise.
const CALLS: u32 = 250;
/// Tells a process of this test that it is one, and where token files and provider are.
const FOLDER: &str = "LEAD_SYNC_TEST_TOKEN_FOLDER";
const ISSUER: &str = "LEAD_SYNC_TEST_ISSUER";

fn calls() -> u32 {
    std::env::var("LEAD_SYNC_TEST_TOKENS").map_or(CALLS, |calls| calls.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_processes_that_ask_for_tokens_all_the_time_never_send_a_spent_one() {
    let sandbox = logged_in(|settings| settings.access_lifetime = Duration::from_secs(1)).await;
    let mut one = Command::new(std::env::current_exe().unwrap());
    one.args(["--exact", "rotation::one_process_of_many", "--ignored", "--nocapture"])
        .env(FOLDER, sandbox.folder.path())
        .env(ISSUER, &sandbox.settings.issuer)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let children: Vec<_> = (0..PROCESSES).map(|_| one.spawn().unwrap()).collect();
    let provider = sandbox.provider.clone();
    // Besides those that come to their end: a session is rotated as often as processes can notice.
    let ending = tokio::spawn(async move {
        let mut moments = tokio::time::interval(Duration::from_millis(20));
        loop {
            moments.tick().await;
            provider.revoke_access_tokens();
        }
    });
    for child in children {
        let ended = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()).await.unwrap();
        let said = String::from_utf8_lossy(&ended.stdout);
        assert!(
            ended.status.success() && said.contains("1 passed"),
            "{said}{}",
            String::from_utf8_lossy(&ended.stderr)
        );
    }
    ending.abort();
    let counters = sandbox.provider.counters();
    println!("{counters:?}");
    assert_eq!((counters.reuses, counters.logins), (0, 1), "{counters:?}");
    assert!(counters.refreshes > 10, "tokens did not end: {counters:?}");
}

#[tokio::test]
#[ignore = "one process of the test above, which starts it"]
async fn one_process_of_many() {
    let (folder, issuer) = (std::env::var(FOLDER).unwrap(), std::env::var(ISSUER).unwrap());
    let settings = Settings::new(&issuer);
    let sandbox = Sandbox { provider: Provider::new(settings.clone()).unwrap(), settings, folder: tempdir().unwrap() };
    let context = Context { tokens: folder.into(), ..sandbox.context() };
    let source = connect(&sandbox.sso(), &context);
    let client = Client::new();
    for _ in 0..calls() {
        let token = source.token().await.unwrap();
        let asked = client.get(format!("{issuer}/userinfo")).header("authorization", token.header.unwrap());
        // Strict rotation has ended the token if another process renewed meanwhile.
        if asked.send().await.unwrap().status() == 401 {
            assert!(source.reject(token.generation).await.unwrap());
        }
    }
}
