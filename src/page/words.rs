//! Numbers, times and durations as people read them.

use std::time::Duration;

use crate::domain::time::Timestamp;

/// With a narrow space between thousands: a comma and a point mean different things in Ghent and in London.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// `2026-01-31 08:00`, UTC.
pub(super) fn minute(at: Timestamp) -> String {
    clipped(&at.to_string(), 16)
}

/// `2026-01-31 08:00:00` of an RFC 3339 time.
pub(super) fn second(rfc3339: &str) -> String {
    clipped(rfc3339, 19)
}

fn clipped(rfc3339: &str, length: usize) -> String {
    rfc3339.chars().take(length).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

/// How far `at` is from `now`: `in 5 min`, `3 h ago`.
pub(super) fn distance(at: Timestamp, now: Timestamp) -> String {
    if at > now { format!("in {}", roughly(at.since(now))) } else { format!("{} ago", roughly(now.since(at))) }
}

/// The largest unit of which there are at least two.
pub(super) fn roughly(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (count, unit) = match seconds {
        0..120 => (seconds, "s"),
        120..7_200 => (seconds / 60, "min"),
        7_200..172_800 => (seconds / 3_600, "h"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{count} {unit}")
}

/// `85 ms`, `1.2 s`.
pub(super) fn milliseconds(ms: u64) -> String {
    if ms < 1_000 { format!("{ms} ms") } else { format!("{}.{} s", ms / 1_000, ms % 1_000 / 100) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_told_apart() {
        for (count, text) in [(0, "0"), (999, "999"), (1_000, "1\u{202f}000"), (12_345_678, "12\u{202f}345\u{202f}678")]
        {
            assert_eq!(number(count), text);
        }
    }

    #[test]
    fn durations_have_the_unit_that_a_person_would_choose() {
        for (seconds, text) in [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (172_800, "2 days")] {
            assert_eq!(roughly(Duration::from_secs(seconds)), text);
        }
        assert_eq!([milliseconds(0), milliseconds(999), milliseconds(1_250)], ["0 ms", "999 ms", "1.2 s"]);
        let now = Timestamp(600_000);
        assert_eq!([distance(Timestamp(0), now), distance(Timestamp(900_000), now)], ["10 min ago", "in 5 min"]);
    }

    #[test]
    fn times_are_as_the_ledger_has_them_without_the_part_nobody_reads() {
        assert_eq!(minute(Timestamp(0)), "1970-01-01 00:00");
        assert_eq!(second("2026-01-31T08:00:01.234Z"), "2026-01-31 08:00:01");
    }
}
