//! `max_new`: an export that would have more sent than anybody expects.

use lead_sync::sandbox::{Answer, Fault, Kind, RetryAfter};

use crate::support::{Ran, Scene};

const HEADER: &str = "id,first_name,last_name,email\n";

/// Rows of these keys; `version` stands in a column that is no key.
fn rows(keys: std::ops::Range<u32>, version: &str) -> String {
    keys.fold(HEADER.to_owned(), |text, key| text + &format!("{key},{version},Last{key},p{key}@example.com\n"))
}

/// Six delivered leads, of which five may be sent at once from now on.
fn delivered(on_change: &str) -> Scene {
    let mut scene = Scene::new();
    scene.sync("on_change", &format!("{on_change:?}"));
    scene.export("customers.csv", rows(0..6, "Ann"));
    assert_eq!(scene.run().count("delivered"), 6);
    scene.sync("max_new", "5");
    scene
}

#[test]
fn more_new_leads_than_max_new_stop_the_sync_until_they_are_confirmed() {
    let mut scene = Scene::new();
    scene.sync("max_new", "5");
    scene.customers(0..6);
    for _ in 0..2 {
        let ran = scene.run();
        assert_eq!((ran.code, ran.count("new"), ran.count("delivered")), (3, 6, 0), "{ran:?}");
        assert!(ran.stderr.contains("--confirm"), "{ran:?}");
    }
    assert!(scene.stored().is_empty());
    let confirmed = scene.cli(&["--run-now", "--json", "--confirm"]);
    assert_eq!((confirmed.code, confirmed.count("delivered")), (0, 6), "{confirmed:?}");
}

#[test]
fn a_plan_stops_where_the_run_would_and_goes_on_where_that_is_confirmed() {
    let mut scene = Scene::new();
    scene.sync("max_new", "5");
    scene.customers(0..6);
    for args in [&["plan"][..], &["--run-now", "--dry-run"]] {
        let plan = scene.cli(args);
        assert!(plan.code == 3 && plan.stdout.contains("6 new") && plan.stdout.contains("0 leads would be sent"));
        assert!(plan.stderr.contains("more than max_new = 5") && plan.stderr.contains("--confirm"), "{plan:?}");
        assert!(plan.stdout.contains("new, the first 5:"), "what they are is still shown: {plan:?}");
    }
    for args in [&["plan"][..], &["--run-now", "--dry-run"]] {
        let plan = scene.cli(&[args, &["--confirm", "--limit", "2"]].concat());
        assert!(plan.code == 0 && plan.stdout.contains("6 leads would be sent"), "{plan:?}");
        assert!(plan.stdout.ends_with("of all these at most 2 would be sent (--limit)\n"), "{plan:?}");
    }
    let ran = scene.cli(&["--run-now", "--json", "--confirm", "--limit", "2"]);
    assert_eq!((ran.code, ran.count("delivered")), (0, 2), "{ran:?}");
}

#[test]
fn a_plan_of_an_export_without_rows_warns_as_the_run_would() {
    let mut scene = Scene::new();
    scene.sync("no_rows", "\"warn\"");
    scene.customers(0..0);
    for args in [&["plan"][..], &["--run-now"]] {
        let ran = scene.cli(args);
        assert!(ran.code == 3 && ran.stderr.contains("not a single row was read"), "{args:?}: {ran:?}");
    }
    assert_eq!(scene.cli(&["--run-now", "--dry-run", "--confirm"]).code, 0);
}

#[test]
fn under_resend_more_changed_leads_than_max_new_stop_the_sync_until_they_are_confirmed() {
    let scene = delivered("resend");
    scene.export("customers.csv", rows(0..6, "Shifted"));
    for _ in 0..2 {
        let ran = scene.run();
        assert_eq!((ran.code, ran.count("changed"), ran.count("delivered")), (3, 6, 0), "{ran:?}");
        assert!(
            ran.stderr.contains("0 new leads and 6 changed ones to be sent again, more than max_new = 5"),
            "{ran:?}"
        );
    }
    assert_eq!(scene.stored().len(), 6);
    let confirmed = scene.cli(&["--run-now", "--json", "--confirm"]);
    assert_eq!((confirmed.code, confirmed.count("delivered")), (0, 6), "{confirmed:?}");
}

#[test]
fn new_and_changed_leads_count_together() {
    let scene = delivered("resend");
    let some =
        |changed: u32, all: u32| rows(0..changed, "Bob") + rows(changed..all, "Ann").strip_prefix(HEADER).unwrap();
    for (changed, new) in [(3, 3), (2, 3)] {
        scene.export("customers.csv", some(changed, 6) + rows(6..6 + new, "Ann").strip_prefix(HEADER).unwrap());
        let ran = scene.run();
        let sent = if changed + new > 5 { 0 } else { u64::from(changed + new) };
        assert_eq!((ran.count("delivered"), ran.code), (sent, if sent == 0 { 3 } else { 0 }), "{ran:?}");
    }
}

#[test]
fn under_ignore_a_column_that_moved_sends_nothing_and_stops_nothing() {
    let scene = delivered("ignore");
    scene.export("customers.csv", rows(0..6, "Shifted"));
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("changed"), ran.count("delivered")), (0, 6, 0), "{ran:?}");
    assert_eq!(scene.stored().len(), 6);
}

