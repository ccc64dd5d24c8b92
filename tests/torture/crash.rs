//! SIGKILL at any moment.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::process::Child;
use std::sync::mpsc;
use std::time::Duration;

use lead_sync::sandbox::Options;

use crate::oracle::{Policy, Seen, bounded_doubt, judge};
use crate::random::{Random, count};
use crate::support::Scene;

/// Kills of all tests here together, unless `LEAD_SYNC_TEST_KILLS` says otherwise.
const KILLS: u64 = 200;
/// The tests that share them.
const TESTS: u64 = 6;
/// Kills of one ledger; then a new one begins, so that a round stays short.
pub(crate) const OF_A_LEDGER: u64 = 50;
/// `max_in_flight`.
pub(crate) const IN_FLIGHT: i64 = 4;
/// The keys of the second sync begin here.
const SECOND: u32 = 1_000_000;
/// New rows with each round.
pub(crate) const ROUND: u32 = 30;

/// What is synchronised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    OneSync,
    TwoSyncsOnOneConnection,
    OneSyncOnEachOfTwoConnections,
}

impl Shape {
    pub(crate) fn connections(self) -> i64 {
        if self == Self::OneSyncOnEachOfTwoConnections { 2 } else { 1 }
    }

    /// The second sync, and the second connection.
    pub(crate) fn more(self, scene: &Scene, policy: Policy) -> String {
        let connection = match self {
            Self::OneSync => return String::new(),
            Self::TwoSyncsOnOneConnection => "wegroup",
            Self::OneSyncOnEachOfTwoConnections => "other",
        };
        let mut toml = String::new();
        if self == Self::OneSyncOnEachOfTwoConnections {
            let (url, id) = (scene.api.url(), Options::DISTRIBUTION_ID);
            let doubt = policy.toml();
            write!(
                toml,
                "[connections.other]\nkind = \"wegroup\"\napi_url = \"{url}\"\ndistribution_id = \"{id}\"\nrate_limit = \"none\"\n\
                 max_in_flight = {IN_FLIGHT}\non_in_doubt = {doubt}\nretry = {{ first = \"10ms\", cap = \"50ms\" }}\n\
                 [connections.other.auth]\nkind = \"apikey\"\ntoken = {{ env = \"TEST_TOKEN\" }}\n"
            )
            .unwrap();
        }
        write!(
            toml,
            "[syncs.second]\nconnection = \"{connection}\"\n[syncs.second.source]\nkind = \"csv\"\npath = \"second.csv\"\nkey = \"id\"\n\
             [syncs.second.lead]\norigin = \"CRM\"\nprospect.first_name = \"{{{{ first_name }}}}\"\n\
             prospect.external_ref = {{ external_ref = \"{{{{ id }}}}\", external_ref_company = \"crm\" }}\n"
        )
        .unwrap();
        toml
    }

    /// Exports with this many rows in all; gives their keys.
    pub(crate) fn export(self, scene: &Scene, rows: u32) -> BTreeSet<String> {
        let half = if self == Self::OneSync { 0 } else { rows / 2 };
        scene.customers(0..rows - half);
        let second = SECOND..SECOND + half;
        if half > 0 {
            let mut lines = "id,first_name\n".to_owned();
            second.clone().for_each(|key| writeln!(lines, "{key},First{key}").unwrap());
            std::fs::write(scene.path("second.csv"), lines).unwrap();
        }
        (0..rows - half).chain(second).map(|key| key.to_string()).collect()
    }
}

/// Kills, on as many ledgers as it takes.
fn torture(policy: Policy, shape: Shape) {
    for (mut random, kills) in Random::shares(count("LEAD_SYNC_TEST_KILLS", KILLS).div_ceil(TESTS), OF_A_LEDGER) {
        one_ledger(policy, shape, kills, &mut random);
    }
}

/// Runs and kills, with new rows in each round, then runs to the end.
fn one_ledger(policy: Policy, shape: Shape, kills: u64, random: &mut Random) {
    let mut scene = Scene::with(Options { latency: Duration::from_millis(2), ..Options::default() });
    scene.connection("on_in_doubt", policy.toml()).connection("max_in_flight", &IN_FLIGHT.to_string());
    let more = shape.more(&scene, policy);
    scene.more(&more);
    let (mut landed, mut rows, mut doubtful) = (0, 0, 0);
    let mut keys = BTreeSet::new();
    while landed < kills {
        rows += ROUND;
        keys = shape.export(&scene, rows);
        let mut child = scene.spawn();
        wait_for_the_moment(&scene, &mut child, random);
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            landed += 1;
        }
        child.wait().unwrap();
        doubtful += bounded_doubt(&scene, 2 * IN_FLIGHT * shape.connections());
    }
    println!("{kills} kills left {doubtful} leads between intent and outcome");
    assert!(doubtful > 0 || kills < 10, "no kill met a lead on its way");
    let ran = scene.run();
    assert!(ran.code == 0 || ran.code == 3, "{ran:?}");
    judge(&scene, policy, &Seen::by(&scene), &keys);
}

/// One moment in three comes anywhere from the first instruction on, the others while leads are on their way, however slow the machine is.
pub(crate) fn wait_for_the_moment(scene: &Scene, child: &mut Child, random: &mut Random) {
    if random.below(3) > 0 {
        let before = scene.api.summary().received;
        while scene.api.summary().received == before && child.try_wait().unwrap().is_none() {
            pass(Duration::from_micros(200));
        }
    }
    pass(Duration::from_micros(random.below(30_000)));
}

/// Lets a moment pass: the only clock of this test, and no assertion depends on it.
pub(crate) fn pass(moment: Duration) {
    let (_nobody_tells, heard) = mpsc::channel::<()>();
    let _ = heard.recv_timeout(moment);
}

#[test]
fn under_resend_a_killed_program_loses_no_lead_and_marks_each_it_may_have_sent_twice() {
    torture(Policy::Resend, Shape::OneSync);
}

#[test]
fn under_hold_a_killed_program_never_has_a_lead_stored_twice() {
    torture(Policy::Hold, Shape::OneSync);
}

#[test]
fn two_syncs_of_one_connection_survive_kills_under_resend() {
    torture(Policy::Resend, Shape::TwoSyncsOnOneConnection);
}

#[test]
fn two_syncs_of_one_connection_survive_kills_under_hold() {
    torture(Policy::Hold, Shape::TwoSyncsOnOneConnection);
}

#[test]
fn two_connections_survive_kills_under_resend() {
    torture(Policy::Resend, Shape::OneSyncOnEachOfTwoConnections);
}

#[test]
fn two_connections_survive_kills_under_hold() {
    torture(Policy::Hold, Shape::OneSyncOnEachOfTwoConnections);
}
