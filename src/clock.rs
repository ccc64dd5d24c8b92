//! The only reader of the clock.

use std::time::{Instant, SystemTime};

use crate::domain::time::Timestamp;

/// The wall clock.
#[expect(clippy::disallowed_methods, reason = "this is the place where the clock is read")]
pub fn now() -> Timestamp {
    SystemTime::now().into()
}

/// The monotonic clock, for durations within the process.
#[expect(clippy::disallowed_methods, reason = "this is the place where the clock is read")]
pub fn instant() -> Instant {
    Instant::now()
}
