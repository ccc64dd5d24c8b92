//! What happens to leads whose rows, mapping or configuration change.

use std::fs;

use lead_sync::sandbox::{Answer, Fault, Kind, Options};

use crate::support::Scene;

const HEADER: &str = "id,first_name,last_name,email,consent\n";

fn one(scene: &Scene, row: &str) {
    scene.export("customers.csv", format!("{HEADER}{row}\n"));
}

#[test]
fn a_delivered_row_that_changed_is_counted_in_every_run_and_left() {
    let scene = Scene::new();
    one(&scene, "1,Ann,Peeters,a@example.com,J");
    scene.run();
    one(&scene, "1,Ann,Maes,a@example.com,J");
    for _ in 0..2 {
        let ran = scene.run();
        assert_eq!((ran.code, ran.count("changed"), ran.count("delivered")), (0, 1, 0), "{ran:?}");
    }
    assert_eq!(scene.stored().len(), 1);
}

#[test]
fn under_resend_a_changed_row_goes_out_as_a_new_content() {
    let mut scene = Scene::new();
    scene.sync("on_change", "\"resend\"");
    one(&scene, "1,Ann,Peeters,a@example.com,J");
    scene.run();
    one(&scene, "1,Ann,Maes,a@example.com,J");
    assert_eq!(scene.run().count("delivered"), 1);
    assert_eq!(scene.run().count("delivered"), 0);
    let stored = scene.stored();
    assert_eq!(stored[1].body["prospect"]["last_name"], "Maes");
    assert_ne!(stored[0].idempotency_key, stored[1].idempotency_key);
}

