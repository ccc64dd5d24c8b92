//! The ledger's own files, in places and with modes that others have chosen.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::support::Scene;

#[test]
fn a_lock_file_that_is_a_link_is_not_written_through() {
    let scene = Scene::new();
    scene.customers([1]);
    fs::write(scene.path("victim"), "mine").unwrap();
    symlink("victim", scene.path("lead-sync.lock")).unwrap();
    let ran = scene.run();
    assert_ne!(ran.code, 0, "{ran:?}");
    assert_eq!((fs::read_to_string(scene.path("victim")).unwrap().as_str(), scene.requests().len()), ("mine", 0));
}

#[test]
fn a_key_that_is_prepared_under_a_link_is_not_written_through_it() {
    let scene = Scene::new();
    scene.customers([1]);
    fs::write(scene.path("victim"), "mine").unwrap();
    symlink("victim", scene.path("lead-sync.key.tmp")).unwrap();
    let ran = scene.run();
    assert_eq!((ran.code, fs::read(scene.path("victim")).unwrap().as_slice()), (0, &b"mine"[..]), "{ran:?}");
    assert!(fs::symlink_metadata(scene.path("lead-sync.key")).unwrap().is_file());
}

#[test]
fn a_ledger_that_is_a_folder_a_device_or_a_link_to_nowhere_ends_the_run_before_it_sends() {
    for target in ["exports", "/dev/null", "/dev/full", "no/where"] {
        let scene = Scene::new();
        scene.customers([1]);
        symlink(target, scene.path("lead-sync.db")).unwrap();
        let ran = scene.run();
        assert!(matches!(ran.code, 1 | 2), "{target}: {ran:?}");
        assert_eq!(scene.requests().len(), 0, "{target}");
    }
}

#[test]
fn check_tells_of_a_ledger_and_a_folder_that_others_can_get_at() {
    let scene = Scene::new();
    scene.customers([1]);
    assert_eq!(scene.run().code, 0);
    fs::set_permissions(scene.path("lead-sync.key"), Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(scene.folder.path(), Permissions::from_mode(0o777)).unwrap();
    let told = scene.cli(&["check"]).stdout;
    assert!(told.contains("others can read") && told.contains("lead-sync.key"), "{told}");
    assert!(told.contains("others can replace the ledger's files"), "{told}");
    fs::set_permissions(scene.folder.path(), Permissions::from_mode(0o700)).unwrap();
    assert!(!scene.cli(&["check"]).stdout.contains("others can replace"));
}
