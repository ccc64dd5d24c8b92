//! A person is erased and does not come back.

use std::fs;

use lead_sync::sandbox::{Answer, Fault, Kind};

use crate::rejects::{export, import, scene as checked};
use crate::support::{Ran, Scene};
use crate::terminal::typed;

const HEADER: &str = "id,first_name,last_name,email\n";
const KEY: &str = "KLANT-77-ÉÜ";
const PLANTED: [&str; 4] = ["Zébulon", "Quackenbush", "zebulon.q@example.com", KEY];

fn row(key: &str) -> String {
    format!("{key},Zébulon,Quackenbush,zebulon.q@example.com\n")
}

/// Many other leads around, so that SQLite moves rows between its pages.
fn crowd() -> String {
    (0..400).fold(String::new(), |rows, key| rows + &format!("KLANT-{key},Ann,Maes,a{key}@example.com\n"))
}

fn forget(scene: &Scene) -> Ran {
    scene.cli(&["forget", KEY, "--yes"])
}

/// No file of the ledger or of the tokens holds a value of the person, plain or as JSON escapes it.
fn assert_gone(scene: &Scene) {
    let escaped = |value: &str| {
        value.chars().map(|c| if c.is_ascii() { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) }).collect()
    };
    let mut seen = 0;
    for entry in
        fs::read_dir(scene.folder.path()).unwrap().chain(fs::read_dir(scene.path("tokens")).into_iter().flatten())
    {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let ours = path.extension().is_some_and(|extension| extension == "csv" || extension == "toml");
        if !path.is_file() || ours {
            continue;
        }
        seen += 1;
        let bytes = fs::read(&path).unwrap();
        for value in PLANTED {
            for form in [value.to_owned(), escaped(value), value.replace('@', "%40"), value.to_lowercase()] {
                let found = bytes.windows(form.len()).any(|window| window == form.as_bytes());
                assert!(!found, "{name} holds {form:?}");
            }
        }
    }
    assert!(seen >= 2, "the ledger and its key are looked at");
}

#[test]
fn nothing_is_left_of_a_delivered_person_and_the_next_export_brings_nothing_back() {
    let scene = Scene::new();
    scene.export("customers.csv", format!("{HEADER}{}{}", crowd(), row(KEY)));
    scene.fault(Fault::once(Kind::LostAnswer));
    assert_eq!(scene.run().code, 0);
    let id = scene.lead_of(KEY)["remote_id"].as_str().unwrap().to_owned();
    let ran = forget(&scene);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains(&id), "{ran:?}");
    assert_gone(&scene);
    for _ in 0..2 {
        let ran = scene.run();
        assert_eq!(
            (ran.code, ran.count("skipped"), ran.count("unchanged"), ran.count("new")),
            (0, 1, 400, 0),
            "{ran:?}"
        );
    }
    assert_gone(&scene);
    let ran = forget(&scene);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("was forgotten in customers"), "{ran:?}");
    assert!(scene.cli(&["show", KEY]).stderr.contains("forgotten"));
    // A changed row is the person's, too.
    scene.export("customers.csv", format!("{HEADER}{}", row(KEY).replace("Zébulon", "Zeb")));
    assert_eq!(scene.run().count("skipped"), 1);
}

#[test]
fn nothing_is_left_of_a_refused_person_with_history() {
    let scene = Scene::new();
    scene.export("customers.csv", format!("{HEADER}{}", row(KEY)));
    scene.fault(Fault::once(Kind::Status(Answer::new(422))).always());
    scene.run();
    scene.cli(&["retry", KEY]);
    scene.run();
    assert_eq!(forget(&scene).code, 0);
    assert_gone(&scene);
    assert_eq!(scene.query("SELECT count(*) FROM failure"), ["0"]);
}

#[test]
fn nothing_is_left_of_quarantined_rows_even_inside_those_of_others() {
    let scene = Scene::new();
    // A bad row of the person, and a quote of somebody else's that takes the person's second row in.
    let bad = format!("{KEY},Zébulon,Quackenbush\n");
    scene.export(
        "customers.csv",
        format!("{HEADER}1,Ann,Maes,a@example.com\n{bad}2,\"Bob,Claes,b@example.com\n{}", row(KEY)),
    );
    assert_eq!(scene.run().count("rejected"), 2);
    let ran = forget(&scene);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("1 quarantined rows of others"), "{ran:?}");
    assert_gone(&scene);
    scene.export("customers.csv", format!("{HEADER}1,Ann,Maes,a@example.com\n{bad}"));
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("skipped"), ran.count("invalid")), (0, 1, 0), "{ran:?}");
    assert_gone(&scene);
}

