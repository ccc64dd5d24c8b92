//! An export that is written in another way than on the day when a row of it was refused.

use std::fs;

use lead_sync::sandbox::{Answer, Fault, Kind};

use crate::rejects::{export, import, replace};
use crate::support::Scene;

/// One lead that the API refuses, of an export of these bytes; then the same row as the CRM writes it later.
fn scene(before: impl AsRef<[u8]>, after: impl AsRef<[u8]>) -> Scene {
    let scene = Scene::new();
    scene.export("customers.csv", before);
    scene.fault(Fault::once(Kind::Status(Answer::new(422))));
    assert_eq!(scene.run().code, 3);
    scene.export("customers.csv", after);
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("unchanged")), (0, 1), "{ran:?}");
    scene
}

/// What the API has of the only lead: key, first and last name, e-mail.
fn sent(scene: &Scene) -> Vec<String> {
    let stored = scene.stored();
    assert_eq!(stored.len(), 1);
    let prospect = &stored[0].body["prospect"];
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let key = text(&prospect["external_ref"]["external_ref"]);
    [vec![key], ["first_name", "last_name", "email"].map(|name| text(&prospect[name])).to_vec()].concat()
}

#[test]
fn a_refused_row_keeps_its_columns_when_the_export_has_them_in_another_order() {
    let scene = scene(
        "id,no,first_name,last_name,email\n1,7,Ann,Maes,a@x\n",
        "no,id,last_name,first_name,email\n7,1,Maes,Ann,a@x\n",
    );
    let person: serde_json::Value = serde_json::from_str(&scene.cli(&["export-person", "1"]).stdout).unwrap();
    assert!(person.to_string().contains(r#""first_name":"Ann""#), "{person}");
    let file = export(&scene);
    assert!(file.starts_with(b"id,no,first_name,last_name,email,_reason,_line\n1,7,Ann,Maes,a@x,"), "{file:?}");
    let ran = import(&scene, replace(&file, b"a@x", b"a@example.com"));
    assert_eq!(ran.code, 0, "{ran:?}");
    // The corrected row is one of that day, too.
    let person = scene.cli(&["export-person", "1"]).stdout;
    assert!(person.contains(r#""last_name": "Maes""#) && person.contains(r#""no": "7""#), "{person}");
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("delivered"), ran.count("unchanged")), (0, 1, 1), "{ran:?}");
    assert_eq!(sent(&scene), ["1", "Ann", "Maes", "a@example.com"]);
}

#[test]
fn a_refused_row_keeps_its_delimiter_and_encoding_when_the_export_has_others() {
    let columns = ["id", "first_name", "last_name", "email"];
    let scene = scene(
        [columns.join(",").as_bytes(), b"\n1,Ren\xE9,Maes,a@x\n"].concat(),
        [columns.join(";"), "1;René;Maes;a@x\n".to_owned()].join("\n"),
    );
    let file = export(&scene);
    assert!(file.starts_with(b"id,first_name,last_name,email,_reason,_line\n1,Ren\xE9,Maes,a@x,"), "{file:?}");
    assert_eq!(import(&scene, replace(&file, b"a@x", b"a@example.com")).code, 0);
    assert_eq!(scene.run().count("delivered"), 1);
    assert_eq!(sent(&scene), ["1", "René", "Maes", "a@example.com"]);
}

#[test]
fn a_refused_row_of_a_query_keeps_its_columns_when_the_query_has_them_in_another_order() {
    let mut scene = Scene::new();
    let crm = rusqlite::Connection::open(scene.path("crm.db")).unwrap();
    crm.execute_batch(
        "CREATE TABLE c (id, first_name, last_name, email); INSERT INTO c VALUES (5, 'Zoë', 'Maes', 'z@x')",
    )
    .unwrap();
    scene.source("kind", "\"sqlite\"").source("path", "\"crm.db\"").source("query", "\"SELECT * FROM c\"");
    scene.fault(Fault::once(Kind::Status(Answer::new(422))));
    assert_eq!(scene.run().code, 3);
    scene.source("query", "\"SELECT email, last_name, first_name, id FROM c\"");
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("unchanged")), (0, 1), "{ran:?}");
    let file = String::from_utf8(export(&scene)).unwrap();
    assert!(file.contains("id,first_name,last_name,email,_reason") && file.contains("\n5,Zoë,Maes,z@x,"), "{file}");
    assert_eq!(import(&scene, file.replace("z@x", "z@example.com")).code, 0);
    assert_eq!(scene.run().count("delivered"), 1);
    assert_eq!(sent(&scene), ["5", "Zoë", "Maes", "z@example.com"]);
}

