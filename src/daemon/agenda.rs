//! Which sync runs when. Pure: it is told the time, the dice and what runs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::domain::time::Timestamp;
use crate::ledger::{Past, PutOff, Trigger};
use crate::worker::settings::Schedule;

/// A due time that is seen so much later was missed: the machine slept, or its clock was set. It is more than a busy machine needs to
/// wake us.
const LATE: Duration = Duration::from_mins(1);

/// The first rest of a run that was put off: what did that is rarely over at once, and each try reads the export again. It doubles with
/// each run that is put off after it.
const REST: Duration = Duration::from_mins(1);

/// The longest one: as long as a lead waits at most between two tries, unless configured otherwise.
pub const LONGEST_REST: Duration = Duration::from_mins(15);

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
    /// The end of what put it off, as far as that is known, until its turn comes again.
    until: Option<Timestamp>,
    /// How many runs in a row were put off.
    put_off: u32,
}

impl Plan {
    fn new(schedule: Schedule, now: Timestamp, dice: Dice) -> Self {
        let mut plan = Self { schedule, at: None, due: None, again: None, until: None, put_off: 0 };
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
                    let kept = earlier.filter(|_| schedule.catch_up).map(|plan| (plan.again, plan.until));
                    let (again, until) = kept.unwrap_or_default();
                    Plan { again, until, ..Plan::new(schedule, now, self.dice) }
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
                plan.until = None;
                self.queue.push_back((name.clone(), Trigger::Schedule));
            }
            let Some((at, due)) = plan.at.zip(plan.due).filter(|(_, due)| *due <= now) else { continue };
            let missed = now.since(due) > LATE;
            let busy = busy || self.queue.iter().any(|(queued, _)| queued == name);
            if !busy && (plan.schedule.catch_up || !missed) {
                plan.until = None;
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
        plan.until = until;
        plan.put_off = plan.put_off.saturating_add(1);
        plan.again = Some(again).filter(|again| plan.due.is_none_or(|due| *again < due));
        plan.again
    }

    /// A run has ended otherwise: only the schedule counts again.
    pub(super) fn not_put_off(&mut self, sync: &str) {
        if let Some(plan) = self.plans.get_mut(sync) {
            (plan.again, plan.until, plan.put_off) = (None, None, 0);
        }
    }

    /// The syncs that wait because of what put them off, and until when that was to last. It may be over and the run still rest.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (&str, Timestamp)> {
        self.plans.iter().filter_map(|(name, plan)| Some((name.as_str(), plan.until?)))
    }

    /// What put a run off was to last until `before`, and is `known` now. If it ends sooner, or was lifted after its time (a person has resumed
    /// the connection, or put a lead back), the run is taken up then, without a rest. Not if the sync was put off anew since somebody
    /// asked, nor for the stop that another sync has met meanwhile. Returns when.
    pub(super) fn ends_sooner(
        &mut self,
        sync: &str,
        before: Timestamp,
        known: PutOff,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let plan = self.plans.get_mut(sync).filter(|plan| plan.until == Some(before))?;
        let until = known.until();
        let lifted = until < Some(before) || until != Some(before) && known.stop.is_none();
        let again = until.unwrap_or(now).max(now);
        if !lifted || again > now && again >= before {
            return None;
        }
        plan.until = until;
        plan.again = Some(again);
        plan.again
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
#[path = "agenda_tests.rs"]
mod tests;