#[test]
fn a_row_whose_key_a_correction_filled_in_does_not_come_back_without_it() {
    let scene = checked();
    scene.export("customers.csv", format!("{HEADER}{}", row("")));
    scene.run();
    let file = String::from_utf8(export(&scene)).unwrap();
    assert_eq!(import(&scene, file.replace(",Zébulon", &format!("{KEY},Zébulon"))).code, 0);
    assert_eq!(scene.run().count("delivered"), 1);
    assert_eq!(forget(&scene).code, 0);
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("skipped"), ran.count("invalid")), (0, 1, 0), "{ran:?}");
    assert_gone(&scene);
}

#[test]
fn a_lead_that_is_being_sent_is_not_forgotten_now() {
    let scene = Scene::new();
    scene.export("customers.csv", format!("{HEADER}{}", row(KEY)));
    scene.run();
    let ledger = rusqlite::Connection::open(scene.path("lead-sync.db")).unwrap();
    ledger.execute("UPDATE lead SET state = 'sending'", []).unwrap();
    let ran = forget(&scene);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.stderr.contains("Try again"), "{ran:?}");
    assert_eq!(scene.query("SELECT count(*) FROM lead"), ["1"]);
}

#[test]
fn without_a_terminal_nobody_is_erased_unless_it_is_confirmed() {
    let scene = Scene::new();
    scene.export("customers.csv", format!("{HEADER}{}", row(KEY)));
    scene.run();
    let ran = scene.cli(&["forget", KEY]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert_eq!(scene.cli(&["forget", "nobody", "--yes"]).code, 2);
    assert_eq!(scene.query("SELECT count(*) FROM lead"), ["1"]);
}

#[test]
fn a_reader_in_the_way_is_said_and_prune_finishes() {
    let scene = Scene::new();
    scene.export("customers.csv", format!("{HEADER}{}", row(KEY)));
    scene.run();
    let reader = scene.ledger();
    reader.execute_batch("BEGIN; SELECT count(*) FROM lead;").unwrap();
    reader.query_row("SELECT count(*) FROM lead", [], |row| row.get::<_, i64>(0)).unwrap();
    let ran = forget(&scene);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.stderr.contains("lead-sync prune"), "{ran:?}");
    drop(reader);
    assert_eq!(scene.cli(&["prune"]).code, 0);
    assert_gone(&scene);
}

#[test]
fn all_that_is_held_on_a_person_is_told_as_json() {
    let scene = checked();
    scene.export("customers.csv", format!("{HEADER}{}", row(KEY).replace("@example", " at example")));
    scene.run();
    let told = scene.cli(&["export-person", KEY]).json();
    assert_eq!(told["held"][0]["state"], "rejected");
    assert_eq!(told["held"][0]["content"]["row"]["first_name"], "Zébulon");
    scene.export("customers.csv", format!("{HEADER}{}", row(KEY)));
    scene.fault(Fault::once(Kind::Status(Answer::new(422))));
    scene.run();
    let told = scene.cli(&["export-person", KEY]).json();
    assert_eq!(told["held"][0]["content"]["body"]["prospect"]["email"], "zebulon.q@example.com");
    assert_eq!(told["held"][0]["history"].as_array().unwrap().len(), 1);
    assert_eq!(forget(&scene).code, 0);
    let told = scene.cli(&["export-person", KEY]).json();
    assert_eq!((told["held"].as_array().unwrap().len(), told["forgotten"][0]["sync"].as_str()), (0, Some("customers")));
}

#[test]
fn rows_of_others_that_have_the_key_as_another_value_are_not_erased() {
    let scene = Scene::new();
    // Of one person the key, of the others a flag; a note of several lines has it as well.
    let others = "2,Bob,Claes,b@example.com,1,x\n3,\"Cid\n Dirk,1\",Daems,c@example.com,1,x\n";
    scene
        .export("customers.csv", format!("id,first_name,last_name,email,active\n1,Ann,Maes,a@example.com,0\n{others}"));
    assert_eq!(scene.run().count("rejected"), 2);
    let ran = scene.cli(&["forget", "1", "--yes"]);
    assert!(ran.code == 0 && !ran.stdout.contains("of others"), "{ran:?}");
    assert_eq!(scene.query("SELECT key FROM leads ORDER BY key"), ["2", "3"]);
}

#[test]
fn the_question_names_the_rows_of_others_that_go_with_the_person() {
    let scene = Scene::new();
    let swallowing = format!("2,\"Bob,Claes,b@example.com\n{}", row("9"));
    scene.export("customers.csv", format!("{HEADER}{}{swallowing}", row(KEY).replace(",Q", ",x,Q")));
    scene.export("more.csv", format!("{HEADER}{swallowing}{}", row(KEY)));
    scene.run();
    let (status, screen) = typed(&mut scene.command(&["forget", KEY]), &["n"]);
    assert_eq!(status.code(), Some(2), "{screen}");
    let named = "1 rejected row of others with a row of theirs inside: exports/more.csv:2 of customers;";
    assert!(screen.contains(named), "{screen}");
    assert_eq!(scene.query("SELECT count(*) FROM leads"), ["3"]);
}

