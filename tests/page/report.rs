//! `report FILE`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::stage::{NAME, assert_true_numbers, stage};

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
fn a_file_that_is_there_is_replaced_only_on_demand() {
    let scene = stage("");
    fs::write(scene.path("mine.html"), "mine").unwrap();
    let refused = scene.cli(&["report", "mine.html"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("mine.html exists") && refused.stderr.contains("--force"), "{}", refused.stderr);
    assert_eq!(fs::read_to_string(scene.path("mine.html")).unwrap(), "mine");
    assert_eq!(scene.cli(&["report", "mine.html", "--force"]).code, 0);
    assert!(fs::read_to_string(scene.path("mine.html")).unwrap().starts_with("<!DOCTYPE html>"));
}

#[test]
fn a_report_that_cannot_be_written_says_so() {
    let scene = stage("");
    let ran = scene.cli(&["report", "nowhere/report.html"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("cannot write nowhere/report.html"), "{}", ran.stderr);
    assert!(ran.stderr.contains("make the folder"), "{}", ran.stderr);
}
