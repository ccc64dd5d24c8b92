//! Which sync runs when. Pure: it is told the time, the dice and what runs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::domain::time::Timestamp;
use crate::ledger::{Past, Trigger};
use crate::worker::settings::Schedule;

/// A due time that is seen so much later was missed: the machine slept, or its clock was set. It is more than a busy machine needs to
/// wake us.
const LATE: Duration = Duration::from_mins(1);

/// The first rest of a run that was put off: what did that is rarely over at once, and each try reads the export again. It doubles with
/// each run that is put off after it.
const REST: Duration = Duration::from_mins(1);

/// The longest one: as long as a lead waits at most between two tries, unless configured otherwise.
const LONGEST_REST: Duration = Duration::from_mins(15);

/// Gives a random duration of at most the one given.
pub(super) type Dice = fn(Duration) -> Duration;

/// The plans of all syncs, and those whose turn has come.
#[derive(Debug)]
pub(super) struct Agenda {
    plans: BTreeMap<String, Plan>,
    queue: VecDeque<(String, Trigger)>,
    /// The queued syncs that gave their turn to others and have waited since.
    yielded: BTreeSet<String>,
    seen: Timestamp,
    dice: Dice,
}

/// One sync's schedule and its next time.
#[derive(Debug)]
struct Plan {
    schedule: Schedule,
    /// By the schedule; `None`: never again.
    at: Option<Timestamp>,
    /// The same, and the jitter.
    due: Option<Timestamp>,
    /// When a run that was put off is taken up again.
    again: Option<Timestamp>,
    /// How many runs in a row were put off.
    put_off: u32,
}

impl Plan {
    fn new(schedule: Schedule, now: Timestamp, dice: Dice) -> Self {
        let mut plan = Self { schedule, at: None, due: None, again: None, put_off: 0 };
        plan.advance(now, dice);
        plan
    }

    /// Plans the first time after `now`.
    fn advance(&mut self, now: Timestamp, dice: Dice) {
        self.at = self.schedule.times.after(now);
        self.due = self.at.map(|at| at + dice(self.schedule.jitter));
    }

    /// When the sync is to run next, by its schedule or because a run was put off.
    fn next(&self) -> Option<Timestamp> {
        [self.due, self.again].into_iter().flatten().min()
    }
}

impl Agenda {
    /// Without any sync.
    pub(super) fn new(dice: Dice, now: Timestamp) -> Self {
        Self { plans: BTreeMap::new(), queue: VecDeque::new(), yielded: BTreeSet::new(), seen: now, dice }
    }

    /// The daemon starts: each sync with its past. One that is to run at the start, or that missed a time since its last run, is due
    /// now, and so is one whose first run was cut off; one that has never run has missed nothing.
    pub(super) fn start(&mut self, syncs: impl IntoIterator<Item = (String, Schedule, Past)>, now: Timestamp) {
        for (name, schedule, past) in syncs {
            let missed = match past {
                Past::Nothing => false,
                Past::Unfinished => true,
                Past::Finished(last) => schedule.times.after(last).is_some_and(|due| due <= now),
            };
            if schedule.at_start {
                self.queue.push_back((name.clone(), Trigger::Start));
            } else if schedule.catch_up && missed {
                self.queue.push_back((name.clone(), Trigger::Schedule));
            }
            self.plans.insert(name, Plan::new(schedule, now, self.dice));
        }
    }

    /// The configuration was read again. A sync whose schedule is as it was keeps its plan; one that is no longer there is forgotten.
    pub(super) fn replace(&mut self, syncs: impl IntoIterator<Item = (String, Schedule)>, now: Timestamp) {
        let mut before = std::mem::take(&mut self.plans);
        for (name, schedule) in syncs {
            let plan = match before.remove(&name) {
                Some(plan) if plan.schedule == schedule => plan,
                earlier => {
                    let again = earlier.and_then(|plan| plan.again).filter(|_| schedule.catch_up);
                    Plan { again, ..Plan::new(schedule, now, self.dice) }
                }
            };
            self.plans.insert(name, plan);
        }
        self.queue.retain(|(name, _)| self.plans.contains_key(name));
    }

