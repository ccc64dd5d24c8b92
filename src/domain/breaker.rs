//! The breaker of a connection: after several failures in a row nothing is sent until a probe without side effects shows life,
//! so that an outage does not put a lead in doubt at every try.

use std::time::Duration;

use super::outcome::Outcome;
use super::retry;
use super::time::Timestamp;

/// Failures in a row that open the breaker. One or two are bad luck; at five the API is away, and no more than five leads and
/// those already in flight are in doubt for it.
pub const THRESHOLD: u32 = 5;

/// The breaker's memory, as the ledger keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Breaker {
    /// Failures since the last success.
    pub failures: u32,
    /// Times it opened since the last success.
    pub trips: u32,
    /// Open until then; afterwards a probe decides.
    pub open_until: Option<Timestamp>,
}

/// What may be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Everything.
    Closed,
    /// Nothing until then.
    OpenUntil(Timestamp),
    /// A probe, and if that shows life one lead.
    Probe,
}

impl Breaker {
    /// What may be sent at `now`.
    pub fn gate(&self, now: Timestamp) -> Gate {
        match self.open_until {
            None => Gate::Closed,
            Some(until) if now < until => Gate::OpenUntil(until),
            Some(_) => Gate::Probe,
        }
    }

    /// The breaker after a POST. A refusal of one lead is an answer of a living API; a throttled one says nothing about its health.
    #[must_use]
    pub fn after(self, outcome: &Outcome, policy: &retry::Policy, now: Timestamp, jitter: f64) -> Self {
        match outcome {
            Outcome::Throttled(_) => self,
            Outcome::NotSent | Outcome::InDoubt => self.failed(policy, now, jitter),
            Outcome::Accepted
            | Outcome::Conflict
            | Outcome::Rejected
            | Outcome::Unauthorized
            | Outcome::Forbidden
            | Outcome::WrongPath => Self::default(),
        }
    }

    /// The breaker after a failure, also of a probe.
    #[must_use]
    pub fn failed(self, policy: &retry::Policy, now: Timestamp, jitter: f64) -> Self {
        let failures = self.failures.saturating_add(1);
        let still_open = self.open_until.is_some_and(|until| now < until);
        if failures < THRESHOLD || still_open {
            // Answers to requests that were under way when it opened change nothing.
            return Self { failures, ..self };
        }
        let trips = self.trips.saturating_add(1);
        let open_until = Some(now + cooldown(policy, trips, jitter));
        Self { failures, trips, open_until }
    }
}

/// The first cool-down is as long as the backoff after as many failures as it took; then it doubles, up to the cap.
fn cooldown(policy: &retry::Policy, trips: u32, jitter: f64) -> Duration {
    retry::delay(policy, (THRESHOLD - 2).saturating_add(trips), jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn after(outcomes: &[Outcome]) -> Breaker {
        let policy = retry::Policy::default();
        outcomes.iter().fold(Breaker::default(), |breaker, outcome| breaker.after(outcome, &policy, NOW, 1.0))
    }

    #[test]
    fn it_opens_at_the_fifth_failure_in_a_row_and_then_asks_for_a_probe() {
        assert_eq!(after(&[const { Outcome::InDoubt }; 4]).gate(NOW), Gate::Closed);
        let open = after(&[const { Outcome::NotSent }; 5]);
        let until = NOW + Duration::from_secs(8);
        assert_eq!(open.gate(NOW), Gate::OpenUntil(until));
        assert_eq!(open.gate(until), Gate::Probe);
    }

    #[test]
    fn a_refusal_or_a_success_between_closes_it() {
        let mut outcomes = vec![Outcome::InDoubt; 4];
        outcomes.push(Outcome::Rejected);
        outcomes.extend(vec![Outcome::InDoubt; 4]);
        assert_eq!(after(&outcomes).gate(NOW), Gate::Closed);
    }

    #[test]
    fn late_failures_do_not_lengthen_it_but_a_failed_probe_does() {
        let policy = retry::Policy::default();
        let open = after(&[const { Outcome::InDoubt }; 9]);
        assert_eq!((open.trips, open.gate(NOW)), (1, Gate::OpenUntil(NOW + Duration::from_secs(8))));
        let later = NOW + Duration::from_secs(8);
        let again = open.failed(&policy, later, 1.0);
        assert_eq!((again.trips, again.gate(later)), (2, Gate::OpenUntil(later + Duration::from_secs(16))));
    }

    #[test]
    fn its_cooldown_never_exceeds_the_cap() {
        let policy = retry::Policy::default();
        let mut breaker = Breaker::default();
        let mut now = NOW;
        for _ in 0..40 {
            breaker = breaker.failed(&policy, now, 1.0);
            if let Some(until) = breaker.open_until {
                assert!(until.since(now) <= policy.cap);
                now = until;
            }
        }
    }
}
