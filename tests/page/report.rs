//! `report FILE`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use lead_sync::sandbox::{Answer, Fault, Kind, RetryAfter};

use crate::stage::{NAME, assert_true_numbers, stage, text_of};
use crate::support::Scene;

#[test]
fn the_report_is_one_private_file_that_needs_nothing_else() {
    let scene = stage("");
    let ran = scene.cli(&["report", "report.html"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let page = fs::read_to_string(scene.path("report.html")).unwrap();
    assert_eq!(fs::metadata(scene.path("report.html")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_true_numbers(&page, &scene);
    for outside in [" src=", "url(", "@import", "<link", "<script", "<form", "href=\"/", "href=\"javascript:"] {
        assert!(!page.replace("&#60;img src=", "").contains(outside), "{outside} in {page}");
    }
    let policy =
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src &#39;none&#39;; style-src &#39;sha256-";
    assert!(page.contains(policy), "{page}");
    assert!(!page.contains(NAME), "{page}");
    let left: Vec<_> = fs::read_dir(scene.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".partial")), "{left:?}");
}

#[test]
fn a_file_that_is_there_is_replaced_only_on_demand_and_only_if_it_is_a_report() {
    let scene = stage("");
    fs::write(scene.path("mine.html"), "mine").unwrap();
    let refused = scene.cli(&["report", "mine.html"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("mine.html exists") && refused.stderr.contains("--force"), "{}", refused.stderr);
    assert_eq!(fs::read_to_string(scene.path("mine.html")).unwrap(), "mine");
    let refused = scene.cli(&["report", "mine.html", "--force"]);
    assert!(refused.code == 2 && refused.stderr.contains("is no report"), "{refused:?}");
    assert_eq!(fs::read_to_string(scene.path("mine.html")).unwrap(), "mine");
    fs::write(scene.path("mine.html"), "").unwrap();
    assert_eq!(scene.cli(&["report", "mine.html", "--force"]).code, 0);
    let first = fs::read_to_string(scene.path("mine.html")).unwrap();
    assert!(first.starts_with("<!DOCTYPE html>"));
    fs::write(scene.path("mine.html"), first + "of before").unwrap();
    assert_eq!(scene.cli(&["report", "mine.html", "--force"]).code, 0);
    assert!(!fs::read_to_string(scene.path("mine.html")).unwrap().ends_with("of before"));
}

#[test]
fn a_report_that_cannot_be_written_says_so() {
    let scene = stage("");
    let ran = scene.cli(&["report", "nowhere/report.html"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("cannot write nowhere/report.html"), "{}", ran.stderr);
    assert!(ran.stderr.contains("make the folder"), "{}", ran.stderr);
}

#[test]
fn leads_of_a_sync_that_is_no_longer_configured_are_shown_as_such_and_as_nothing_that_is_still_to_be_sent() {
    let mut scene = Scene::new();
    scene.connection("patience", "\"0s\"").sync("required", "[\"prospect.email\"]");
    scene.export("customers.csv", "id,first_name,last_name,email\n1,A,B,a@example.com\n2,A,B,\n");
    let wait = Answer { retry_after: Some(RetryAfter::Seconds(3600)), ..Answer::new(503) };
    scene.fault(Fault::once(Kind::Status(wait)).always());
    assert_eq!(scene.run().code, 4);
    let report = |name: &str, arguments: &[&str]| {
        assert_eq!(scene.cli(&[&["report", name], arguments].concat()).code, 0);
        fs::read_to_string(scene.path(name)).unwrap()
    };
    let before = report("before.html", &[]);
    assert_eq!((text_of(&before, "to-send"), text_of(&before, "open")), ("1", "1"));

    let text = fs::read_to_string(scene.path("lead-sync.toml")).unwrap();
    fs::write(scene.path("other.toml"), text.replace("[syncs.customers", "[syncs.clients")).unwrap();
    let after = report("after.html", &["--config", "other.toml"]);
    assert_eq!((text_of(&after, "to-send"), text_of(&after, "open")), ("0", "0"));
    let told = "Sync customers is no longer configured, and its leads are not sent: 1 waiting, 1 rejected";
    assert!(after.contains(told) && after.contains("no longer configured: not sent"), "{after}");
    for useless in ["rejects export", "goes on by itself"] {
        assert!(before.contains(useless) && !after.contains(useless), "{useless}: {after}");
    }
}
