//! Out for correction, and back in.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use lead_sync::sandbox::{Answer, Fault, Kind};

use crate::support::{Ran, Scene};

/// The mapping checks mail addresses.
const CHECKED: &str = r#"
origin = "CRM"
[syncs.customers.lead.prospect]
first_name = "{{ first_name }}"
last_name = "{{ last_name }}"
email = "{{ email | email }}"
external_ref = { external_ref = "{{ id }}", external_ref_company = "crm" }
"#;

pub(crate) fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.lead(CHECKED);
    scene
}

/// Writes `rejects.csv` and gives its bytes.
pub(crate) fn export(scene: &Scene) -> Vec<u8> {
    let path = scene.path("rejects.csv");
    let _ = fs::remove_file(&path);
    let ran = scene.cli(&["rejects", "export", "rejects.csv"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    fs::read(path).unwrap()
}

/// Imports these bytes.
pub(crate) fn import(scene: &Scene, bytes: impl AsRef<[u8]>) -> Ran {
    fs::write(scene.path("corrected.csv"), bytes).unwrap();
    scene.cli(&["rejects", "import", "corrected.csv"])
}

pub(crate) fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from);
    let at = at.unwrap_or_else(|| {
        panic!("{:?} is not in {:?}", String::from_utf8_lossy(from), String::from_utf8_lossy(bytes))
    });
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

#[test]
fn a_windows_1252_file_with_formulas_goes_out_is_corrected_and_is_delivered_byte_for_byte() {
    let scene = scene();
    let header = b"id;first_name;last_name;email;note\r\n";
    let row = b"7;=Ren\xE9e;\"O'Neill; d'\xC9t\xE9\";wrong at example;-5 \x80\r\n";
    let good = b"8;Bob;Maes;b@example.com;x\r\n";
    scene.export("customers.csv", [&header[..], row, good].concat());
    assert_eq!(scene.run().code, 3);

    let file = export(&scene);
    let mode = fs::metadata(scene.path("rejects.csv")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let expected_header = b"id;first_name;last_name;email;note;_reason;_line\r\n";
    let expected_row = b"7;'=Ren\xE9e;\"O'Neill; d'\xC9t\xE9\";wrong at example;'-5 \x80;";
    assert!(file.starts_with(&[&expected_header[..], expected_row].concat()), "{}", String::from_utf8_lossy(&file));
    assert!(file.ends_with(b";2\r\n"), "{}", String::from_utf8_lossy(&file));

    let ran = import(&scene, replace(&file, b"wrong at example", b"r@example.com"));
    assert_eq!(ran.code, 0, "{ran:?}");
    let kept = scene.ledger().query_row("SELECT record FROM content", [], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    assert_eq!(kept, b"7;=Ren\xE9e;\"O'Neill; d'\xC9t\xE9\";r@example.com;-5 \x80");
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("delivered"), ran.count("unchanged"), ran.count("rejected")), (0, 1, 2, 0));
    let stored = scene.stored();
    assert_eq!(stored[1].body["prospect"]["first_name"], "=Renée");
    assert_eq!(stored[1].body["prospect"]["last_name"], "O'Neill; d'Été");
    assert_eq!(stored[1].body["prospect"]["email"], "r@example.com");
}

#[test]
fn an_export_never_overwrites_and_writes_no_file_of_nothing() {
    let scene = scene();
    scene.customers([1]);
    scene.run();
    let ran = scene.cli(&["rejects", "export", "rejects.csv"]);
    assert_eq!((ran.code, scene.path("rejects.csv").exists()), (0, false), "{ran:?}");
    scene.export("customers.csv", "id,first_name,last_name,email\n1,A\n");
    scene.run();
    fs::write(scene.path("rejects.csv"), "mine").unwrap();
    let ran = scene.cli(&["rejects", "export", "rejects.csv"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert_eq!(fs::read(scene.path("rejects.csv")).unwrap(), b"mine");
}

#[test]
fn rows_that_never_were_leads_become_some_once_their_cells_are_in_place() {
    let scene = scene();
    scene.export(
        "customers.csv",
        "id,first_name,last_name,email\n1,Ann,Maes,van Eyck,a@example.com\n2,Bob,Claes\n ,Cid,Daems,c@example.com\n",
    );
    assert_eq!(scene.run().count("rejected"), 3);
    let file = String::from_utf8(export(&scene)).unwrap();
    assert!(
        file.starts_with("id,first_name,last_name,email,,_reason,_line\n1,Ann,Maes,van Eyck,a@example.com,"),
        "{file}"
    );
    let ran = import(
        &scene,
        "id,first_name,last_name,email,,_reason,_line\n1,Ann,\"Maes, van Eyck\",a@example.com,,x,2\n\
         2,Bob,Claes,b@example.com,,x,3\n3,Cid,Daems,c@example.com,,x,4\n",
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(scene.cli(&["leads", "--state", "rejected", "--format", "json"]).stdout.trim(), "[]");
    let ran = scene.run();
    assert_eq!(
        (ran.code, ran.count("unchanged"), ran.count("invalid"), ran.count("delivered")),
        (0, 3, 0, 3),
        "{ran:?}"
    );
    assert!(scene.stored().iter().any(|lead| lead.body["prospect"]["last_name"] == "Maes, van Eyck"));
    assert_eq!(scene.lead_of("3")["origin"], "exports/customers.csv:4");
}

#[test]
fn what_is_still_wrong_is_told_and_stays_rejected() {
    let scene = scene();
    scene.export(
        "customers.csv",
        "id,first_name,last_name,email\n1,Ann,Maes,nowhere\n2,Bob,Claes,b@x,y\n3,Cid,Daems,none\n4,Dan,Ems,nil\n",
    );
    scene.run();
    let before = scene.leads();
    let header = "id,first_name,last_name,email,,_reason,_line\n";
    let ran = import(
        &scene,
        format!(
            "{header}1,Ann,Maes,nothing,,x,2\n2,Bob,Claes,b@x,y,x,3\n3,Cid,Daems,c@example.com,,x,99\n\
             4,Dan,Ems,d@example.com,,x\n"
        ),
    );
    assert_eq!(ran.code, 3, "{ran:?}");
    for (row, reason) in [(2, "prospect.email"), (3, "not corrected"), (4, "no row of line 99"), (5, "6 cells")] {
        let told = ran.stdout.lines().find(|line| line.contains(&format!("row {row} "))).unwrap();
        assert!(told.contains(reason), "{told}");
    }
    assert!(!ran.stdout.contains("nothing,") && !ran.stdout.contains("Ann"), "{ran:?}");
    assert_eq!(scene.leads(), before);
}

#[test]
fn an_emptied_reason_says_that_the_row_is_right_as_it_stands() {
    let scene = scene();
    scene.export("customers.csv", "id,first_name,last_name,email\n1,Ann,Maes\n");
    scene.run();
    let file = String::from_utf8(export(&scene)).unwrap();
    let ran = import(&scene, &file);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stdout.contains("empty its _reason"), "{ran:?}");
    let ran = import(&scene, "id,first_name,last_name,email,_reason,_line\n1,Ann,Maes,,,2\n");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(scene.run().count("delivered"), 1);
}

#[test]
fn a_lead_that_the_api_refused_is_sent_again_as_a_new_content() {
    let scene = scene();
    scene.customers([1]);
    scene.fault(Fault::once(Kind::Status(Answer::new(422))));
    assert_eq!(scene.run().code, 3);
    let file = export(&scene);
    let ran = import(&scene, replace(&file, b"Last1", b"Peeters"));
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("delivered"), ran.count("unchanged")), (0, 1, 1), "{ran:?}");
    assert_eq!(scene.stored()[0].body["prospect"]["last_name"], "Peeters");
    let requests = scene.requests();
    assert_ne!(requests[0].idempotency_key, requests[1].idempotency_key);
}

#[test]
fn rows_that_a_spreadsheet_took_the_leading_zeros_of_are_no_corrections() {
    let scene = Scene::new();
    scene.export("customers.csv", "id,first_name,last_name,email\n00123,Ann,Maes,0475123456\n00124,Bob,Claes,b@x\n");
    scene.fault(Fault::once(Kind::Status(Answer::new(422))).always());
    assert_eq!(scene.run().code, 3);
    scene.api.clear_faults();
    let before = scene.leads();
    let saved = String::from_utf8(export(&scene)).unwrap().replace("00123", "123").replace("0475", "475");
    // Also if its _reason was emptied, or a cell was corrected besides.
    let corrected = saved.replace("00124", "124").replace("Claes,b@x", "Claes,b@example.com");
    for file in [saved, corrected] {
        let ran = import(&scene, file);
        assert_eq!(ran.code, 3, "{ran:?}");
        let told = ran.stdout.lines().find(|line| line.contains("row 2 ")).unwrap();
        assert!(told.contains("columns 'id', 'email': leading zeros are lost") && told.contains("as text"), "{told}");
        assert!(!ran.stdout.contains("123"), "{ran:?}");
    }
    assert_eq!(scene.leads(), before);
    let file = replace(&export(&scene), b"Claes,b@x", b"Claes,b@example.com");
    assert_eq!(import(&scene, file).code, 3);
    assert_eq!(scene.run().count("delivered"), 1);
    assert_eq!(scene.lead_of("00124")["state"], "delivered");
}

#[test]
fn the_operator_is_in_the_history() {
    let scene = scene();
    scene.export("customers.csv", "id,first_name,last_name,email\n1,Ann,Maes,nowhere\n");
    scene.run();
    let file = replace(&export(&scene), b"nowhere", b"a@example.com");
    fs::write(scene.path("corrected.csv"), file).unwrap();
    let mut command = scene.command(&["rejects", "import", "corrected.csv"]);
    command.env("SUDO_USER", "an-operator").env("USER", "somebody-else").output().unwrap();
    let told = scene.cli(&["show", "1"]).stdout;
    assert!(told.contains("import") && told.contains("(sudo by an-operator)"), "{told}");
}

#[test]
fn rows_of_several_files_are_told_apart_by_their_origin() {
    let scene = scene();
    let header = "id,first_name,last_name,email\n";
    scene.export("a.csv", format!("{header}1,Ann,Maes,nowhere\n"));
    scene.export("b.csv", format!("{header}2,Bob,Claes,nowhere\n"));
    scene.run();
    let file = String::from_utf8(export(&scene)).unwrap();
    assert!(file.contains(",exports/a.csv:2\n") && file.contains(",exports/b.csv:2\n"), "{file}");
    assert_eq!(import(&scene, file.replace("nowhere", "a@example.com")).code, 0);
    assert_eq!(scene.run().count("delivered"), 2);
}

#[test]
fn rows_of_exports_of_different_form_go_into_a_file_each() {
    let scene = scene();
    scene.export("a.csv", "id,first_name,last_name,email\n1,Ann,Maes,nowhere\n");
    scene.export("b.csv", "id;first_name;last_name;email\n2;Bob;Claes;nowhere\n");
    scene.run();
    let ran = scene.cli(&["rejects", "export", "rejects.csv"]);
    assert_eq!((ran.code, scene.path("rejects.csv").exists()), (2, false), "{ran:?}");
    assert!(ran.stderr.contains("--origin"), "{ran:?}");
    let ran = scene.cli(&["rejects", "export", "b.csv", "--origin", "exports/b.csv"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let file = fs::read_to_string(scene.path("b.csv")).unwrap();
    assert!(file.ends_with(";2\n"), "{file}");
    assert_eq!(import(&scene, file.replace("nowhere", "b@example.com")).code, 0);
    assert_eq!(scene.run().count("delivered"), 1);
}

#[test]
fn rows_of_a_query_keep_their_types() {
    let mut scene = scene();
    let crm = rusqlite::Connection::open(scene.path("crm.db")).unwrap();
    crm.execute_batch(
        "CREATE TABLE c (id INTEGER, first_name, last_name, email, age INTEGER, note);
         INSERT INTO c VALUES (5, 'Zoë', '=Maes', 'nowhere', 41, NULL)",
    )
    .unwrap();
    scene.source("kind", "\"sqlite\"").source("path", "\"crm.db\"").source("query", "\"SELECT * FROM c\"");
    scene.lead(&format!("{CHECKED}age = \"{{{{ age + 1 }}}}\"\n"));
    scene.run();
    let file = String::from_utf8(export(&scene)).unwrap();
    assert!(
        file.starts_with("\u{feff}id,first_name,last_name,email,age,note,_reason,_line\r\n5,Zoë,'=Maes,nowhere,41,,"),
        "{file}"
    );
    assert_eq!(import(&scene, file.replace("nowhere", "z@example.com")).code, 0);
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("delivered"), ran.count("unchanged")), (0, 1, 1), "{ran:?}");
    assert_eq!(scene.stored()[0].body["prospect"]["age"], 42);
    assert_eq!(scene.stored()[0].body["prospect"]["last_name"], "=Maes");
}

#[test]
fn a_file_can_be_imported_twice() {
    let scene = scene();
    scene.export("customers.csv", "id,first_name,last_name,email\n1,Ann,Maes,nowhere\n2,Bob,Claes,none\n");
    scene.run();
    let file = replace(&export(&scene), b"nowhere", b"a@example.com");
    assert_eq!(import(&scene, &file).code, 3);
    let again = import(&scene, replace(&file, b"none", b"b@example.com"));
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.stdout.contains("taken in before: 1 row\n"), "{again:?}");
    assert_eq!(import(&scene, &file).code, 0);
    assert_eq!(scene.run().count("delivered"), 2);
}

