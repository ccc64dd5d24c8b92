//! `--limit`, which counts over all connections.

use std::fs;

use lead_sync::sandbox::{Answer, Fault, Kind, Options};

use crate::support::{Ran, Scene};

/// Two syncs, each on a connection of its own, whose first leads are delivered.
fn two_connections() -> Scene {
    let mut scene = Scene::new();
    let (url, id) = (scene.api.url(), Options::DISTRIBUTION_ID);
    scene.more(&format!(
        "[connections.other]\nkind = \"wegroup\"\napi_url = \"{url}\"\ndistribution_id = \"{id}\"\nrate_limit = \"none\"\n\
         [connections.other.auth]\nkind = \"apikey\"\ntoken = {{ env = \"TEST_TOKEN\" }}\n\
         [syncs.second]\nconnection = \"other\"\n[syncs.second.source]\nkind = \"csv\"\npath = \"second.csv\"\nkey = \"id\"\n\
         [syncs.second.lead]\norigin = \"CRM\"\nprospect.first_name = \"{{{{ first_name }}}}\"\n\
         prospect.external_ref = {{ external_ref = \"{{{{ id }}}}\", external_ref_company = \"crm\" }}\n"
    ));
    scene.customers(0..1);
    second(&scene, 1);
    assert_eq!(scene.run().code, 0);
    scene
}

/// The export of the second sync, with so many rows.
fn second(scene: &Scene, rows: u32) {
    let text = (0..rows).fold("id,first_name\n".to_owned(), |text, key| text + &format!("s{key},First{key}\n"));
    fs::write(scene.path("second.csv"), text).unwrap();
}

fn limited(scene: &Scene, limit: &str) -> Ran {
    scene.cli(&["--run-now", "--json", "--limit", limit])
}

#[test]
fn a_limit_that_a_connection_without_leads_does_not_use_is_there_for_the_others() {
    let scene = two_connections();
    scene.customers(0..50);
    let ran = limited(&scene, "1");
    assert_eq!((ran.code, ran.count("delivered")), (0, 1), "{ran:?}");
    assert_eq!(scene.run().count("delivered"), 48);
    second(&scene, 50);
    let ran = limited(&scene, "1");
    assert_eq!((ran.code, ran.json()["syncs"]["second"]["delivered"].as_u64()), (0, Some(1)), "{ran:?}");
}

#[test]
fn no_more_than_the_limit_is_sent_over_all_connections() {
    let scene = two_connections();
    scene.customers(0..50);
    second(&scene, 50);
    for limit in 1..6 {
        let before = scene.stored().len();
        assert_eq!(limited(&scene, &limit.to_string()).code, 0);
        assert_eq!(scene.stored().len(), before + limit);
    }
}

#[test]
fn a_limit_whose_leads_did_not_arrive_leaves_the_run_deferred() {
    for kind in [Kind::Status(Answer::new(500)), Kind::LostAnswer] {
        for rows in [1, 3] {
            let scene = Scene::new();
            scene.customers(0..rows);
            scene.fault(Fault::once(kind.clone()).always());
            let ran = limited(&scene, "1");
            assert_eq!((ran.code, ran.outcome().as_str(), ran.count("waiting")), (4, "deferred", 1), "{ran:?}");
            assert!(ran.stderr.contains("the limit is reached, and leads that it let go wait"), "{ran:?}");
            assert_eq!(scene.requests().len(), 1);
        }
    }
}

#[test]
fn a_lead_that_was_surely_not_sent_does_not_count_towards_the_limit() {
    let mut scene = Scene::new();
    scene.connection("patience", "\"0s\"");
    scene.customers(0..3);
    let url = scene.api.url();
    scene.connection("api_url", "\"http://127.0.0.1:1\"");
    let ran = limited(&scene, "2");
    assert_eq!((ran.code, ran.outcome().as_str()), (4, "deferred"), "{ran:?}");
    scene.connection("api_url", &format!("{url:?}")).connection("patience", "\"2m\"");
    scene.cli(&["resume", "wegroup"]);
    assert_eq!(limited(&scene, "2").count("delivered"), 2);
}
