//! A disk that fails once, and a disk that is full from some write on.

use crate::oracle::Policy;
use crate::stories::{Fault, RUN, Stage, Story, nothing};
use crate::sweep::sweep;

fn run(fault: Fault, prepare: fn() -> Stage) {
    sweep(&Story { prepare, command: RUN, each: nothing, after: Stage::finish, fault });
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
    sweep(&crate::stories::forget(Fault::DiskError));
    sweep(&crate::stories::forget(Fault::DiskFull));
}