/// A second sync, over a connection of its own.
const GHENT: &str = r#"
[connections.ghent]
kind = "http"
base_url = "http://127.0.0.1:9"
auth = { kind = "none" }
[syncs.ghent]
connection = "ghent"
request = { path = "/leads" }
source = { kind = "csv", path = "ghent.csv", key = "id" }
lead = { id = "{{ id }}", email = "{{ email | email }}" }
"#;

#[test]
fn a_rejects_file_of_one_sync_is_never_taken_in_for_another() {
    let mut scene = scene();
    scene.more(GHENT);
    let row = "id,first_name,last_name,email\n1,Ann,Maes,nowhere\n";
    scene.export("customers.csv", row);
    fs::write(scene.path("ghent.csv"), row).unwrap();
    assert_eq!(scene.cli(&["--run-now", "--limit", "0"]).code, 3);
    let ran = scene.cli(&["rejects", "export", "r.csv", "--sync", "ghent"]);
    assert!(ran.stdout.contains("then: lead-sync rejects import --sync ghent r.csv"), "{ran:?}");
    let mended = replace(&fs::read(scene.path("r.csv")).unwrap(), b"nowhere", b"a@example.com");
    // Now only the other sync has a row of this line.
    assert_eq!(scene.cli(&["forget", "1", "--sync", "ghent", "--yes"]).code, 0);
    let ran = import(&scene, &mended);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("(customers, ghent)") && ran.stderr.contains("--sync"), "{ran:?}");
    assert_eq!(scene.leads()[0]["state"], "rejected");
    // Nor once one of the two is configured no more.
    scene.more("");
    let ran = import(&scene, &mended);
    assert!(ran.code == 2 && ran.stderr.contains("(customers, ghent)"), "{ran:?}");
}

#[test]
fn the_command_for_a_rejects_file_reads_the_same_configuration() {
    let scene = scene();
    scene.export("customers.csv", "id,first_name,last_name,email\n1,Ann,Maes,nowhere\n");
    scene.run();
    let mut command = scene.command(&["--config", "lead-sync.toml", "rejects", "export", "the rejects.csv"]);
    let told = Ran::from(command.env_remove("LEAD_SYNC_CONFIG").output().unwrap());
    let option = format!("--config {}", scene.path("lead-sync.toml").display());
    let next = format!("then: lead-sync {option} rejects import --sync customers 'the rejects.csv'");
    assert!(told.stdout.contains(&next), "{told:?}");
}
