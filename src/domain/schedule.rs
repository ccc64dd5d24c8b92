//! When a sync is due: a cron expression with seconds in a time zone.
//!
//! Where clocks are put forward or back (Vixie cron's rule, <https://github.com/open-source-cron/ocps>):
//! - An expression that names hours (`0 30 2 * * *`) is a *fixed time* and holds once a day. One in the hour that is skipped holds right
//!   after the gap; in an hour that comes twice only the first one counts.
//! - With `*` or `*/n` as the hour it is an *interval*: it never pauses in an hour that comes twice, and what lies in the hour that is
//!   skipped never was. One of minutes or of every hour so goes by elapsed time; with `*/n` the hours are still those of the clock, so that
//!   two of them can be an hour nearer or farther on these days.

use std::fmt;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Zoned;
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::time::Timestamp;

/// Fields of an expression: second, minute, hour, day of the month, month, day of the week.
const FIELDS: usize = 6;

/// Place of the hour among them.
const HOUR: usize = 2;

/// Any time: an expression that never holds after it, holds never. Searching ends in the year 5000.
const LONG_AGO: Timestamp = Timestamp(0);

/// The times of a sync. Displays as `EXPRESSION (ZONE)`.
#[derive(Clone, PartialEq, Eq)]
pub struct Times {
    cron: Cron,
    text: String,
    zone: TimeZone,
    is_interval: bool,
}

/// Why an expression gives no times.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// Not six fields of cron's characters.
    #[error("not six fields")]
    Form,
    /// A field says what it cannot.
    #[error("{0}")]
    Field(String),
    /// Well formed, but no day is like that (30 February).
    #[error("no such day ever comes")]
    Never,
}

impl Times {
    /// Reads an expression whose times are those of clocks in `zone`.
    pub fn new(text: &str, zone: TimeZone) -> Result<Self, Wrong> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"*,-/?#".contains(&byte);
        if fields.len() != FIELDS || !fields.iter().all(|field| field.bytes().all(plain)) {
            return Err(Wrong::Form);
        }
        let parser = CronParser::builder().seconds(Seconds::Required).year(Year::Disallowed).build();
        let text = fields.join(" ");
        let cron = parser.parse(&text).map_err(|error| Wrong::Field(error.to_string()))?;
        let is_interval = fields.get(HOUR).is_some_and(|hour| hour.starts_with(['*', '?']));
        let times = Self { cron, text, zone, is_interval };
        if times.after(LONG_AGO).is_some() { Ok(times) } else { Err(Wrong::Never) }
    }

    /// The first time after `now`; `None` if there is none before the year 5000.
    pub fn after(&self, now: Timestamp) -> Option<Timestamp> {
        let from = jiff::Timestamp::from_millisecond(now.0).ok()?.to_zoned(self.zone.clone());
        let mut next = self.cron.find_next_occurrence(&from, false).ok()?;
        if !self.is_interval {
            if let Some(skipped) = self.skipped(&from, &next) {
                return Some(skipped);
            }
            while self.is_second(&next) {
                next = self.cron.find_next_occurrence(&next, false).ok()?;
            }
        }
        Some(Timestamp(next.timestamp().as_millisecond()))
    }

    /// The end of the first gap after `from` and before `next` that swallows one of the times.
    fn skipped(&self, from: &Zoned, next: &Zoned) -> Option<Timestamp> {
        let gaps = self.zone.following(from.timestamp());
        for change in gaps.take_while(|change| change.timestamp() < next.timestamp()) {
            let end = change.timestamp();
            let before = self.zone.to_offset(end.checked_sub(jiff::Span::new().seconds(1)).ok()?);
            let gap = i64::from(change.offset().seconds()) - i64::from(before.seconds());
            // The clocks as they would have gone on without the change.
            let unchanged = end.to_zoned(TimeZone::fixed(before));
            let would = self.cron.find_next_occurrence(&unchanged, true).ok();
            if gap > 0 && would.is_some_and(|would| would.timestamp().as_second() < end.as_second() + gap) {
                return Some(Timestamp(end.as_millisecond()));
            }
        }
        None
    }

    /// True for a time on clocks that show it for the second time.
    fn is_second(&self, time: &Zoned) -> bool {
        match self.zone.to_ambiguous_timestamp(time.datetime()).offset() {
            AmbiguousOffset::Fold { before, .. } => time.offset() != before,
            _ => false,
        }
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text, self.zone.iana_name().unwrap_or("UTC"))
    }
}

