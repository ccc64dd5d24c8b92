//! Rows that change while their lead may have arrived, in sources of which each row is read once.

use lead_sync::sandbox::{Answer, Fault, Kind};
use rusqlite::Connection;

use crate::support::{Ran, Scene};

/// Where the rows come from, and how row 1 gets a last name.
type Source = (fn(&mut Scene), fn(&Scene, &str));

const SOURCES: [Source; 2] = [
    (
        |scene| {
            scene.source("after", r#"{ archive = "done" }"#).source("path", "\"exports/customers.csv\"");
        },
        |scene, last_name| {
            scene.export("customers.csv", format!("id,first_name,last_name,email\n1,Ann,{last_name},a@example.com\n"));
        },
    ),
    (
        |scene| {
            scene.source("kind", "\"sqlite\"").source("path", "\"crm.db\"").source("cursor", "\"at\"");
            scene.source("query", "\"SELECT * FROM customer\"");
        },
        |scene, last_name| {
            let crm = Connection::open(scene.path("crm.db")).unwrap();
            let table = "CREATE TABLE IF NOT EXISTS customer (id INTEGER, first_name TEXT, last_name TEXT, email TEXT, at INTEGER)";
            crm.execute(table, []).unwrap();
            let at: i64 = crm.query_row("SELECT coalesce(max(at), 0) FROM customer", [], |row| row.get(0)).unwrap();
            crm.execute("DELETE FROM customer WHERE id = 1", []).unwrap();
            // The second row is newer, so that the first is behind the position.
            let rows =
                "INSERT INTO customer VALUES (1, 'Ann', ?1, 'a@example.com', ?2), (?2, 'Bob', 'Bos', '', ?2 + 1)";
            crm.execute(rows, (last_name, at + 2)).unwrap();
        },
    ),
];

/// The lead of row 1 is in doubt, and the row has changed since.
fn changed_in_doubt(source: Source, on_change: &str) -> (Scene, Ran) {
    let mut scene = Scene::new();
    scene.sync("on_change", &format!("{on_change:?}")).connection("patience", "\"0s\"");
    scene.connection("retry", r#"{ first = "1m", cap = "1m" }"#).connection("max_in_flight", "1");
    (source.0)(&mut scene);
    (source.1)(&scene, "Maes");
    scene.fault(Fault::once(Kind::LostAnswer));
    scene.run();
    assert_eq!(scene.lead_of("1")["state"], "waiting");
    (source.1)(&scene, "Claes");
    let ran = scene.run();
    assert_eq!((ran.count("changed"), scene.lead_of("1")["state"].as_str()), (1, Some("waiting")), "{ran:?}");
    (scene, ran)
}

fn last_sent(scene: &Scene) -> String {
    scene.stored().last().unwrap().body.to_string()
}

#[test]
fn under_resend_the_change_is_sent_once_what_may_have_arrived_is_settled() {
    for source in SOURCES {
        let (scene, ran) = changed_in_doubt(source, "resend");
        assert!(ran.stderr.contains("1 row has changed whose lead may have arrived"), "{ran:?}");
        assert_eq!(scene.cli(&["retry", "1"]).code, 0);
        assert_eq!(scene.run().count("delivered"), 1);
        assert!(last_sent(&scene).contains("Maes"), "the same content again: {}", last_sent(&scene));
        let ran = scene.run();
        assert_eq!((ran.code, ran.count("changed"), ran.count("delivered")), (0, 1, 1), "{ran:?}");
        assert!(last_sent(&scene).contains("Claes"), "{}", last_sent(&scene));
        assert_eq!(scene.run().count("delivered"), 0);
        assert!(!scene.path("exports/customers.csv").exists(), "it is archived now");
    }
}

#[test]
fn the_corrected_row_takes_the_place_of_one_that_the_api_refuses_in_the_end() {
    for source in SOURCES {
        let (scene, _) = changed_in_doubt(source, "ignore");
        scene.fault(Fault::once(Kind::Status(Answer::new(422))));
        assert_eq!(scene.cli(&["retry", "1"]).code, 0);
        assert_eq!(scene.run().count("rejected"), 1);
        let ran = scene.run();
        assert_eq!((ran.code, ran.count("delivered")), (0, 1), "{ran:?}");
        assert!(last_sent(&scene).contains("Claes"), "{}", last_sent(&scene));
    }
}
