//! Points in time as the ledger stores them.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z. Displays as RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Reads the header `Date` (RFC 9110 section 6.6.1), which knows whole seconds only.
    pub fn from_http_date(header: &str) -> Option<Self> {
        let since_epoch = httpdate::parse_http_date(header.trim()).ok()?.duration_since(UNIX_EPOCH).ok()?;
        i64::try_from(since_epoch.as_millis()).ok().map(Self)
    }

    /// The time from `earlier` to `self`; zero if `self` is not later (a clock may be set back).
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The time between the two, whichever is later.
    pub fn apart(self, other: Self) -> Duration {
        self.since(other).max(other.since(self))
    }
}

impl From<SystemTime> for Timestamp {
    /// Times before 1970 are 1970.
    fn from(at: SystemTime) -> Self {
        let since_epoch = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(rhs.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, rhs: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(rhs.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// A day in UTC: whole days since 1970-01-01. Displays as `2026-01-31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i64);

impl Day {
    /// The length of a day: UTC as computers count it has no other.
    pub const MILLISECONDS: i64 = 86_400_000;

    /// The day that `at` is in.
    pub fn of(at: Timestamp) -> Self {
        Self(at.0.div_euclid(Self::MILLISECONDS))
    }

    /// Midnight at its beginning.
    pub fn begins(self) -> Timestamp {
        Timestamp(self.0.saturating_mul(Self::MILLISECONDS))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.begins().to_string();
        f.write_str(text.split('T').next().unwrap_or_default())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) => write!(f, "{at:.3}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}
