use jiff::tz::TimeZone;

use super::*;
use crate::domain::schedule::Times;

const MINUTE: i64 = 60_000;

/// Every ten minutes.
fn schedule() -> Schedule {
    let times = Times::new("0 */10 * * * *", TimeZone::UTC).unwrap();
    Schedule { times, jitter: Duration::ZERO, catch_up: true, at_start: false }
}

fn skipping() -> Schedule {
    Schedule { catch_up: false, ..schedule() }
}

fn started(schedule: Schedule, last: Option<i64>, now: i64) -> Agenda {
    let mut agenda = Agenda::new(|_| Duration::ZERO, at(now));
    let past = last.map_or(Past::Nothing, |last| Past::Finished(at(last)));
    agenda.start([("a".to_owned(), schedule, past)], at(now));
    agenda
}

fn at(minute: i64) -> Timestamp {
    Timestamp(minute * MINUTE)
}

/// What is due after a turn.
fn due(agenda: &mut Agenda, now: Timestamp) -> Vec<(String, Trigger)> {
    agenda.turn(now, None);
    std::iter::from_fn(|| agenda.take()).collect()
}

fn scheduled() -> Vec<(String, Trigger)> {
    vec![("a".to_owned(), Trigger::Schedule)]
}

#[test]
fn a_sync_is_due_at_each_of_its_times_once() {
    let mut agenda = started(schedule(), None, 5);
    assert_eq!(due(&mut agenda, at(9)), []);
    assert_eq!(agenda.wake(), Some(at(10)));
    assert_eq!(due(&mut agenda, at(10)), scheduled());
    assert_eq!(due(&mut agenda, at(10)), []);
    assert_eq!(due(&mut agenda, at(20)), scheduled());
}

#[test]
fn a_sync_that_gives_its_turn_away_goes_on_after_the_others_and_is_not_waited_for() {
    let mut agenda = Agenda::new(|_| Duration::ZERO, at(5));
    agenda.start(["a", "b"].map(|name| (name.to_owned(), schedule(), Past::Nothing)), at(5));
    agenda.turn(at(10), None);
    let (first, trigger) = agenda.take().unwrap();
    assert!(agenda.is_awaited());
    agenda.again(first.clone(), trigger);
    assert_eq!(agenda.take(), Some(("b".to_owned(), Trigger::Schedule)));
    assert!(!agenda.is_awaited(), "only the one that gave its turn away waits");
    assert_eq!(agenda.take(), Some((first, trigger)));
    assert_eq!(agenda.take(), None);
}

/// Once a day, at midnight.
fn nightly() -> Schedule {
    Schedule { times: Times::new("0 0 0 * * *", TimeZone::UTC).unwrap(), ..schedule() }
}

/// The first minute after `now` at which the sync is due.
fn next_run(agenda: &mut Agenda, now: Timestamp) -> Timestamp {
    let minutes = (1..).map(|minutes| Timestamp(now.0 + minutes * MINUTE));
    minutes.into_iter().find(|at| !due(agenda, *at).is_empty()).unwrap()
}

proptest::proptest! {
    #[test]
    fn a_run_that_was_put_off_goes_on_soon_after_what_did_that_is_over_and_never_before(
        waits in proptest::collection::vec(proptest::option::of(0..600_i64), 1..20),
    ) {
        let mut agenda = started(nightly(), None, 5);
        let mut now = next_run(&mut agenda, at(5));
        for wait in waits {
            let until = wait.map(|minutes| Timestamp(now.0 + minutes * MINUTE));
            let by_schedule = nightly().times.after(now).unwrap();
            agenda.put_off("a", until, now);
            let again = next_run(&mut agenda, now);
            let latest = until.unwrap_or(now).max(now + LONGEST_REST);
            proptest::prop_assert!(again <= latest.min(by_schedule), "{again} is too late");
            proptest::prop_assert!(again == by_schedule || Some(again) >= until, "{again} is too early");
            proptest::prop_assert!(again >= now + REST);
            now = again;
        }
        agenda.not_put_off("a");
        proptest::prop_assert_eq!(next_run(&mut agenda, now), nightly().times.after(now).unwrap());
    }
}

