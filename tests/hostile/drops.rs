//! A folder of exports into which others can put what they like.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use crate::support::Scene;

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_glob_takes_files_and_waits_for_no_pipe_socket_device_or_folder() {
    let scene = Scene::new();
    scene.customers([1]);
    fifo(&scene.path("exports/a.csv"));
    let _socket = UnixListener::bind(scene.path("exports/b.csv")).unwrap();
    fs::create_dir(scene.path("exports/c.csv")).unwrap();
    for (name, target) in [("d", "/dev/zero"), ("e", "e.csv"), ("f", "a.csv"), ("g", "nowhere"), ("h", "/proc/self/fd")]
    {
        symlink(target, scene.path(&format!("exports/{name}.csv"))).unwrap();
    }
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("read"), ran.count("delivered")), (0, 1, 1), "{ran:?}");
    let check = scene.cli(&["check"]);
    assert_eq!(check.code, 0, "{check:?}");
    let named: Vec<char> = ('a'..='h').filter(|name| check.stdout.contains(&format!("{name}.csv is passed"))).collect();
    assert_eq!(named, ['a', 'b', 'd', 'e', 'f', 'g'], "a folder is nothing that anybody misses: {check:?}");
}

#[test]
fn a_pipe_device_or_folder_that_is_named_is_refused_at_once() {
    let mut scene = Scene::new();
    fifo(&scene.path("pipe"));
    for path in ["pipe", "/dev/zero", "exports"] {
        let ran = scene.source("path", &format!("{path:?}")).run();
        assert_eq!((ran.code, scene.requests().len()), (3, 0), "{path}: {ran:?}");
        assert!(ran.stdout.contains("not a regular file") || ran.stderr.contains("not a regular file"), "{ran:?}");
    }
}

#[test]
fn a_link_to_a_file_that_is_no_export_shows_nothing_of_it() {
    let scene = Scene::new();
    fs::write(scene.path("secret"), "hunter2:x:0\nhunter2,hunter2\n").unwrap();
    symlink("../secret", scene.path("exports/a.csv")).unwrap();
    symlink("../lead-sync.toml", scene.path("exports/b.csv")).unwrap();
    let ran = scene.run();
    assert_eq!((ran.code, scene.requests().len()), (3, 0), "{ran:?}");
    let told = [ran.stdout, ran.stderr, scene.cli(&["check"]).stdout, scene.cli(&["leads", "--format", "csv"]).stdout];
    assert!(!told.concat().contains("hunter2"), "{told:?}");
    assert!(!String::from_utf8_lossy(&fs::read(scene.path("lead-sync.db")).unwrap()).contains("hunter2"));
}

#[test]
fn archiving_a_link_moves_the_link_and_leaves_what_it_points_to() {
    let mut scene = Scene::new();
    scene.source("after", "{ archive = \"done\" }");
    scene.customers([1]);
    fs::rename(scene.path("exports/customers.csv"), scene.path("elsewhere.csv")).unwrap();
    symlink(scene.path("elsewhere.csv"), scene.path("exports/a.csv")).unwrap();
    assert_eq!(scene.run().code, 0);
    assert!(fs::read_to_string(scene.path("elsewhere.csv")).unwrap().contains("First1"));
    assert!(fs::symlink_metadata(scene.path("exports/a.csv")).is_err());
    assert!(fs::symlink_metadata(scene.path("done/a.csv")).unwrap().is_symlink());
}

#[test]
fn archiving_writes_through_no_link_and_over_no_file() {
    let mut scene = Scene::new();
    scene.source("after", "{ archive = \"done\" }");
    scene.customers([1]);
    fs::create_dir(scene.path("done")).unwrap();
    fs::write(scene.path("done/customers-1.csv"), "mine").unwrap();
    symlink(scene.path("victim"), scene.path("done/customers.csv")).unwrap();
    assert_eq!(scene.run().code, 0);
    assert!(!scene.path("victim").exists());
    assert_eq!(fs::read_to_string(scene.path("done/customers-1.csv")).unwrap(), "mine");
    assert!(fs::read_to_string(scene.path("done/customers-2.csv")).unwrap().contains("First1"));
}

#[test]
fn an_archive_folder_that_is_a_file_or_a_link_to_nowhere_loses_no_lead_and_no_export() {
    let mut scene = Scene::new();
    scene.source("after", "{ archive = \"done\" }");
    symlink("nowhere", scene.path("done")).unwrap();
    scene.customers([1]);
    let ran = scene.run();
    assert_eq!((ran.count("delivered"), scene.path("exports/customers.csv").exists()), (1, true), "{ran:?}");
    assert!(ran.stderr.contains("archive") && !scene.path("nowhere").exists(), "{ran:?}");
}
