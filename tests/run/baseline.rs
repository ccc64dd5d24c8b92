//! What the export holds now is taken as delivered.

use crate::support::Scene;

const HEADER: &str = "id,first_name,last_name,email\n";

fn one(scene: &Scene, last_name: &str) {
    scene.export("customers.csv", format!("{HEADER}1,Ann,{last_name},a@example.com\n"));
}

#[test]
fn it_is_told_how_many_leads_that_waited_are_not_sent_any_more() {
    let scene = Scene::new();
    scene.export("customers.csv", format!("{HEADER}1,Ann,Maes,a@refused.example\n2,Bob,Claes,b@example.com\n"));
    scene.cli(&["--run-now", "--limit", "1"]);
    let ran = scene.cli(&["baseline", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("2 leads known and not delivered"), "{ran:?}");
}

#[test]
fn a_delivered_row_that_has_changed_is_taken_as_it_is_now() {
    let mut scene = Scene::new();
    one(&scene, "Maes");
    assert_eq!(scene.run().count("delivered"), 1);
    one(&scene, "Claes");
    assert_eq!(scene.run().count("changed"), 1);
    assert_eq!(scene.cli(&["baseline", "--yes"]).code, 0);
    scene.sync("on_change", "\"resend\"");
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("unchanged"), ran.count("delivered")), (0, 1, 0), "{ran:?}");
    assert_eq!(scene.lead_of("1")["remote_id"].as_str(), Some(scene.stored()[0].id.as_str()));
}
