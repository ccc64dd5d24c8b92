//! Commands that write a file where somebody else has put one, or a link.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::support::Scene;

/// Each command that writes a file of its own, up to the file's name.
const WRITERS: [&[&str]; 4] = [&["backup"], &["rejects", "export"], &["report"], &["--config"]];

/// A scene with one rejected row, so that each of the commands has something to write.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.export("customers.csv", "id,first_name,last_name,email\n,Jan,Peeters,jan@example.com\n");
    assert_eq!(scene.run().code, 3);
    scene
}

/// Runs a command with `name` for its file; `--config NAME` stands for `--config NAME init`.
fn write(scene: &Scene, writer: &[&str], name: &str) -> i32 {
    let last: &[&str] = if *writer == ["--config"] { &["init"] } else { &[] };
    scene.cli(&[writer, &[name], last].concat()).code
}

#[test]
fn no_command_writes_over_a_file_through_a_link_or_into_a_folder() {
    let scene = scene();
    fs::write(scene.path("victim"), "mine").unwrap();
    fs::create_dir(scene.path("folder")).unwrap();
    symlink("victim", scene.path("link")).unwrap();
    symlink("nowhere", scene.path("dangling")).unwrap();
    for writer in WRITERS {
        for name in ["victim", "link", "dangling", "folder"] {
            assert_eq!(write(&scene, writer, name), 2, "{writer:?} {name}");
        }
        assert_eq!(fs::read_to_string(scene.path("victim")).unwrap(), "mine", "{writer:?}");
        assert!(!scene.path("nowhere").exists() && fs::read_dir(scene.path("folder")).unwrap().next().is_none());
    }
}

#[test]
fn what_a_command_writes_is_for_its_owner_only() {
    let scene = scene();
    for (index, writer) in WRITERS.into_iter().enumerate() {
        let name = format!("new-{index}");
        assert_eq!(write(&scene, writer, &name), 0, "{writer:?}");
        let mode = fs::metadata(scene.path(&name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{writer:?}");
    }
}

#[test]
fn the_key_of_a_backup_goes_through_no_link() {
    let scene = scene();
    symlink("nowhere", scene.path("safe.key")).unwrap();
    assert_eq!(scene.cli(&["backup", "safe.db"]).code, 2);
    assert!(!scene.path("nowhere").exists() && !scene.path("safe.db").exists());
}

#[test]
fn a_report_that_replaces_a_link_leaves_what_it_points_to() {
    let scene = scene();
    fs::write(scene.path("victim"), "mine").unwrap();
    symlink("victim", scene.path("report.html")).unwrap();
    assert_eq!(scene.cli(&["report", "--force", "report.html"]).code, 0);
    assert_eq!(fs::read_to_string(scene.path("victim")).unwrap(), "mine");
    assert!(fs::symlink_metadata(scene.path("report.html")).unwrap().is_file());
}

#[test]
fn metrics_replace_a_link_and_leave_what_it_points_to() {
    let scene = scene();
    fs::write(scene.path("victim"), "mine").unwrap();
    symlink("victim", scene.path("lead.prom")).unwrap();
    assert_eq!(scene.cli(&["--run-now", "--metrics-file", "lead.prom"]).code, 0);
    assert_eq!(fs::read_to_string(scene.path("victim")).unwrap(), "mine");
    assert!(fs::read_to_string(scene.path("lead.prom")).unwrap().contains("lead_sync_"));
}

/// Commands that write a file for a person, up to its name.
const FOR_PERSONS: [&[&str]; 4] = [&["backup"], &["rejects", "export"], &["report"], &["report", "--force"]];

#[test]
fn no_command_writes_where_the_worker_reads_an_export_or_keeps_its_own() {
    let mut scene = scene();
    scene.source("path", "\"exports/**/cust*.csv\"").more(
        r#"
[syncs.crm]
connection = "wegroup"
source = { kind = "sqlite", path = "crm.db", query = "SELECT 1 AS id", key = "id" }
lead = { origin = "CRM" }
"#,
    );
    fs::create_dir_all(scene.path("exports/late")).unwrap();
    symlink("exports/late", scene.path("way")).unwrap();
    symlink("lead-sync.toml", scene.path("link.toml")).unwrap();
    for (name, reason) in [
        ("exports/customers_rejects.csv", "an export of the sync customers"),
        ("way/cust.csv", "an export of the sync customers"),
        ("crm.db", "an export of the sync crm"),
        ("lead-sync.toml", "the configuration file"),
        ("lead-sync.db", "the ledger"),
        ("exports/../lead-sync.key", "the ledger"),
        ("lead-sync.db.mark", "the ledger"),
        ("lead-sync.lock", "the ledger"),
    ] {
        let before = fs::read(scene.path(name)).ok();
        for writer in FOR_PERSONS {
            let ran = scene.cli(&[writer, &[name]].concat());
            assert!(ran.code == 2 && ran.stderr.contains(reason), "{writer:?} {name}: {ran:?}");
            assert_eq!(fs::read(scene.path(name)).ok(), before, "{writer:?} {name}");
        }
    }
    // What the pattern does not match is free, in the same folder, too.
    for name in ["exports/rejects.csv", "way/rejects.csv", "exports/.customers.csv"] {
        assert_eq!(write(&scene, &["rejects", "export"], name), 0, "{name}");
    }
}
