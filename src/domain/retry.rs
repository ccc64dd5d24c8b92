//! When a lead is tried again.

use std::time::Duration;

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
