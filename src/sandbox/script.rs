//! When faults happen: a queue in order, then chance.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::account::Target;
use super::fault::{Fault, RandomFaults, Requests};
use super::kind::{InvalidFault, Kind};

/// The faults still to come.
#[derive(Default)]
pub(super) struct Script {
    /// False while there is nothing to look for, so that an undisturbed request takes no lock.
    armed: AtomicBool,
    pending: Mutex<Pending>,
}

#[derive(Default)]
struct Pending {
    queue: VecDeque<Fault>,
    random: Option<RandomFaults>,
    /// Chances given so far.
    draws: u64,
}

impl Script {
    /// Adds one fault at the end of the queue.
    pub(super) fn push(&self, fault: Fault) -> Result<(), InvalidFault> {
        self.extend(vec![fault])
    }

    /// Adds faults at the end of the queue: all, or none if one of them is not valid.
    pub(super) fn extend(&self, faults: Vec<Fault>) -> Result<(), InvalidFault> {
        faults.iter().try_for_each(Fault::check)?;
        self.lock().queue.extend(faults);
        self.armed.store(true, Ordering::Release);
        Ok(())
    }

    pub(super) fn set_random(&self, random: RandomFaults) -> Result<(), InvalidFault> {
        random.check()?;
        let mut pending = self.lock();
        pending.random = Some(random);
        pending.draws = 0;
        self.armed.store(true, Ordering::Release);
        Ok(())
    }

    pub(super) fn clear(&self) {
        let mut pending = self.lock();
        *pending = Pending::default();
        self.armed.store(false, Ordering::Release);
    }

    /// The queue as it is, with the times that are left.
    pub(super) fn queue(&self) -> Vec<Fault> {
        self.lock().queue.iter().cloned().collect()
    }

    /// Takes the fault for a request of which the head has arrived.
    pub(super) fn take_at_head(&self, target: Target) -> Option<Kind> {
        if !self.armed.load(Ordering::Acquire) {
            return None;
        }
        let mut pending = self.lock();
        let scripted = pending.take(|fault| fault.external_ref.is_none() && concerns(fault.on, target));
        match target {
            Target::Lead => scripted.or_else(|| pending.draw()),
            Target::Other => scripted,
        }
    }

    /// Takes the fault for the lead with this external reference.
    pub(super) fn take_for_lead(&self, external_ref: &str) -> Option<Kind> {
        if !self.armed.load(Ordering::Acquire) {
            return None;
        }
        self.lock().take(|fault| fault.external_ref.as_deref() == Some(external_ref))
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn concerns(on: Requests, target: Target) -> bool {
    match on {
        Requests::Every => true,
        Requests::Leads => target == Target::Lead,
        Requests::Others => target == Target::Other,
    }
}

impl Pending {
    fn take(&mut self, concerned: impl Fn(&Fault) -> bool) -> Option<Kind> {
        let index = self.queue.iter().position(concerned)?;
        let fault = self.queue.get_mut(index)?;
        let kind = fault.kind.clone();
        if let Some(left) = &mut fault.times {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.queue.remove(index);
            }
        }
        Some(kind)
    }

    fn draw(&mut self) -> Option<Kind> {
        let random = self.random.as_ref()?;
        let mut seed = random.seed.to_le_bytes().to_vec();
        seed.extend(self.draws.to_le_bytes());
        self.draws += 1;
        let hash = blake3::hash(&seed);
        let (whether, which) = hash.as_bytes().split_at(4);
        if f64::from(number(whether)) / (f64::from(u32::MAX) + 1.0) >= random.probability {
            return None;
        }
        let index = number(which) as usize % random.kinds.len().max(1);
        random.kinds.get(index).cloned()
    }
}

/// The first four bytes as a number.
fn number(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(script: &Script, requests: usize) -> Vec<&'static str> {
        (0..requests).map(|_| script.take_at_head(Target::Lead).map_or("-", |kind| kind.name())).collect()
    }

    #[test]
    fn the_queue_goes_in_order_each_fault_its_times() {
        let script = Script::default();
        script.push(Fault::once(Kind::Pass).times(2)).unwrap();
        script.push(Fault::once(Kind::Garbage)).unwrap();
        assert_eq!(names(&script, 4), ["pass", "pass", "garbage", "-"]);
    }

    #[test]
    fn a_fault_for_one_lead_waits_for_it() {
        let script = Script::default();
        script.push(Fault::once(Kind::Garbage).for_lead("7")).unwrap();
        assert_eq!(script.take_at_head(Target::Lead), None);
        assert_eq!(script.take_for_lead("8"), None);
        assert_eq!(script.take_for_lead("7"), Some(Kind::Garbage));
        assert_eq!(script.take_for_lead("7"), None);
    }

    #[test]
    fn a_fault_for_other_requests_leaves_leads_alone() {
        let script = Script::default();
        script.push(Fault::once(Kind::Reset).on(Requests::Others).always()).unwrap();
        assert_eq!(script.take_at_head(Target::Lead), None);
        assert_eq!(script.take_at_head(Target::Other), Some(Kind::Reset));
        assert_eq!(script.take_at_head(Target::Other), Some(Kind::Reset));
        script.clear();
        assert_eq!(script.take_at_head(Target::Other), None);
    }

    #[test]
    fn chance_comes_after_the_queue_and_repeats_with_its_seed() {
        let script = Script::default();
        let random = RandomFaults { probability: 0.3, seed: 42, kinds: vec![Kind::Reset, Kind::LostAnswer] };
        script.push(Fault::once(Kind::Garbage)).unwrap();
        script.set_random(random.clone()).unwrap();
        let first = names(&script, 1001);
        assert_eq!(first[0], "garbage");
        script.set_random(random).unwrap();
        assert_eq!(names(&script, 1000), first[1..]);
        let hit = first[1..].iter().filter(|name| **name != "-").count();
        assert!((200..400).contains(&hit), "{hit} of 1000 at 30 %");
        assert!(first.contains(&"reset") && first.contains(&"lost_answer"));
    }

    #[test]
    fn probability_one_hits_every_request_and_zero_none() {
        for (probability, expected) in [(1.0, "reset"), (0.0, "-")] {
            let script = Script::default();
            let kinds = vec![Kind::Reset];
            script.set_random(RandomFaults { probability, seed: 1, kinds }).unwrap();
            assert_eq!(names(&script, 100), [expected; 100]);
        }
    }
}
