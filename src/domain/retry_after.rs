//! `Retry-After` (RFC 9110 section 10.2.3): seconds or an HTTP date.

use std::time::{Duration, UNIX_EPOCH};

use super::time::Timestamp;

/// A longer wait is cut to this, and said: a server that asks for more is misconfigured, and leads would go cold.
pub const LONGEST: Duration = Duration::from_hours(24);

/// What is said of a wait that was cut.
pub const CUT: &str = "asked for more than a day; a day it is";

/// What a server asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The wait from the arrival of the answer on, at most [`LONGEST`].
    pub wait: Duration,
    /// It asked for more than [`LONGEST`].
    pub cut: bool,
}

/// Reads the header. A date is taken relative to the answer's `Date` header (RFC 9110 section 6.6.1), so that a wrong clock on
/// either side does not matter; without one, relative to `now`. A date in the past is no wait; anything unreadable, negative
/// numbers included, is `None`.
pub fn parse(header: &str, date: Option<&str>, now: Timestamp) -> Option<Asked> {
    let header = header.trim();
    let wait = if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits that do not fit are a huge number of seconds, not garbage.
        Duration::from_secs(header.parse().unwrap_or(u64::MAX))
    } else {
        let until = httpdate::parse_http_date(header).ok()?;
        let here = UNIX_EPOCH + Duration::from_millis(u64::try_from(now.0).unwrap_or(0));
        let from = date.and_then(|date| httpdate::parse_http_date(date.trim()).ok()).unwrap_or(here);
        until.duration_since(from).unwrap_or_default()
    };
    Some(Asked { wait: wait.min(LONGEST), cut: wait > LONGEST })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1994-11-06T08:49:37Z, the date of RFC 9110's examples.
    const NOW: Timestamp = Timestamp(784_111_777_000);

    fn seconds(header: &str, date: Option<&str>) -> Option<u64> {
        parse(header, date, NOW).map(|asked| asked.wait.as_secs())
    }

    #[test]
    fn seconds_and_all_three_date_forms_are_read() {
        assert_eq!(seconds("0", None), Some(0));
        assert_eq!(seconds(" 120 ", None), Some(120));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:50:37 GMT", None), Some(60));
        assert_eq!(seconds("Sunday, 06-Nov-94 08:50:37 GMT", None), Some(60));
        assert_eq!(seconds("Sun Nov  6 08:50:37 1994", None), Some(60));
    }

    #[test]
    fn a_date_is_read_against_the_servers_own_clock() {
        assert_eq!(seconds("Sun, 06 Nov 1994 09:49:37 GMT", Some("Sun, 06 Nov 1994 09:49:07 GMT")), Some(30));
    }

    #[test]
    fn a_past_date_is_no_wait_and_garbage_is_ignored() {
        assert_eq!(seconds("Sun, 06 Nov 1994 08:00:00 GMT", None), Some(0));
        for garbage in ["", "-5", "1.5", "soon", "5 s", "Sun, 99 Nov 1994 08:00:00 GMT"] {
            assert_eq!(seconds(garbage, None), None, "{garbage:?}");
        }
    }

    #[test]
    fn more_than_a_day_is_cut_to_a_day_and_said() {
        assert_eq!(parse("86400", None, NOW), Some(Asked { wait: LONGEST, cut: false }));
        assert_eq!(parse("86401", None, NOW), Some(Asked { wait: LONGEST, cut: true }));
        assert_eq!(parse("99999999999999999999999", None, NOW), Some(Asked { wait: LONGEST, cut: true }));
    }
}
