//! A disk that fails once, and a disk that is full from some write on.

use crate::oracle::Policy;
use crate::stories::{Fault, RUN, Stage, Story, nothing};
use crate::sweep::sweep;

fn story(fault: Fault, policy: Policy) -> Story {
    let prepare = match policy {
        Policy::Resend => || Stage::new(Policy::Resend, 0..5),
        Policy::Hold => || Stage::new(Policy::Hold, 0..5),
    };
    Story { prepare, command: RUN, each: nothing, after: Stage::finish, fault }
}

#[test]
fn a_disk_error_in_any_call_stops_the_run_aloud_and_the_next_one_under_resend_goes_on() {
    sweep(&story(Fault::DiskError, Policy::Resend));
}

#[test]
fn a_disk_error_in_any_call_stops_the_run_aloud_and_the_next_one_under_hold_goes_on() {
    sweep(&story(Fault::DiskError, Policy::Hold));
}

#[test]
fn a_disk_that_is_full_from_any_call_on_stops_the_run_aloud_and_the_next_one_under_resend_goes_on() {
    sweep(&story(Fault::DiskFull, Policy::Resend));
}

#[test]
fn a_disk_that_is_full_from_any_call_on_stops_the_run_aloud_and_the_next_one_under_hold_goes_on() {
    sweep(&story(Fault::DiskFull, Policy::Hold));
}

#[test]
fn a_forgotten_person_is_forgotten_by_the_next_try_when_the_disk_fails() {
    sweep(&crate::stories::forget(Fault::DiskError));
    sweep(&crate::stories::forget(Fault::DiskFull));
}