#[test]
fn content_that_may_have_arrived_is_sent_again_as_it_was() {
    let mut scene = Scene::new();
    scene.connection("patience", "\"0s\"").connection("retry", r#"{ first = "1m", cap = "1m" }"#);
    one(&scene, "1,Ann,Peeters,a@example.com,J");
    scene.fault(Fault::once(Kind::LostAnswer));
    assert_eq!(scene.run().code, 4);
    one(&scene, "1,Ann,Maes,a@example.com,J");
    assert_eq!(scene.cli(&["retry", "1"]).code, 0);
    assert_eq!(scene.run().count("delivered"), 1);
    let stored = scene.stored();
    assert_eq!(stored[1].body["prospect"]["last_name"], "Peeters");
    assert_eq!(stored[0].idempotency_key, stored[1].idempotency_key);
}

#[test]
fn a_lead_that_may_have_arrived_and_failed_stays_marked_when_its_row_changes() {
    let mut scene = Scene::new();
    scene.connection("retry", r#"{ attempts = 2, first = "1ms", cap = "2ms" }"#);
    one(&scene, "1,Ann,Peeters,a@example.com,J");
    scene.fault(Fault::once(Kind::LostAnswer).always());
    assert_eq!(scene.run().count("failed"), 1);
    scene.api.clear_faults();
    one(&scene, "1,Ann,Maes,a@example.com,J");
    assert_eq!(scene.run().count("delivered"), 1);
    assert!(scene.stored().len() > 1);
    assert_eq!(scene.lead_of("1")["reason"], "possibly sent twice");
}

#[test]
fn a_row_without_consent_is_skipped_and_one_whose_consent_is_withdrawn_goes_no_more() {
    let mut scene = Scene::new();
    scene.sync("where", r#""{{ consent == 'J' }}""#).connection("patience", "\"0s\"");
    scene.export("customers.csv", format!("{HEADER}1,Ann,Peeters,,J\n2,Bob,Maes,,N\n"));
    scene.fault(Fault::once(Kind::Status(Answer::new(429))).always());
    let ran = scene.run();
    assert_eq!((ran.count("new"), ran.count("skipped")), (1, 1), "{ran:?}");
    scene.export("customers.csv", format!("{HEADER}1,Ann,Peeters,,N\n2,Bob,Maes,,N\n"));
    scene.api.clear_faults();
    scene.cli(&["resume", "wegroup"]);
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("skipped"), ran.count("delivered")), (0, 2, 0), "{ran:?}");
    assert!(scene.leads().is_empty());
    assert!(scene.stored().is_empty());
}

#[test]
fn a_row_without_a_required_field_is_rejected_once_and_sent_when_it_is_mended() {
    let mut scene = Scene::new();
    scene.sync("required", r#"["prospect.last_name"]"#);
    one(&scene, "1,Ann,,a@example.com,J");
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("invalid"), ran.count("rejected")), (3, 1, 1), "{ran:?}");
    let reason = scene.lead_of("1")["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("customers") && reason.contains("prospect.last_name"), "{reason}");
    let again = scene.run();
    assert_eq!((again.code, again.count("invalid"), again.count("rejected")), (0, 1, 0), "{again:?}");
    one(&scene, "1,Ann,Peeters,a@example.com,J");
    assert_eq!(scene.run().count("delivered"), 1);
}

#[test]
fn a_mended_mapping_sends_what_the_old_one_refused() {
    let mut scene = Scene::new();
    scene.sync("required", r#"["prospect.last_name"]"#);
    one(&scene, "1,Ann,,a@example.com,J");
    assert_eq!(scene.run().code, 3);
    scene.sync("required", "[]");
    assert_eq!(scene.run().count("delivered"), 1);
}

#[test]
fn a_corrected_row_replaces_what_the_api_refused() {
    let scene = Scene::new();
    one(&scene, "1,Ann,Peeters,a@refused.example,J");
    assert_eq!(scene.run().code, 3);
    one(&scene, "1,Ann,Peeters,a@example.com,J");
    assert_eq!(scene.run().count("delivered"), 1);
}

#[test]
fn reading_other_columns_sends_nothing_again() {
    let mut scene = Scene::new();
    scene.sync("on_change", "\"resend\"");
    one(&scene, "1,Ann,Peeters,a@example.com,J");
    scene.run();
    scene.lead("\norigin = \"CRM\"\nprospect = { last_name = \"{{ last_name }}\", first_name = \"{{ first_name }} {{ consent }}\" }\n");
    let ran = scene.run();
    assert_eq!((ran.count("unchanged"), ran.count("delivered")), (1, 0), "{ran:?}");
    one(&scene, "1,Ann,Maes,a@example.com,J");
    assert_eq!(scene.run().count("delivered"), 1, "from now on changes are seen again");
}

#[test]
fn a_lead_that_vanishes_from_the_export_stays_as_it_is() {
    let scene = Scene::new();
    scene.customers(0..3);
    scene.run();
    scene.customers(0..1);
    assert_eq!(scene.run().code, 0);
    assert_eq!(scene.leads().len(), 3);
}

#[test]
fn a_baseline_takes_the_export_as_delivered_and_sends_only_what_is_new() {
    let scene = Scene::new();
    scene.customers(0..10);
    let ran = scene.cli(&["baseline", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(scene.cli(&["baseline"]).stderr.contains("--yes"), "it asks, and nobody answers");
    scene.customers(0..11);
    let ran = scene.run();
    assert_eq!((ran.count("new"), ran.count("delivered")), (1, 1), "{ran:?}");
    assert_eq!(scene.stored().len(), 1);
}

#[test]
fn of_several_files_the_last_one_in_name_order_counts() {
    let scene = Scene::new();
    scene.export("2026-01.csv", format!("{HEADER}1,Ann,Peeters,,J\n2,Bob,Maes,,J\n"));
    scene.export("2026-02.csv", format!("{HEADER}1,Ann,Claes,,J\n"));
    for _ in 0..2 {
        assert_eq!(scene.run().code, 0);
        let mut names: Vec<_> = scene.stored().iter().map(|lead| lead.body["prospect"]["last_name"].clone()).collect();
        names.sort_by_key(ToString::to_string);
        assert_eq!(names, ["Claes", "Maes"]);
    }
}

#[test]
fn a_file_is_moved_to_the_archive_once_it_is_read_and_loses_nothing() {
    let mut scene = Scene::new();
    scene.source("path", "\"exports/customers.csv\"").source("after", "{ archive = \"done\" }");
    scene.customers(0..3);
    scene.fault(Fault::once(Kind::Status(Answer::new(500))).times(2));
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("delivered")), (0, 3), "{ran:?}");
    assert!(!scene.path("exports/customers.csv").exists());
    scene.customers(3..5);
    assert_eq!(scene.run().count("delivered"), 2);
    assert_eq!(fs::read_dir(scene.path("done")).unwrap().count(), 2, "nothing is overwritten");
    assert_eq!(scene.run().code, 0, "no file is nothing to do");
}

#[test]
fn a_database_is_read_with_its_types_and_from_where_it_was_left() {
    let mut scene = Scene::new();
    let crm = rusqlite::Connection::open(scene.path("crm.db")).unwrap();
    crm.execute_batch(
        "PRAGMA journal_mode = WAL;
         CREATE TABLE customer (id INTEGER, first_name TEXT, last_name TEXT, email TEXT, age INTEGER, at INTEGER);
         INSERT INTO customer VALUES (7, 'Ann', 'Peeters', NULL, 41, 1), (8, 'Bob', x'00ff', NULL, 1, 2);",
    )
    .unwrap();
    scene.source("kind", "\"sqlite\"").source("path", "\"crm.db\"").source("cursor", "\"at\"");
    scene.source("query", "\"SELECT * FROM customer\"");
    scene.lead("\norigin = \"CRM\"\nprospect = { last_name = \"{{ last_name }}\", age = \"{{ age }}\" }\n");
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("delivered"), ran.count("invalid")), (3, 1, 1), "{ran:?}");
    assert_eq!(scene.stored()[0].body["prospect"]["age"], 41);
    crm.execute_batch("INSERT INTO customer VALUES (9, 'Cid', 'Claes', NULL, 20, 3)").unwrap();
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("delivered"), ran.count("read")), (0, 1, 2), "{ran:?}");
    assert_eq!(scene.lead_of("8")["state"], "rejected", "its row is beyond the cursor and still listed");
    crm.execute_batch("UPDATE customer SET last_name = 'Maes', at = 4 WHERE id = 8").unwrap();
    assert_eq!(scene.run().count("delivered"), 1);
    assert_eq!(scene.lead_of("8")["state"], "delivered");
}