#[test]
fn a_person_whose_only_row_was_taken_in_by_another_one_is_told_of_and_erased_and_does_not_come_once_the_quote_is_mended()
 {
    let scene = Scene::new();
    let others =
        |quote: &str| format!("{HEADER}1,Ann,Maes,a@example.com\n2,{quote}Bob,Claes,b@example.com\n{}", row(KEY));
    scene.export("customers.csv", others("\""));
    scene.run();
    let told = scene.cli(&["export-person", KEY]).json();
    assert_eq!((&told["held"][0]["of_others"], told["held"][0]["key"].as_str()), (&true.into(), Some("2")), "{told}");
    assert!(told["held"][0]["content"]["row"].to_string().contains("Quackenbush"), "{told}");
    let ran = forget(&scene);
    assert!(ran.code == 0 && ran.stdout.contains("1 quarantined rows of others"), "{ran:?}");
    assert_gone(&scene);
    scene.export("customers.csv", others(""));
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("skipped"), ran.count("delivered")), (0, 1, 1), "{ran:?}");
    assert_gone(&scene);
}

#[test]
fn a_person_is_kept_out_of_every_sync_also_of_one_that_holds_nothing_or_was_added_later() {
    let mut scene = Scene::new();
    let others = |name: &str| {
        format!(
            "[syncs.{name}]\nconnection = \"wegroup\"\n\
             source = {{ kind = \"csv\", path = \"{name}.csv\", key = \"id\" }}\nlead = {{ origin = \"CRM\", backref = \"x/{{{{ id }}}}\" }}\n"
        )
    };
    scene.more(&others("zeta"));
    scene.export("customers.csv", format!("{HEADER}{}", row(KEY)));
    assert_eq!(scene.cli(&["--run-now", "--sync", "customers"]).code, 0);
    let ran = forget(&scene);
    assert!(ran.code == 0 && ran.stdout.contains("the next exports of customers, zeta are"), "{ran:?}");
    scene.more(&(others("zeta") + &others("eta")));
    let ran = forget(&scene);
    assert!(ran.code == 0 && ran.stdout.contains("the next exports of customers, eta, zeta are"), "{ran:?}");
    let ran = forget(&scene);
    assert!(ran.code == 0 && ran.stdout.contains("was forgotten in eta"), "{ran:?}");
    for name in ["zeta", "eta"] {
        fs::write(scene.path(&format!("{name}.csv")), format!("{HEADER}{}", row(KEY))).unwrap();
    }
    let ran = scene.run();
    let skipped = ["customers", "eta", "zeta"].map(|name| ran.json()["syncs"][name]["skipped"].clone());
    assert_eq!((ran.code, skipped), (0, [1, 1, 1].map(Into::into)), "{ran:?}");
    assert_eq!(scene.stored().len(), 1);
    assert_gone(&scene);
}

#[test]
fn of_a_key_that_nobody_has_nothing_is_written_down_and_that_is_said() {
    let scene = Scene::new();
    scene.customers([1]);
    scene.run();
    let ran = scene.cli(&["forget", "2", "--yes"]);
    assert!(ran.code == 2 && ran.stderr.contains("a later export may still bring the person"), "{ran:?}");
    scene.customers([1, 2]);
    assert_eq!(scene.run().count("delivered"), 1);
}

#[test]
fn the_name_of_a_file_goes_with_the_last_person_read_from_it_or_with_prune_once_the_file_is_gone() {
    let scene = Scene::new();
    let files = || scene.query("SELECT path FROM origin ORDER BY path");
    for name in ["Quackenbush", "Zébulon"] {
        scene.export(&format!("{name}.csv"), format!("{HEADER}{}", row(&format!("{KEY}{name}"))));
    }
    scene.customers([1]);
    scene.run();
    fs::remove_file(scene.path("exports/Quackenbush.csv")).unwrap();
    for name in ["Quackenbush", "Zébulon"] {
        assert_eq!(scene.cli(&["forget", &format!("{KEY}{name}"), "--yes"]).code, 0);
    }
    // A file that is there and cannot be read next time has to be known as one that was read.
    assert_eq!(files(), ["exports/Zébulon.csv", "exports/customers.csv"]);
    fs::remove_file(scene.path("exports/Zébulon.csv")).unwrap();
    let ran = scene.cli(&["prune"]);
    assert!(ran.code == 0 && ran.stdout.contains("1 names of files"), "{ran:?}");
    assert_eq!(files(), ["exports/customers.csv"]);
    assert_gone(&scene);
    assert_eq!(scene.run().count("unchanged"), 1);
}