    /// Puts the syncs that are due at `now` in the queue, by their schedule or because a run was put off. One that is running or queued is not put there again: what it would do is done by
    /// the run that is under way or to come.
    pub(super) fn turn(&mut self, now: Timestamp, running: Option<&str>) {
        // A clock that was set back: what was planned by the wrong time would come too late.
        let set_back = now + LATE < self.seen;
        self.seen = now;
        for (name, plan) in &mut self.plans {
            if set_back {
                plan.advance(now, self.dice);
                plan.again = plan.again.map(|again| again.min(now + LONGEST_REST));
            }
            let busy = running == Some(name) || self.queue.iter().any(|(queued, _)| queued == name);
            if plan.again.take_if(|again| *again <= now).is_some() && !busy {
                self.queue.push_back((name.clone(), Trigger::Schedule));
            }
            let Some((at, due)) = plan.at.zip(plan.due).filter(|(_, due)| *due <= now) else { continue };
            let missed = now.since(due) > LATE;
            let busy = busy || self.queue.iter().any(|(queued, _)| queued == name);
            if !busy && (plan.schedule.catch_up || !missed) {
                self.queue.push_back((name.clone(), Trigger::Schedule));
            }
            // A clock that goes back a little must not bring the same time again.
            plan.advance(now.max(at), self.dice);
        }
    }

    /// The sync whose turn it is.
    pub(super) fn take(&mut self) -> Option<(String, Trigger)> {
        let turn = self.queue.pop_front();
        if let Some((sync, _)) = &turn {
            self.yielded.remove(sync);
        }
        turn
    }

    /// Whether a sync waits for a run that only waits itself. One that gave its own turn away does not count: two syncs of an API that is
    /// away would pass the turn to and fro.
    pub(super) fn is_awaited(&self) -> bool {
        self.queue.iter().any(|(sync, _)| !self.yielded.contains(sync))
    }

    /// A sync gave its turn to those in the queue: it goes on after them.
    pub(super) fn again(&mut self, sync: String, trigger: Trigger) {
        let queued = self.queue.iter().any(|(queued, _)| *queued == sync);
        if !queued && self.plans.contains_key(&sync) {
            self.yielded.insert(sync.clone());
            self.queue.push_back((sync, trigger));
        }
    }

    /// A run was put off: the API is away or asks to wait, or the export is just being written. It is taken up again when that is over
    /// (`until`, if it is known), after a rest that grows, unless the schedule comes sooner or what is missed is skipped. Returns when.
    pub(super) fn put_off(&mut self, sync: &str, until: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let plan = self.plans.get_mut(sync).filter(|plan| plan.schedule.catch_up)?;
        let rest = REST.saturating_mul(2_u32.saturating_pow(plan.put_off)).min(LONGEST_REST);
        let again = until.unwrap_or(now).max(now + rest);
        plan.put_off = plan.put_off.saturating_add(1);
        plan.again = Some(again).filter(|again| plan.due.is_none_or(|due| *again < due));
        plan.again
    }

    /// A run has ended otherwise: only the schedule counts again.
    pub(super) fn not_put_off(&mut self, sync: &str) {
        if let Some(plan) = self.plans.get_mut(sync) {
            (plan.again, plan.put_off) = (None, 0);
        }
    }

    /// When the next sync is due.
    pub(super) fn wake(&self) -> Option<Timestamp> {
        self.plans.values().filter_map(Plan::next).min()
    }

    /// Each sync and when it is due next.
    pub(super) fn next(&self) -> impl Iterator<Item = (&str, Option<Timestamp>)> {
        self.plans.iter().map(|(name, plan)| (name.as_str(), plan.next()))
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(
            due(&mut agenda, at(70)),
            scheduled(),
            "another schedule forgets no run, and both times are one run"
        );
        let mut agenda = started(Schedule { catch_up: false, ..nightly() }, None, 5);
        assert_eq!(agenda.put_off("a", Some(at(30)), at(20)), None);
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
        agenda
            .start([("a".to_owned(), Schedule { jitter: Duration::from_mins(3), ..schedule() }, Past::Nothing)], at(5));
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
}
