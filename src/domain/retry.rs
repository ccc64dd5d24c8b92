//! When a lead is tried again.

use std::time::Duration;

use super::time::Timestamp;

/// `retry = { attempts, first, cap, max_age }` of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Charged attempts until the lead is `failed`.
    pub attempts: u32,
    /// Delay after the first charged attempt; doubles with each.
    pub first: Duration,
    /// No delay of our own is longer.
    pub cap: Duration,
    /// A lead that was tried for longer ([`age`]) is `failed`, however few attempts were charged.
    pub max_age: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            attempts: 8,
            first: Duration::from_secs(1),
            cap: Duration::from_mins(15),
            max_age: Duration::from_hours(7 * 24),
        }
    }
}

/// The delay after `tries` tries: `first`, doubled for each further one, never over `cap`, of which `jitter` (0 to 1) decides the
/// upper half. So the cap holds with jitter, and no delay is less than half of what it should be.
pub fn delay(policy: &Policy, tries: u32, jitter: f64) -> Duration {
    let doublings = tries.saturating_sub(1).min(MOST_DOUBLINGS);
    let whole = policy.first.saturating_mul(1 << doublings).min(policy.cap);
    whole.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}

/// 2³⁰ times even one millisecond is twelve days: more doublings never matter, and the shift cannot overflow.
const MOST_DOUBLINGS: u32 = 30;

/// What happens to a lead whose POST was not settled by its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// It is tried again at this time.
    At(Timestamp),
    /// All attempts were made.
    NoAttemptLeft,
    /// It would be older than it may get.
    TooOld,
}

/// How old a content counts as at `now`, when it is about to be tried: it became due at `since`, and something was last done about it at
/// `touched`.
///
/// A time in which nothing was done counts as half of `max_age` at most. The clock may have been behind until now, or the machine off: neither is
/// a reason to give a lead up at the next failure. A clock that was set back adds nothing and takes nothing away.
pub fn age(max_age: Duration, since: Timestamp, touched: Timestamp, now: Timestamp) -> Duration {
    let untouched = now.since(touched).min(max_age / 2);
    touched.since(since).saturating_add(untouched)
}

/// Decides on another try. `attempts` and `tries` include the POST just made; `age` is the content's at `now`; `not_before` is a pause that the
/// server asked for, which no cap shortens.
pub fn again(
    policy: &Policy,
    attempts: u32,
    tries: u32,
    age: Duration,
    now: Timestamp,
    not_before: Option<Timestamp>,
    jitter: f64,
) -> Again {
    let own = now + delay(policy, tries, jitter);
    let at = not_before.map_or(own, |asked| asked.max(now));
    if attempts >= policy.attempts {
        Again::NoAttemptLeft
    } else if age.saturating_add(at.since(now)) > policy.max_age {
        Again::TooOld
    } else {
        Again::At(at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_delay_is_over_the_cap_or_under_half_of_the_backoff(tries in 0u32..200, jitter in 0.0f64..=1.0, cap_ms in 1u64..1_000_000) {
            let policy = Policy { cap: Duration::from_millis(cap_ms), ..Policy::default() };
            let delay = delay(&policy, tries, jitter);
            prop_assert!(delay <= policy.cap);
            prop_assert!(delay >= policy.first.min(policy.cap).mul_f64(0.5));
        }

        #[test]
        fn a_lead_is_never_tried_again_after_its_last_attempt_or_its_age(attempts in 0u32..20, age_h in 0u64..400, jitter in 0.0f64..=1.0) {
            let policy = Policy::default();
            let (age, now) = (Duration::from_hours(age_h), Timestamp(7));
            let verdict = again(&policy, attempts, attempts.max(1), age, now, None, jitter);
            if attempts >= policy.attempts {
                prop_assert_eq!(verdict, Again::NoAttemptLeft);
            } else if age > policy.max_age {
                prop_assert_eq!(verdict, Again::TooOld);
            }
            if let Again::At(at) = verdict {
                prop_assert!(at > now && age + at.since(now) <= policy.max_age);
            }
        }

        #[test]
        fn whatever_the_clock_does_an_age_grows_with_each_time_between_two_tries_by_half_of_what_is_allowed_at_most(
            clock in proptest::collection::vec(-4_000_000_000_000i64..4_000_000_000_000, 2..20),
            max_age_h in 1u64..1000
        ) {
            let max_age = Duration::from_hours(max_age_h);
            let (mut touched, mut before) = (Timestamp(clock[0]), Duration::ZERO);
            for now in clock[1..].iter().copied().map(Timestamp) {
                let age = age(max_age, touched - before, touched, now);
                prop_assert!(age >= before && age <= before + max_age / 2);
                prop_assert!(now.since(touched) > max_age / 2 || age == before + now.since(touched));
                (touched, before) = (now, age);
            }
        }
    }

    #[test]
    fn the_delays_double_up_to_the_cap() {
        let seconds: Vec<u64> = (1..=12).map(|tries| delay(&Policy::default(), tries, 1.0).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
    }

    #[test]
    fn a_pause_the_server_asked_for_is_not_cut_to_the_cap() {
        let asked = Timestamp(0) + Duration::from_hours(5);
        let verdict = again(&Policy::default(), 0, 1, Duration::ZERO, Timestamp(0), Some(asked), 0.5);
        assert_eq!(verdict, Again::At(asked));
    }
}
