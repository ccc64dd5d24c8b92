//! A ledger under the configuration of another place than the one that its leads were delivered to.

use std::fs;

use lead_sync::sandbox::{Answer, Fault, Kind, Options, RetryAfter};

use crate::support::{Ran, Scene};

const OTHER: &str = "\"11111111-2222-3333-4444-555555555555\"";

#[test]
fn a_ledger_of_another_distribution_sends_nothing_until_that_is_confirmed() {
    let mut scene = Scene::new();
    scene.customers(0..2);
    assert_eq!(scene.run().count("delivered"), 2);
    scene.connection("distribution_id", OTHER);
    scene.customers(0..3);
    for _ in 0..2 {
        let ran = scene.run();
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains("ledger of its own") && ran.stderr.contains("resume wegroup --moved"), "{ran:?}");
    }
    let plan = scene.cli(&["plan"]);
    assert!(plan.code == 2 && plan.stderr.contains("ledger of its own"), "{plan:?}");
    assert_eq!(scene.cli(&["baseline", "--yes"]).code, 2);
    // Nothing of the other place's export is in this ledger.
    let right = format!("{:?}", Options::DISTRIBUTION_ID);
    scene.connection("distribution_id", &right).customers(0..2);
    assert_eq!(scene.run().code, 0);
    assert_eq!((scene.requests().len(), scene.leads().len()), (2, 2));
    scene.connection("distribution_id", OTHER).customers(0..3);
    assert_eq!(scene.cli(&["resume", "wegroup", "--moved"]).code, 0);
    scene.run();
    let sent = scene.requests();
    let elsewhere: Vec<_> = sent.iter().skip(2).map(|request| request.external_ref.as_deref()).collect();
    assert!(!elsewhere.is_empty() && elsewhere.iter().all(|key| *key == Some("2")), "only what is new: {elsewhere:?}");
}

#[test]
fn a_place_to_which_nothing_was_delivered_is_corrected_without_a_word() {
    let mut scene = Scene::new();
    let right = format!("{:?}", Options::DISTRIBUTION_ID);
    scene.connection("distribution_id", OTHER);
    scene.customers(0..1);
    assert_eq!(scene.run().code, 5, "the sandbox turns it away");
    scene.connection("distribution_id", &right);
    scene.cli(&["resume", "wegroup"]);
    assert_eq!(scene.run().count("delivered"), 1);
}

/// A connection `production` to the scene's API, besides its own.
fn production(scene: &Scene, distribution: &str) -> String {
    format!(
        "[connections.production]\nkind = \"wegroup\"\napi_url = {:?}\ndistribution_id = {distribution}\nrate_limit = \"none\"\n\
         auth = {{ kind = \"apikey\", token = {{ env = \"TEST_TOKEN\" }} }}\n",
        scene.api.url()
    )
}

/// Makes the next try of a lead an hour away.
fn wait_an_hour(scene: &Scene) {
    let wait = Answer { retry_after: Some(RetryAfter::Seconds(3600)), ..Answer::new(503) };
    scene.fault(Fault::once(Kind::Status(wait)));
}

#[test]
fn a_sync_that_goes_to_another_place_by_another_connection_sends_nothing_until_that_is_confirmed() {
    let mut scene = Scene::new();
    scene.customers(0..2);
    assert_eq!(scene.run().count("delivered"), 2);
    wait_an_hour(&scene);
    scene.customers(0..3);
    assert_eq!(scene.run().code, 4);
    let more = production(&scene, OTHER);
    scene.sync("connection", "\"production\"").more(&more).customers(0..4);
    for args in [&["--run-now"][..], &["--run-now"], &["plan"], &["baseline", "--yes"], &["check"]] {
        let ran = scene.cli(args);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(ran.code == 2 && said.contains("of connection wegroup before and production now"), "{args:?} {ran:?}");
        assert!(said.contains("ledger of its own") && said.contains("resume production --moved"), "{args:?} {ran:?}");
    }
    assert_eq!((scene.requests().len(), scene.leads().len()), (3, 3), "nothing was taken in, nothing sent");
    assert_eq!(scene.cli(&["resume", "production", "--moved"]).code, 0);
    scene.run();
    let sent = scene.requests();
    let elsewhere: Vec<_> = sent.iter().skip(3).map(|request| request.external_ref.as_deref()).collect();
    assert!(!elsewhere.is_empty() && elsewhere.iter().all(|key| matches!(*key, Some("2" | "3"))), "{elsewhere:?}");
}

