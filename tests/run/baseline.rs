//! What the export holds now is taken as delivered.

use lead_sync::sandbox::{Answer, Fault, Kind};

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

#[test]
fn a_refused_lead_is_not_taken_as_delivered_if_its_row_is_not_to_be_sent_or_cannot_be() {
    let mut scene = Scene::new();
    scene.sync("where", r#""{{ email != 'no' }}""#).sync("required", r#"["prospect.last_name"]"#);
    for (row, state) in [("1,Ann,Maes,no", None), ("1,Ann,,a@example.com", Some("rejected"))] {
        scene.fault(Fault::once(Kind::Status(Answer::new(422))));
        one(&scene, "Maes");
        assert_eq!(scene.run().count("rejected"), 1);
        scene.export("customers.csv", format!("{HEADER}{row}\n"));
        assert_ne!(scene.cli(&["baseline", "--yes"]).code, 2);
        let lead = scene.leads().into_iter().find(|lead| lead["key"] == "1");
        assert_eq!(lead.as_ref().and_then(|lead| lead["state"].as_str()), state, "{row}");
    }
}

#[test]
fn a_lead_that_may_have_arrived_is_taken_as_delivered_too_and_not_sent_again() {
    let mut scene = Scene::new();
    scene.connection("retry", r#"{ first = "1m", cap = "1m" }"#).connection("patience", "\"0s\"");
    scene.fault(Fault::once(Kind::LostAnswer));
    one(&scene, "Maes");
    assert_eq!(scene.run().code, 4);
    let ran = scene.cli(&["baseline", "--yes"]);
    assert!(ran.stderr.contains("1 lead known and not delivered"), "{ran:?}");
    let lead = scene.lead_of("1");
    assert_eq!(
        (lead["state"].as_str(), lead["reason"].as_str()),
        (Some("delivered"), Some("baseline: taken as delivered"))
    );
    assert_eq!(scene.cli(&["resume", "wegroup"]).code, 0);
    assert_eq!((scene.run().code, scene.requests().len()), (0, 1));
}
