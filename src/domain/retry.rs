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
    /// A lead that is unsettled for longer is `failed`, however few attempts were charged.
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
    /// Attempts or age are used up.
    Never,
}

/// Decides on another try. `attempts` and `tries` include the POST just made; `since` is when the content became due first;
/// `not_before` is a pause that the server asked for, which no cap shortens.
pub fn again(
    policy: &Policy,
    attempts: u32,
    tries: u32,
    since: Timestamp,
    now: Timestamp,
    not_before: Option<Timestamp>,
    jitter: f64,
) -> Again {
    let own = now + delay(policy, tries, jitter);
    let at = not_before.map_or(own, |asked| asked.max(now));
    if attempts >= policy.attempts || at.since(since) > policy.max_age { Again::Never } else { Again::At(at) }
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
            let since = Timestamp(0);
            let now = since + Duration::from_hours(age_h);
            let verdict = again(&policy, attempts, attempts.max(1), since, now, None, jitter);
            if attempts >= policy.attempts || Duration::from_hours(age_h) > policy.max_age {
                prop_assert_eq!(verdict, Again::Never);
            }
            if let Again::At(at) = verdict {
                prop_assert!(at > now && at.since(since) <= policy.max_age);
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
        let verdict = again(&Policy::default(), 0, 1, Timestamp(0), Timestamp(0), Some(asked), 0.5);
        assert_eq!(verdict, Again::At(asked));
    }
}
