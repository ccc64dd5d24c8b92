//! How long requests took: a histogram with a bounded error, small enough to be kept for each run.

use std::collections::BTreeMap;

/// Bits of a duration that are kept: the bound of a bucket is less than 1/8 (2^-3) above any duration in it. Up to a request's longest
/// (an hour) that is 8 buckets for each doubling, 160 at most.
const KEPT_BITS: u32 = 3;

/// Durations in milliseconds, by the upper bound of their bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Latency(BTreeMap<u64, u64>);

impl Latency {
    /// Counts one request.
    pub fn record(&mut self, took_ms: u64) {
        self.add(upper(took_ms), 1);
    }

    /// Counts `requests` in the bucket with this upper bound, as [`Latency::buckets`] gave it.
    pub fn add(&mut self, upper_ms: u64, requests: u64) {
        *self.0.entry(upper_ms).or_default() += requests;
    }

    /// The upper bounds in milliseconds and the requests, shortest first.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter().map(|(upper, requests)| (*upper, *requests))
    }

    /// All requests.
    pub fn requests(&self) -> u64 {
        self.0.values().sum()
    }

    /// The time in milliseconds within which `percent` of 100 requests were answered, at most an eighth too long; `None` without requests.
    pub fn percentile(&self, percent: u64) -> Option<u64> {
        let rank = (self.requests() * percent).div_ceil(100).max(1);
        let mut seen = 0;
        self.buckets().find_map(|(upper, requests)| {
            seen += requests;
            (seen >= rank).then_some(upper)
        })
    }
}

/// The longest duration that shares a bucket with this one: its low bits set.
fn upper(took_ms: u64) -> u64 {
    let low_bits = (u64::BITS - took_ms.leading_zeros()).saturating_sub(KEPT_BITS + 1);
    took_ms | ((1 << low_bits) - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(took: &[u64]) -> Latency {
        let mut latency = Latency::default();
        for ms in took {
            latency.record(*ms);
        }
        latency
    }

    #[test]
    fn without_requests_there_is_no_median() {
        assert_eq!(Latency::default().percentile(50), None);
    }

    #[test]
    fn short_durations_are_exact() {
        for ms in 0..16 {
            assert_eq!(upper(ms), ms);
        }
        assert_eq!([upper(16), upper(17), upper(18), upper(1000), upper(30_000)], [17, 17, 19, 1023, 30_719]);
    }

    #[test]
    fn one_slow_request_in_twenty_one_is_above_the_median_and_within_the_last_percent() {
        let latency = of(&[[10; 20].as_slice(), &[5_000]].concat());
        assert_eq!(
            (latency.percentile(50), latency.percentile(95), latency.percentile(100)),
            (Some(10), Some(10), Some(5_119))
        );
    }

    proptest! {
        #[test]
        fn a_percentile_is_at_most_an_eighth_above_the_true_one(
            mut took in proptest::collection::vec(0_u64..4_000_000, 1..200), percent in 1_u64..=100
        ) {
            let latency = of(&took);
            took.sort_unstable();
            let rank = usize::try_from((took.len() as u64 * percent).div_ceil(100)).unwrap();
            let truth = took[rank - 1];
            let told = latency.percentile(percent).unwrap();
            prop_assert!(truth <= told && told <= truth + truth / 8, "{truth} is told as {told}");
        }
    }
}