#[test]
fn any_json_api_can_be_the_destination() {
    let mut scene = Scene::new();
    scene.customers(0..2);
    let url = scene.api.url();
    scene.connection("kind", "\"http\"").connection("base_url", &format!("{url:?}"));
    scene.connection("headers", "{ x-tenant = \"broker\" }");
    scene.sync("request", "{ method = \"PUT\", path = \"/generic/people\" }");
    scene.without_connection("api_url").without_connection("distribution_id");
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("delivered")), (0, 2), "{ran:?}");
    assert!(scene.stored().iter().all(|lead| lead.path == "/generic/people"));
}

#[test]
fn a_limit_counts_leads_sent_and_the_rest_waits_its_turn() {
    let scene = Scene::new();
    scene.customers(0..10);
    let ran = scene.cli(&["--run-now", "--json", "--limit", "4"]);
    assert_eq!((ran.code, ran.count("delivered"), ran.count("pending")), (0, 4, 6), "{ran:?}");
    assert_eq!(scene.requests().len(), 4);
    assert_eq!(scene.run().count("delivered"), 6);
}

#[test]
fn leads_go_out_in_the_order_of_the_export() {
    let mut scene = Scene::with(Options::default());
    scene.connection("max_in_flight", "1");
    scene.export("a.csv", format!("{HEADER}5,A,A,,J\n3,B,B,,J\n"));
    scene.export("b.csv", format!("{HEADER}4,C,C,,J\n1,D,D,,J\n"));
    scene.run();
    let order: Vec<_> = scene.stored().into_iter().map(|lead| lead.external_ref.unwrap()).collect();
    assert_eq!(order, ["5", "3", "4", "1"]);
}

