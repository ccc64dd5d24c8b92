//! Many processes that use one session while its tokens are refused all the time and a spent refresh token ends the session.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use lead_sync::sandbox::{Access, Answer, Fault, Kind, Options, Running, Sandbox};

use crate::desk::{Desk, said, wegroup};

/// Processes at once.
const PROCESSES: usize = 8;
/// Leads of each process, and so tokens that it is refused, unless `LEAD_SYNC_TEST_TOKENS` says otherwise.
const LEADS: usize = 250;

fn leads() -> usize {
    std::env::var("LEAD_SYNC_TEST_TOKENS").map_or(LEADS, |leads| leads.parse().unwrap())
}

/// Refuses the first request for every lead, whatever its token, and no other: one that another process has replaced meanwhile is good for the
/// second request, as two refusals in a row rightly end a run.
async fn api_that_refuses_a_token_for_every_lead(leads: usize) -> Running {
    let refused = |key: String| Fault::once(Kind::Status(Answer::new(401))).for_lead(&key);
    let keys = (0..PROCESSES).flat_map(|process| (0..leads).map(move |lead| key(process, lead)));
    let options = Options { faults: keys.map(refused).collect(), ..Options::default() };
    let listener = Sandbox::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    Sandbox::new(options).with_bearer_check(Arc::new(|_| Access::Granted)).serve(listener).unwrap()
}

fn key(process: usize, lead: usize) -> String {
    format!("{process}-{lead}")
}

/// A run with an export and a ledger of its own; the folder of the tokens is everybody's.
fn one_of_many(desk: &Desk, process: usize, leads: usize) -> Command {
    let export = format!("customers-{process}.csv");
    let rows: Vec<String> = (0..leads).map(|lead| format!("{},Jan,Peeters\n", key(process, lead))).collect();
    std::fs::write(desk.file(&export), format!("id,first_name,last_name\n{}", rows.concat())).unwrap();
    // Confirmed: tokens without a ledger are what a lost ledger leaves behind.
    let mut command = desk.command(&["--run-now", "--new-ledger"]);
    command
        .env("LEAD_SYNC__LEDGER__PATH", desk.file(&format!("ledger-{process}.db")))
        .env("LEAD_SYNC__SYNCS__CUSTOMERS__SOURCE__PATH", desk.file(&export))
        .env("LEAD_SYNC_LOG", "warn");
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_processes_that_are_refused_tokens_all_the_time_never_send_a_spent_one() {
    let leads = leads();
    // Besides those that are refused, some come to their end.
    let desk = Desk::start(|settings| settings.access_lifetime = Duration::from_secs(1)).await;
    let api = api_that_refuses_a_token_for_every_lead(leads).await;
    desk.configure(&wegroup(&api.url(), &desk.running.url()));
    assert_eq!(desk.login().await.status.code(), Some(0));
    let runs: Vec<_> = (0..PROCESSES)
        .map(|process| {
            let mut run = one_of_many(&desk, process, leads);
            tokio::task::spawn_blocking(move || run.output().unwrap())
        })
        .collect();
    for run in runs {
        let run = run.await.unwrap();
        assert_eq!(run.status.code(), Some(0), "{}", said(&run));
    }
    let counters = desk.counters();
    println!("{counters:?}");
    assert_eq!((counters.reuses, counters.logins), (0, 1), "{counters:?}");
    assert!(counters.refreshes > 10, "tokens did not end: {counters:?}");
    assert_eq!(api.summary().stored, (PROCESSES * leads) as u64);
}