impl fmt::Debug for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Times({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The times of a day in Brussels from `from` to `to`, as the clocks there show them.
    fn on(expression: &str, from: &str, to: &str) -> Vec<String> {
        let zone = TimeZone::get("Europe/Brussels").unwrap();
        let times = Times::new(expression, zone.clone()).unwrap();
        let at = |text: &str| {
            Timestamp(format!("{text}[Europe/Brussels]").parse::<Zoned>().unwrap().timestamp().as_millisecond())
        };
        let end = at(to);
        let mut found = Vec::new();
        // From just before, so that `from` itself counts.
        let mut now = Timestamp(at(from).0 - 1);
        while let Some(next) = times.after(now).filter(|next| *next < end) {
            let shown = jiff::Timestamp::from_millisecond(next.0).unwrap().to_zoned(zone.clone());
            found.push(shown.strftime("%H:%M:%S%:z").to_string());
            now = next;
        }
        found
    }

    /// Clocks go from 02:00 +01:00 to 03:00 +02:00.
    fn in_spring(expression: &str) -> Vec<String> {
        on(expression, "2026-03-29T00:00", "2026-03-29T06:00")
    }

    /// Clocks go from 03:00 +02:00 to 02:00 +01:00.
    fn in_autumn(expression: &str) -> Vec<String> {
        on(expression, "2026-10-25T00:00", "2026-10-25T06:00")
    }

    #[test]
    fn a_fixed_time_in_the_hour_that_is_skipped_holds_once_right_after_it() {
        for skipped in ["0 0 2 * * *", "0 30 2 * * *", "59 59 2 * * *", "0 */15 2 * * *"] {
            assert_eq!(in_spring(skipped), ["03:00:00+02:00"], "{skipped}");
        }
        assert_eq!(in_spring("0 30 1 * * *"), ["01:30:00+01:00"]);
        assert_eq!(in_spring("0 0 3 * * *"), ["03:00:00+02:00"]);
        assert_eq!(in_spring("0 0 2,3 * * *"), ["03:00:00+02:00"], "two times at once are one");
        assert_eq!(in_spring("0 30 1-3 * * *"), ["01:30:00+01:00", "03:00:00+02:00", "03:30:00+02:00"]);
        assert_eq!(in_spring("0 30 2 * * MON"), [""; 0], "another day's");
    }

    #[test]
    fn a_fixed_time_in_the_hour_that_comes_twice_holds_the_first_time_only() {
        assert_eq!(in_autumn("0 30 2 * * *"), ["02:30:00+02:00"]);
        assert_eq!(in_autumn("0 0 2 * * *"), ["02:00:00+02:00"]);
        assert_eq!(in_autumn("0 0 3 * * *"), ["03:00:00+01:00"]);
        assert_eq!(in_autumn("0 */30 2 * * *"), ["02:00:00+02:00", "02:30:00+02:00"]);
        assert_eq!(in_autumn("0 30 1-3 * * *"), ["01:30:00+02:00", "02:30:00+02:00", "03:30:00+01:00"]);
    }

    #[test]
    fn an_interval_goes_by_elapsed_time_on_both_days() {
        let quarters = in_spring("0 */15 * * * *");
        assert_eq!(quarters.len(), 5 * 4, "{quarters:?}");
        assert_eq!(quarters[7..9], ["01:45:00+01:00", "03:00:00+02:00"]);
        let quarters = in_autumn("0 */15 * * * *");
        assert_eq!(quarters.len(), 7 * 4, "{quarters:?}");
        assert_eq!(quarters[11..13], ["02:45:00+02:00", "02:00:00+01:00"]);
        assert_eq!(in_spring("0 30 * * * *").len(), 5);
        assert_eq!(in_autumn("0 30 * * * *").len(), 7);
        assert_eq!(on("* * * * * *", "2026-10-25T02:59:58+02:00", "2026-10-25T02:00:02+01:00").len(), 4);
    }

    #[test]
    fn every_other_hour_is_an_hour_nearer_or_farther_on_these_days() {
        assert_eq!(in_spring("0 0 */2 * * *"), ["00:00:00+01:00", "04:00:00+02:00"]);
        let autumn = ["00:00:00+02:00", "02:00:00+02:00", "02:00:00+01:00", "04:00:00+01:00"];
        assert_eq!(in_autumn("0 0 */2 * * *"), autumn);
    }

    #[test]
    fn what_is_no_expression_says_why() {
        let wrong = |text: &str| Times::new(text, TimeZone::UTC).unwrap_err();
        for form in ["", "*/15 * * * *", "0 0 0 * * * 2027", "@daily", "0 0 0 * * MO\u{dc}"] {
            assert_eq!(wrong(form), Wrong::Form, "{form}");
        }
        for field in ["60 * * * * *", "0 0 24 * * *", "0 */0 * * * *", "0 5-1-2 * * * *", "0 0 0 * * XYZ"] {
            assert!(matches!(wrong(field), Wrong::Field(_)), "{field}: {:?}", wrong(field));
        }
        assert_eq!(wrong("0 0 0 30 FEB *"), Wrong::Never);
        assert!(Times::new("0 0 0 29 FEB *", TimeZone::UTC).is_ok(), "that day comes");
    }

    proptest! {
        /// A day has 23 to 25 hours: a fixed time is never left out and never comes twice.
        #[test]
        fn a_fixed_time_holds_once_on_every_day(hour in 0..24u32, minute in 0..60u32, day in 0..365i64) {
            let zone = TimeZone::get("Europe/Brussels").unwrap();
            let times = Times::new(&format!("0 {minute} {hour} * * *"), zone.clone()).unwrap();
            let midnight = jiff::civil::date(2026, 1, 1).to_zoned(zone).unwrap();
            let start = midnight.checked_add(jiff::Span::new().days(day)).unwrap();
            let end = start.checked_add(jiff::Span::new().days(1)).unwrap();
            let first = times.after(Timestamp(start.timestamp().as_millisecond() - 1)).unwrap();
            let second = times.after(first).unwrap();
            prop_assert!(first.0 < end.timestamp().as_millisecond());
            prop_assert!(second.0 >= end.timestamp().as_millisecond());
        }
    }
}