#[test]
fn the_rest_of_a_run_that_is_put_off_again_and_again_doubles_up_to_a_quarter_of_an_hour() {
    let mut agenda = started(nightly(), None, 5);
    let rests = [1, 2, 4, 8, 15, 15].map(|minutes| Some(at(minutes)));
    assert_eq!(std::array::from_fn(|_| agenda.put_off("a", None, at(0))), rests);
    agenda.not_put_off("a");
    assert_eq!(agenda.put_off("a", None, at(0)), Some(at(1)));
}

#[test]
fn a_run_that_was_put_off_is_taken_up_once_and_only_if_what_is_missed_is_made_up_for() {
    let mut agenda = started(nightly(), None, 5);
    agenda.put_off("a", Some(at(30)), at(20));
    assert_eq!((agenda.wake(), due(&mut agenda, at(29))), (Some(at(30)), vec![]));
    assert_eq!((due(&mut agenda, at(31)), due(&mut agenda, at(32))), (scheduled(), vec![]));
    agenda.put_off("a", Some(at(50)), at(40));
    agenda.turn(at(50), Some("a"));
    assert_eq!(due(&mut agenda, at(51)), [], "it runs already");
    agenda.put_off("a", Some(at(70)), at(60));
    agenda.replace([("a".to_owned(), schedule())], at(61));
    assert_eq!(due(&mut agenda, at(70)), scheduled(), "another schedule forgets no run, and both times are one run");
    let mut agenda = started(Schedule { catch_up: false, ..nightly() }, None, 5);
    assert_eq!(agenda.put_off("a", Some(at(30)), at(20)), None);
}

/// A connection that is stopped until then.
fn stopped(minute: i64) -> PutOff {
    PutOff { stop: Some(at(minute)), leads: None }
}

#[test]
fn a_run_is_taken_up_as_soon_as_a_person_has_lifted_what_put_it_off() {
    let mut agenda = started(nightly(), None, 5);
    agenda.put_off("a", Some(at(600)), at(20));
    assert_eq!(agenda.waiting().collect::<Vec<_>>(), [("a", at(600))]);
    assert_eq!(agenda.ends_sooner("a", at(600), stopped(600), at(21)), None, "it lasts");
    assert_eq!(agenda.ends_sooner("a", at(600), stopped(30), at(21)), Some(at(30)), "another wait is left");
    assert_eq!(
        agenda.ends_sooner("a", at(600), PutOff::default(), at(21)),
        None,
        "that was asked before it was put off anew"
    );
    assert_eq!(agenda.ends_sooner("a", at(30), PutOff::default(), at(21)), Some(at(21)));
    assert_eq!((due(&mut agenda, at(21)), due(&mut agenda, at(22))), (scheduled(), vec![]));
    agenda.put_off("a", None, at(40));
    assert_eq!(agenda.waiting().count(), 0, "nobody knows for what");
    assert_eq!(agenda.ends_sooner("a", at(30), PutOff::default(), at(40)), None, "and it rests");
    let mut agenda = started(schedule(), None, 5);
    agenda.put_off("a", Some(at(600)), at(6));
    assert_eq!(
        (agenda.wake(), agenda.ends_sooner("a", at(600), PutOff::default(), at(7))),
        (Some(at(10)), Some(at(7)))
    );
}

#[test]
fn a_run_that_rests_after_what_put_it_off_is_taken_up_as_soon_as_a_person_sees_to_that() {
    let mut agenda = started(nightly(), None, 5);
    for _ in 0..4 {
        agenda.put_off("a", Some(at(20)), at(19));
    }
    assert_eq!((agenda.wake(), agenda.waiting().collect::<Vec<_>>()), (Some(at(27)), vec![("a", at(20))]));
    assert_eq!(agenda.ends_sooner("a", at(20), stopped(20), at(22)), None, "it is over by itself, and the run rests");
    assert_eq!(agenda.ends_sooner("a", at(20), stopped(25), at(22)), None, "something else lasts longer");
    assert_eq!(
        agenda.ends_sooner("a", at(20), stopped(21), at(22)),
        None,
        "another sync met it, and it is over by itself"
    );
    let resumed = PutOff { stop: None, leads: Some(at(21)) };
    assert_eq!(agenda.ends_sooner("a", at(20), resumed, at(22)), Some(at(22)), "its leads were made due at 21");
    assert_eq!((due(&mut agenda, at(22)), due(&mut agenda, at(27))), (scheduled(), vec![]));
    assert_eq!(agenda.waiting().count(), 0, "its turn has come");
}

