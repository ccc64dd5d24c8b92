//! Root by mistake: refused where another user owns the ledger, with the command that works.

use std::os::unix::fs::chown;
use std::process::Command;

use crate::site::{Ended, KEYS, PROGRAM, Site, end, is_root, message};

/// A user that no system has by name.
const SOMEBODY: u32 = 65_531;

fn run(site: &Site, arguments: &[&str]) -> Ended {
    let mut command = Command::new(PROGRAM);
    command
        .args(arguments)
        .current_dir(site.folder.path())
        .env("STATE_DIRECTORY", site.path("state"))
        .env("CREDENTIALS_DIRECTORY", site.path("credentials"));
    end(&mut command)
}

#[test]
fn root_is_refused_where_the_state_directory_is_another_users() {
    if !is_root() {
        return;
    }
    let site = Site::new("");
    let state = site.path("state");
    chown(&state, Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    let text = format!(
        "{} belongs to user {SOMEBODY}, who could not open what root creates there: run it as that user: \
         setpriv --reuid={SOMEBODY} --regid={SOMEBODY} --clear-groups lead-sync COMMAND",
        state.canonicalize().unwrap().display()
    );
    for arguments in [&["--run-now"][..], &["status"], &["plan"]] {
        let refused = run(&site, arguments);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        if arguments == ["--run-now"] {
            assert_eq!(message(&refused.stderr), text);
        } else {
            assert_eq!(refused.stderr, format!("lead-sync: {text}\n"));
        }
    }
    let checked = run(&site, &["check"]);
    assert_eq!(checked.code, Some(2), "{checked:?}");
    assert!(checked.stdout.contains("FAIL  user: ") && checked.stdout.contains("setpriv --reuid=65531"), "{checked:?}");
    assert_eq!(std::fs::read_dir(&state).unwrap().count(), 0, "nothing was left there");
    assert_eq!(site.delivered(), [""; 0]);
}

#[test]
fn root_is_refused_a_ledger_that_is_another_users_and_welcome_to_its_own() {
    if !is_root() {
        return;
    }
    let site = Site::new("");
    let welcome = run(&site, &["--run-now"]);
    assert_eq!(welcome.code, Some(0), "{welcome:?}");
    assert_eq!(site.delivered(), KEYS);
    chown(site.path("state/lead-sync.db"), Some(SOMEBODY), None).unwrap();
    let refused = run(&site, &["status"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("lead-sync.db belongs to user 65531"), "{refused:?}");
}