#[test]
fn another_place_is_confirmed_also_before_the_first_run_to_it() {
    let mut scene = Scene::new();
    scene.customers(0..1);
    assert_eq!(scene.run().count("delivered"), 1);
    let more = production(&scene, OTHER);
    scene.sync("connection", "\"production\"").more(&more);
    assert_eq!(scene.cli(&["check"]).code, 2);
    assert_eq!(scene.cli(&["resume", "production", "--moved"]).code, 0);
    assert_eq!((scene.cli(&["check"]).code, scene.run().code), (0, 0));
}

#[test]
fn a_sync_whose_leads_went_elsewhere_keeps_no_other_sync_of_its_new_connection_from_sending() {
    let mut scene = Scene::new();
    scene.connection("distribution_id", OTHER);
    scene.customers(0..1);
    scene.run();
    let right = format!("{:?}", Options::DISTRIBUTION_ID);
    let here = production(&scene, &right);
    fs::write(scene.path("others.csv"), "id,last_name\n7,Maes\n").unwrap();
    let others = "[syncs.others]\nconnection = \"production\"\nsource = { path = \"others.csv\", key = \"id\" }\n\
                  [syncs.others.lead.prospect]\nlast_name = \"{{ last_name }}\"\n\
                  external_ref = { external_ref = \"{{ id }}\", external_ref_company = \"crm\" }\n";
    // What was delivered to a place is known by the ledger; here a ledger is told that it was.
    let ledger = rusqlite::Connection::open(scene.path("lead-sync.db")).unwrap();
    ledger.execute("UPDATE connection SET destination = 'distribution 1 at elsewhere'", []).unwrap();
    drop(ledger);
    scene.sync("connection", "\"production\"").more(&format!("{here}{others}"));
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("delivered")), (2, 0), "{ran:?}");
    assert_eq!(ran.json()["syncs"]["others"]["delivered"], 1, "{ran:?}");
    assert_eq!(scene.stored().len(), 1);
}

#[test]
fn a_lead_in_doubt_keeps_its_idempotency_key_under_a_new_name_of_its_connection() {
    let mut scene = Scene::new();
    scene.connection("retry", "{ first = \"1h\", cap = \"1h\" }");
    scene.customers(0..1);
    scene.fault(Fault::once(Kind::Status(Answer::new(500))));
    assert_eq!(scene.run().code, 4);
    assert_eq!(renamed(&scene, &["--run-now"]).code, 4);
    assert_eq!(renamed(&scene, &["resume", "api"]).code, 0);
    assert_eq!(renamed(&scene, &["--run-now", "--json"]).count("delivered"), 1);
    let keys: Vec<_> = scene.requests().into_iter().map(|request| request.idempotency_key.unwrap()).collect();
    assert!(keys.len() == 2 && keys[0] == keys[1], "{keys:?}");
}

/// Runs with the scene's connection under another name.
fn renamed(scene: &Scene, args: &[&str]) -> Ran {
    let mut command = scene.command(args);
    let path = scene.path("lead-sync.toml");
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace("[connections.wegroup", "[connections.api");
    fs::write(&path, text.replace("connection = \"wegroup\"", "connection = \"api\"")).unwrap();
    command.output().unwrap().into()
}

#[test]
fn a_connection_under_a_new_name_keeps_its_place_and_its_pause() {
    let mut scene = Scene::new();
    scene.customers(0..1);
    assert_eq!(scene.run().count("delivered"), 1);
    wait_an_hour(&scene);
    scene.customers(0..2);
    assert_eq!(scene.run().code, 4);
    scene.customers(0..3);
    let run = ["--run-now", "--json"];
    for _ in 0..2 {
        let ran = renamed(&scene, &run);
        assert_eq!((ran.code, scene.requests().len()), (4, 2), "the API said when: {ran:?}");
    }
    scene.connection("distribution_id", OTHER);
    let ran = renamed(&scene, &run);
    assert!(ran.code == 2 && ran.stderr.contains("resume api --moved"), "{ran:?}");
    scene.connection("distribution_id", &format!("{:?}", Options::DISTRIBUTION_ID));
    assert_eq!(renamed(&scene, &["resume", "api"]).code, 0);
    assert_eq!(renamed(&scene, &run).count("delivered"), 2);
}