#[test]
fn rows_from_before_and_after_a_change_of_the_columns_go_into_a_file_each() {
    let scene =
        scene("id,first_name,last_name,email\n1,Ann,Maes,a@x\n", "id,last_name,first_name,email\n1,Maes,Ann,a@x\n");
    scene.export("customers.csv", "id,last_name,first_name,email\n1,Maes,Ann,a@x\n2,Claes\n");
    assert_eq!(scene.run().code, 3);
    let ran = scene.cli(&["rejects", "export", "rejects.csv"]);
    assert_eq!((ran.code, scene.path("rejects.csv").exists()), (2, false), "{ran:?}");
    assert!(ran.stderr.contains("exports/customers.csv are of 2 forms") && ran.stderr.contains("--form 1"), "{ran:?}");
    let files = [("1", "1,Ann,Maes,a@x"), ("2", "2,Claes,,")].map(|(form, row)| {
        let name = format!("{form}.csv");
        let ran = scene.cli(&["rejects", "export", &name, "--form", form]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let file = fs::read_to_string(scene.path(&name)).unwrap();
        assert!(file.lines().count() == 2 && file.contains(row), "{file}");
        file.replace("Claes,,", "Claes,Bob,b@example.com").replace("a@x", "a@example.com")
    });
    let ran = scene.cli(&["rejects", "export", "3.csv", "--form", "3"]);
    assert!(ran.code == 2 && ran.stderr.contains("are of 2 forms"), "{ran:?}");
    for mended in files {
        let ran = import(&scene, mended);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    assert_eq!(scene.run().count("delivered"), 2);
    let mut names: Vec<_> = scene.stored().iter().map(|lead| lead.body["prospect"]["first_name"].to_string()).collect();
    names.sort();
    assert_eq!(names, ["\"Ann\"", "\"Bob\""]);
}

#[test]
fn text_without_accents_is_of_the_same_form_in_any_encoding() {
    let header = "id,first_name,last_name,email\n";
    let scene = scene(format!("{header}1,Ann,Maes,a@x\n"), [header.as_bytes(), b"1,Ann,Maes,a@x\n"].concat());
    scene.export("customers.csv", [header.as_bytes(), b"1,Ann,Maes,a@x\n2,Ren\xE9\n"].concat());
    assert_eq!(scene.run().code, 3);
    let file = export(&scene);
    assert!(file.windows(10).any(|bytes| bytes == b"1,Ann,Maes") && file.windows(6).any(|bytes| bytes == b"2,Ren\xE9"));
}

#[test]
fn rows_in_quarantine_of_a_file_that_was_archived_keep_their_columns() {
    let mut scene = Scene::new();
    scene.source("after", "{ archive = \"done\" }");
    scene.export("customers.csv", "id,first_name,last_name,email\n1,Ann,Maes\n");
    assert_eq!(scene.run().code, 3);
    scene.export("customers.csv", "email,id,first_name,last_name\nb@example.com,2,Bob,Claes\n");
    assert_eq!(scene.run().code, 0);
    let file = String::from_utf8(export(&scene)).unwrap();
    assert!(file.starts_with("id,first_name,last_name,email,_reason,_line\n1,Ann,Maes,,"), "{file}");
}