#[test]
fn a_time_that_was_missed_while_the_daemon_was_down_is_made_up_for_once_or_skipped() {
    assert_eq!(due(&mut started(schedule(), Some(1), 45), at(45)), scheduled());
    assert_eq!(due(&mut started(skipping(), Some(1), 45), at(45)), []);
    assert_eq!(due(&mut started(schedule(), Some(41), 45), at(45)), [], "nothing was missed");
    assert_eq!(due(&mut started(schedule(), None, 45), at(45)), [], "it has never run");
}

#[test]
fn a_time_that_passed_while_the_machine_slept_is_made_up_for_once_or_skipped() {
    let mut agenda = started(schedule(), None, 5);
    assert_eq!(due(&mut agenda, at(48)), scheduled());
    assert_eq!(agenda.wake(), Some(at(50)));
    let mut agenda = started(skipping(), None, 5);
    assert_eq!(due(&mut agenda, at(48)), []);
    assert_eq!(due(&mut agenda, at(50)), scheduled());
}

#[test]
fn a_sync_that_runs_at_the_start_does_so_once_also_if_it_missed_a_time() {
    let mut agenda = started(Schedule { at_start: true, ..schedule() }, Some(1), 45);
    assert_eq!(due(&mut agenda, at(45)), [("a".to_owned(), Trigger::Start)]);
    assert_eq!(due(&mut agenda, at(50)), scheduled());
}

#[test]
fn a_sync_never_overlaps_with_itself_and_what_came_due_meanwhile_is_not_made_up_for() {
    let mut agenda = started(schedule(), None, 5);
    agenda.turn(at(10), Some("a"));
    agenda.turn(at(20), Some("a"));
    assert_eq!(agenda.take(), None);
    assert_eq!(due(&mut agenda, at(30)), scheduled());
    agenda.turn(at(40), None);
    agenda.turn(at(50), None);
    assert_eq!(due(&mut agenda, at(51)), scheduled(), "queued once");
}

#[test]
fn the_wait_for_another_sync_is_no_missed_time() {
    let mut agenda = started(skipping(), None, 5);
    agenda.turn(at(10), Some("another"));
    agenda.turn(at(18), Some("another"));
    assert_eq!(agenda.take(), Some(("a".to_owned(), Trigger::Schedule)));
}

#[test]
fn jitter_delays_a_run_and_never_adds_or_drops_one() {
    let mut agenda = Agenda::new(|most| most, at(5));
    agenda.start([("a".to_owned(), Schedule { jitter: Duration::from_mins(3), ..schedule() }, Past::Nothing)], at(5));
    for ten in [10, 20, 30] {
        assert_eq!(due(&mut agenda, at(ten + 2)), []);
        assert_eq!(due(&mut agenda, at(ten + 3)), scheduled());
    }
}

#[test]
fn a_clock_that_is_set_back_neither_repeats_a_time_nor_delays_the_next() {
    let mut agenda = started(schedule(), None, 5);
    assert_eq!(due(&mut agenda, at(10)), scheduled());
    assert_eq!(due(&mut agenda, Timestamp(10 * MINUTE - 500)), []);
    assert_eq!(due(&mut agenda, at(10)), [], "half a second back is the same time again");
    assert_eq!(due(&mut agenda, at(-120)), []);
    assert_eq!(agenda.wake(), Some(at(-110)), "two hours back is another time");
}

#[test]
fn a_first_run_that_was_cut_off_is_made_up_for_unless_what_is_missed_is_skipped() {
    for (schedule, runs) in [(schedule(), 1), (skipping(), 0)] {
        let mut agenda = Agenda::new(|_| Duration::ZERO, at(5));
        agenda.start([("a".to_owned(), schedule, Past::Unfinished)], at(5));
        assert_eq!(due(&mut agenda, at(5)).len(), runs);
    }
}

#[test]
fn a_new_configuration_keeps_what_is_unchanged_and_forgets_what_is_gone() {
    let mut agenda = started(Schedule { jitter: Duration::from_mins(1), ..schedule() }, None, 5);
    agenda.turn(at(10), None);
    agenda.replace([("b".to_owned(), schedule())], at(11));
    assert_eq!(due(&mut agenda, at(12)), [], "queued, but gone");
    assert_eq!(due(&mut agenda, at(20)), [("b".to_owned(), Trigger::Schedule)]);
    agenda.replace([("b".to_owned(), schedule()), ("a".to_owned(), schedule())], at(20));
    assert_eq!(due(&mut agenda, at(30)).len(), 2);
}
