//! The rate limit of a connection: GCRA by `governor`, and the ledger's memory of the last request, so that a restart brings no second burst.

use std::num::NonZeroU32;
use std::sync::Arc;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use super::settings::Rate;
use crate::domain::time::Timestamp;

/// Lets requests through at the configured rate.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    limiter: Option<Arc<DefaultDirectRateLimiter>>,
    clock: DefaultClock,
}

impl Pace {
    /// `last` is when the last request was about to be sent, by another process perhaps: whatever was let through until then counts.
    pub(super) fn new(rate: Option<Rate>, last: Option<Timestamp>, now: Timestamp) -> Self {
        let limiter = rate.and_then(|rate| {
            let period = rate.per / rate.count.get();
            let quota = Quota::with_period(period)?.allow_burst(rate.burst);
            let limiter = RateLimiter::direct(quota);
            // At the last request the bucket was empty at worst; since then it has gained one cell in each period.
            let gained = last.map_or(u128::MAX, |last| now.since(last).as_nanos() / period.as_nanos().max(1));
            let missing = u128::from(rate.burst.get()).saturating_sub(gained);
            if let Some(missing) = u32::try_from(missing).ok().and_then(NonZeroU32::new) {
                // Cannot fail: never more than the burst.
                let _ = limiter.check_n(missing);
            }
            Some(Arc::new(limiter))
        });
        Self { limiter, clock: DefaultClock::default() }
    }

    /// Takes up to `most` permits that are to be had now. With none, the wait until the next one is given.
    pub(super) fn take(&self, most: usize) -> Result<usize, std::time::Duration> {
        let Some(limiter) = &self.limiter else { return Ok(most) };
        let mut taken = 0;
        while taken < most {
            match limiter.check() {
                Ok(()) => taken += 1,
                Err(_) if taken > 0 => break,
                Err(until) => return Err(until.wait_time_from(self.clock.now())),
            }
        }
        Ok(taken)
    }
}
