//! What the export holds now is taken as delivered.

use crate::support::Scene;

const HEADER: &str = "id,first_name,last_name,email\n";

fn one(scene: &Scene, last_name: &str) {
    scene.export("customers.csv", format!("{HEADER}1,Ann,{last_name},a@example.com\n"));
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