#[test]
fn leads_that_a_mended_mapping_sends_count_as_those_of_an_export_do() {
    let mut scene = Scene::new();
    scene.sync("max_new", "5").sync("required", r#"["prospect.first_name"]"#);
    scene.export("customers.csv", rows(0..6, ""));
    assert_eq!(scene.run().count("rejected"), 6);
    scene.sync("required", "[]");
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("delivered")), (3, 0), "{ran:?}");
    let confirmed = scene.cli(&["--run-now", "--json", "--confirm"]);
    assert_eq!(confirmed.count("delivered"), 6, "{confirmed:?}");
}

#[test]
fn leads_that_wait_to_be_sent_already_are_not_counted_when_their_rows_change() {
    let mut scene = Scene::new();
    scene.export("customers.csv", rows(0..7, "Ann"));
    assert_eq!(scene.cli(&["--run-now", "--limit", "1"]).code, 0);
    scene.sync("max_new", "5");
    scene.export("customers.csv", rows(0..7, "Bob"));
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("delivered")), (0, 6), "{ran:?}");
}

#[test]
fn rows_of_a_file_that_is_refused_are_not_counted() {
    let mut scene = delivered("resend");
    scene.source("require_final_newline", "true");
    scene.export("customers.csv", rows(0..3, "Bob"));
    scene.export("half.csv", rows(3..6, "Bob").trim_end());
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("delivered")), (4, 3), "the half file is left, the other one sent: {ran:?}");
}

/// Runs the scene's configuration with its sync under another name.
fn renamed(scene: &Scene, args: &[&str]) -> Ran {
    let mut command = scene.command(args);
    let path = scene.path("lead-sync.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("syncs.customers", "syncs.clients")).unwrap();
    command.output().unwrap().into()
}

#[test]
fn a_sync_under_a_new_name_sends_nothing_again_until_that_is_confirmed() {
    let scene = Scene::new();
    scene.customers(0..2);
    assert_eq!(scene.run().count("delivered"), 2);
    let wait = Answer { retry_after: Some(RetryAfter::Seconds(3600)), ..Answer::new(503) };
    scene.fault(Fault::once(Kind::Status(wait)));
    scene.customers(0..3);
    assert_eq!(scene.run().code, 4);
    for (args, code) in [(&["--run-now"][..], 3), (&["--run-now"], 3), (&["plan"], 3), (&["check"], 0)] {
        let ran = renamed(&scene, args);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(
            ran.code == code && said.contains("what sync customers did, which is not configured any more"),
            "{ran:?}"
        );
        assert!(said.contains("3 leads, 1 of them still to be sent"), "{ran:?}");
        assert!(said.contains("baseline --sync clients") && said.contains("--confirm"), "{ran:?}");
    }
    assert_eq!((scene.requests().len(), scene.leads().len()), (3, 3));
    assert_eq!(
        (scene.cli(&["resume", "wegroup"]).code, scene.run().count("delivered")),
        (0, 1),
        "the old name is back"
    );
    let confirmed = renamed(&scene, &["--run-now", "--confirm"]);
    assert_eq!((confirmed.code, scene.requests().len()), (0, 7), "{confirmed:?}");
    scene.customers(0..4);
    assert_eq!((renamed(&scene, &["--run-now"]).code, scene.requests().len()), (0, 8), "it has leads of its own");
}

#[test]
fn rows_that_the_mapping_refuses_do_not_make_a_new_name_an_old_one() {
    let mut scene = Scene::new();
    scene.customers(0..2);
    assert_eq!(scene.run().count("delivered"), 2);
    scene.sync("required", "[\"prospect.last_name\"]");
    let good = std::fs::read_to_string(scene.path("exports/customers.csv")).unwrap();
    for export in ["id,first_name,last_name,email\n0,First0,,p0@example.com\n", &good] {
        scene.export("customers.csv", export);
        assert_eq!((renamed(&scene, &["--run-now"]).code, scene.requests().len()), (3, 2), "{export}");
    }
}

#[test]
fn a_baseline_takes_over_what_was_delivered_under_the_old_name() {
    let scene = Scene::new();
    scene.customers(0..2);
    assert_eq!(scene.run().count("delivered"), 2);
    assert_eq!(renamed(&scene, &["baseline", "--sync", "clients", "--yes"]).code, 0);
    scene.customers(0..3);
    assert_eq!((renamed(&scene, &["--run-now"]).code, scene.requests().len()), (0, 3));
}

#[test]
fn a_new_sync_that_reads_something_else_than_one_that_is_gone_is_held_back_by_nothing() {
    let mut scene = Scene::new();
    scene.customers(0..2);
    assert_eq!(scene.run().count("delivered"), 2);
    std::fs::create_dir(scene.path("others")).unwrap();
    std::fs::copy(scene.path("exports/customers.csv"), scene.path("others/customers.csv")).unwrap();
    scene.source("path", "\"others/*.csv\"");
    assert_eq!((renamed(&scene, &["--run-now"]).code, scene.requests().len()), (0, 4));
}

#[test]
fn a_new_sync_that_reads_others_from_where_one_that_is_gone_read_is_held_back_by_nothing() {
    let scene = Scene::new();
    scene.customers(0..2);
    assert_eq!(scene.run().count("delivered"), 2);
    scene.customers(5..7);
    assert_eq!((renamed(&scene, &["--run-now"]).code, scene.requests().len()), (0, 4));
}
