//! `--limit`, which counts over all connections.

use std::fs;

use lead_sync::sandbox::Options;

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
