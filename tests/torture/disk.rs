//! A disk that fails once, and a disk that is full from some write on.

use crate::acts::refresh;
use crate::oracle::Policy;
use crate::stories::{self, Fault, RUN, Stage, Story, nothing};
use crate::strace;
use crate::sweep::sweep;

fn run(fault: Fault, prepare: fn() -> Stage) {
    sweep(&Story { prepare, command: RUN, each: nothing, after: Stage::finish, fault });
}

/// `.cargo/config.toml` says so to the build of SQLite; a build that does not hear of it is right, and slow on file systems with a journal.
#[test]
fn the_ledger_is_synced_without_the_times_of_its_files() {
    if strace::is_here() {
        let stage = Stage::new(Policy::Hold, 0..5);
        let calls = strace::points(&stage.scene.command(RUN));
        assert!(calls.iter().any(|point| point.call == "fdatasync"), "{calls:?}");
    }
}

#[test]
fn a_disk_error_in_any_call_of_a_first_run_stops_it_aloud_and_the_next_one_goes_on() {
    run(Fault::DiskError, || Stage::new(Policy::Hold, 0..5));
}

/// Most calls of such a run are those of claiming and settling.
#[test]
fn a_disk_error_in_any_call_of_a_later_run_stops_it_aloud_and_the_next_one_goes_on() {
    run(Fault::DiskError, || Stage::new(Policy::Resend, 0..12).begun());
}

#[test]
fn a_disk_that_is_full_from_any_call_of_a_first_run_on_stops_it_aloud_and_the_next_one_goes_on() {
    run(Fault::DiskFull, || Stage::new(Policy::Resend, 0..5));
}

#[test]
fn a_disk_that_is_full_from_any_call_of_a_later_run_on_stops_it_aloud_and_the_next_one_goes_on() {
    run(Fault::DiskFull, || Stage::new(Policy::Hold, 0..12).begun());
}

#[test]
fn a_forgotten_person_is_forgotten_by_the_next_try_when_the_disk_fails() {
    both(stories::forget);
}

/// The story with a disk that fails, and with one that is full.
fn both(story: fn(Fault) -> Story) {
    sweep(&story(Fault::DiskError));
    sweep(&story(Fault::DiskFull));
}

#[test]
fn corrected_rows_are_delivered_once_when_the_disk_fails_under_their_import() {
    both(stories::import);
}

#[test]
fn an_export_is_either_in_its_place_or_in_the_archive_when_the_disk_fails() {
    both(stories::archive);
}

#[test]
fn a_backup_is_whole_or_none_when_the_disk_fails() {
    both(stories::backup);
}

#[test]
fn a_migration_is_whole_or_not_begun_when_the_disk_fails() {
    both(stories::migration);
}

#[test]
fn where_a_lost_answer_is_forgiven_a_login_survives_a_disk_that_fails_under_a_refresh() {
    both(|fault| refresh(fault, false));
}

#[test]
fn where_it_is_not_a_refresh_whose_tokens_cannot_be_kept_is_said_aloud() {
    both(|fault| refresh(fault, true));
}