#[test]
fn what_is_wrong_with_the_rows_of_a_query_is_said_of_rows_and_the_query() {
    let mut scene = Scene::new();
    let crm = rusqlite::Connection::open(scene.path("crm.db")).unwrap();
    crm.execute_batch("CREATE TABLE c (id, name); INSERT INTO c VALUES (1, 'Ann'), (2, 'Bob'), (1, 'Cid');").unwrap();
    scene.source("kind", "\"sqlite\"").source("path", "\"crm.db\"").source("query", "\"SELECT * FROM c\"");
    scene.lead("\nname = \"{{ name }}\"\n");
    let repeated = "row 1 of the same query has the same key";
    let check = scene.cli(&["check"]);
    assert!(check.stdout.contains(&format!("row 3: {repeated}")), "{check:?}");
    assert_eq!(scene.run().count("invalid"), 1);
    assert!(scene.cli(&["leads", "--state", "rejected"]).stdout.contains(repeated));
    scene.source("query", "\"SELECT id, id, name FROM c\"");
    let ran = scene.run();
    assert!(ran.stderr.contains("the column 'id' is there twice; name it once in the query"), "{ran:?}");
}

/// The customers of these rows in a database, as the source of the scene.
fn from_a_database(scene: &mut Scene, rows: &str) -> rusqlite::Connection {
    let crm = rusqlite::Connection::open(scene.path("crm.db")).unwrap();
    crm.execute_batch(&format!(
        "CREATE TABLE c (id INTEGER, first_name, last_name, email); INSERT INTO c VALUES {rows}"
    ))
    .unwrap();
    scene.source("kind", "\"sqlite\"").source("path", "\"crm.db\"").source("query", "\"SELECT * FROM c\"");
    crm
}

#[test]
fn the_same_data_from_a_database_in_place_of_a_file_is_sent_only_when_it_changes() {
    let mut scene = Scene::new();
    scene.sync("on_change", "\"resend\"");
    scene.export("customers.csv", "id,first_name,last_name,email\n1,Ann,Maes,a@example.com\n2,Bob,,b@example.com\n");
    assert_eq!(scene.run().count("delivered"), 2);
    let crm = from_a_database(&mut scene, "(1, 'Ann', 'Maes', 'a@example.com'), (2, 'Bob', NULL, 'b@example.com')");
    for _ in 0..2 {
        let ran = scene.run();
        assert_eq!((ran.code, ran.count("unchanged"), ran.count("delivered")), (0, 2, 0), "{ran:?}");
    }
    crm.execute("UPDATE c SET last_name = 'Claes' WHERE id = 2", []).unwrap();
    let ran = scene.run();
    assert_eq!((ran.count("unchanged"), ran.count("changed"), ran.count("delivered")), (1, 1, 1), "{ran:?}");
}

#[test]
fn a_row_of_a_database_that_changes_across_an_upgrade_is_noticed() {
    let digest = "SELECT hex(digest) FROM basis";
    let file = Scene::new();
    file.customers([1]);
    file.run();
    let mut scene = Scene::new();
    scene.sync("on_change", "\"resend\"");
    let crm = from_a_database(&mut scene, "(1, 'Ann', 'Maes', 'a@example.com'), (2, 'Bob', 'Boon', 'b@example.com')");
    scene.run();
    let today = scene.query(digest);
    assert_ne!(today, file.query(digest));
    // Earlier releases had the digest of a file's columns for the rows of a query, too.
    let ledger = rusqlite::Connection::open(scene.path("lead-sync.db")).unwrap();
    ledger.execute_batch(&format!("UPDATE basis SET digest = x'{}'", file.query(digest)[0])).unwrap();
    crm.execute("UPDATE c SET last_name = 'Claes' WHERE id = 2", []).unwrap();
    let ran = scene.run();
    assert_eq!((ran.count("unchanged"), ran.count("changed"), ran.count("delivered")), (1, 1, 1), "{ran:?}");
    assert_eq!(scene.query(digest), today);
}
