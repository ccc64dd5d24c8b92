//! A session whose tokens end all the time, under SIGKILL: no refresh token is used twice without need, and none is lost where the
//! server forgives a lost answer. What the identity provider counted is the judge.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};
use std::time::Duration;

use lead_sync::sandbox::identity::Provider;
use lead_sync::sandbox::{Fault, Kind};
use reqwest::Url;

use crate::browser::{Consent, drive};
use crate::crash::{OF_A_LEDGER, pass, wait_for_the_moment};
use crate::oracle::{Policy, Seen, judge, rows};
use crate::random::{Random, count};
use crate::support::{Ran, Scene};

/// Kills of each test, unless `LEAD_SYNC_TEST_SESSION_KILLS` says otherwise.
const KILLS: u64 = 30;
/// New rows with each round.
const ROUND: u32 = 20;

/// A WeGroup with a session of its own, and an API that takes a while for each lead. The sandbox's tokens live for hours; they are ended by
/// hand.
pub(crate) fn scene(grace: Duration) -> (Scene, Provider) {
    let (mut scene, provider) = Scene::with_logins(|settings| settings.rotation_grace = grace);
    let url = format!("{:?}", scene.api.url());
    scene.connection("sso_url", &url).connection("max_in_flight", "4");
    scene.auth(
        "kind = \"sso\"\nclient_id = \"sandbox-client\"\nclient_secret = \"sandbox-client-secret\"\n\
         redirect_url = \"http://127.0.0.1:8400/callback\"",
    );
    (scene, provider)
}

/// `login --no-browser`, with the address pasted that a browser would end at.
pub(crate) fn log_in(scene: &Scene) {
    let mut command = scene.command(&["login", "--no-browser"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let address = lines.find(|line| line.contains("/oauth2/auth?")).unwrap();
    let address = Url::parse(address.trim()).unwrap();
    let back = tokio::runtime::Runtime::new().unwrap().block_on(drive(&address, Consent::Allow));
    writeln!(child.stdin.take().unwrap(), "{back}").unwrap();
    let said: Vec<String> = lines.collect();
    assert!(child.wait().unwrap().success(), "{said:?}");
}

/// Kills runs while their access tokens end at random; gives how often the session was lost.
fn torture(scene: &Scene, provider: &Provider, kills: u64, random: &mut Random) -> u64 {
    let slow = Fault::once(Kind::Slow { ms: 2 }).always();
    scene.fault(slow);
    log_in(scene);
    let (mut killed, mut lost, mut rows) = (0, 0, 0);
    let mut killed_before = false;
    while killed < kills {
        rows += ROUND;
        scene.customers(0..rows);
        provider.revoke_access_tokens();
        let mut child = scene.spawn();
        if random.below(2) == 0 {
            around_a_refresh(provider, &mut child, random);
        } else {
            for _ in 0..random.below(3) {
                wait_for_the_moment(scene, &mut child, random);
                provider.revoke_access_tokens();
            }
            pass(Duration::from_micros(random.below(40_000)));
        }
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
        }
        let ran = Ran::from(child.wait_with_output().unwrap());
        if ran.code == 5 && ran.stderr.contains("login wegroup") {
            assert!(killed_before, "nothing had disturbed the session: {ran:?}");
            assert!(ran.stderr.contains("was lost"), "{ran:?}");
            lost += 1;
            log_in(scene);
        }
        killed_before = ran.code == -1;
        killed += u64::from(killed_before);
    }
    finish(scene, rows, &mut lost);
    // One renewal whose answer is not lost, whatever the dice said.
    scene.customers(0..=rows);
    provider.revoke_access_tokens();
    assert_eq!(scene.run().code, 0);
    println!("{kills} kills: {lost} sessions lost, {:?}", provider.counters());
    lost
}

/// A moment around the next request for tokens: before, while or just after the new ones are saved.
fn around_a_refresh(provider: &Provider, child: &mut Child, random: &mut Random) {
    let before = provider.counters().token_requests;
    while provider.counters().token_requests == before && child.try_wait().unwrap().is_none() {
        pass(Duration::from_micros(100));
    }
    pass(Duration::from_micros(random.below(4000)));
}

/// Runs to the end, with another login if the last kill cost the session.
fn finish(scene: &Scene, rows_in_all: u32, lost: &mut u64) {
    let mut ran = scene.run();
    if ran.code == 5 {
        assert!(ran.stderr.contains("was lost"), "{ran:?}");
        *lost += 1;
        log_in(scene);
        ran = scene.run();
    }
    assert_eq!(ran.code, 0, "{ran:?}");
    let keys: BTreeSet<String> = (0..rows_in_all).map(|key| key.to_string()).collect();
    assert!(rows(scene).iter().all(|row| row.state == "delivered"));
    judge(scene, Policy::Resend, &Seen::by(scene), &keys);
}

#[test]
fn where_a_lost_answer_is_forgiven_no_kill_ever_costs_the_session() {
    for (mut random, kills) in Random::shares(count("LEAD_SYNC_TEST_SESSION_KILLS", KILLS), OF_A_LEDGER) {
        let (scene, provider) = scene(Duration::from_mins(5));
        assert_eq!(torture(&scene, &provider, kills, &mut random), 0);
        let counters = provider.counters();
        assert!(counters.logins == 1 && counters.refreshes > 1, "{counters:?}");
    }
}

#[test]
fn where_it_is_not_a_spent_token_is_sent_once_more_for_each_lost_answer_and_never_otherwise() {
    for (mut random, kills) in Random::shares(count("LEAD_SYNC_TEST_SESSION_KILLS", KILLS), OF_A_LEDGER) {
        let (scene, provider) = scene(Duration::ZERO);
        let lost = torture(&scene, &provider, kills, &mut random);
        let counters = provider.counters();
        assert_eq!((counters.logins, counters.reuses), (lost + 1, lost), "{counters:?}");
        assert!(counters.refreshes > lost, "{counters:?}");
    }
}
