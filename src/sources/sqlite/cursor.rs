//! How far a query has been read.

use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::domain::time::{Day, Timestamp};

/// A value of the cursor column. Its text, `integer:5`, `real:0.5` or `text:2026-01-31`, is what the ledger keeps, and reads back as the
/// very same value.
#[derive(Debug, Clone, PartialEq)]
pub enum CursorValue {
    /// A 64-bit integer.
    Integer(i64),
    /// A 64-bit float.
    Real(f64),
    /// Text.
    Text(String),
}

impl CursorValue {
    /// Nothing for NULL, BLOB and text that is not UTF-8: such a row is read in every run and moves no position.
    pub(super) fn of(value: ValueRef<'_>) -> Option<Self> {
        match value {
            ValueRef::Integer(number) => Some(Self::Integer(number)),
            ValueRef::Real(number) => Some(Self::Real(number)),
            ValueRef::Text(text) => std::str::from_utf8(text).ok().map(|text| Self::Text(text.to_owned())),
            ValueRef::Null | ValueRef::Blob(_) => None,
        }
    }

    /// It is a date after `now`, written as ISO 8601, SQLite's own functions (<https://www.sqlite.org/lang_datefunc.html>, section 2) and most
    /// programs do, `2026-11-03` and whatever follows: as a position it would hide the rows that are written until then. Numbers are none:
    /// what they count is not known.
    ///
    /// Compared as text, as SQLite orders it: `9999-12-31`, for never, is beyond any calendar's end. On the day itself a time that can be read
    /// decides; without an offset it is taken for UTC. A value that only seems ahead, as in a zone that is ahead of UTC, is read once more
    /// later, which changes nothing.
    pub fn lies_ahead(&self, now: Timestamp) -> bool {
        let Self::Text(text) = self else { return false };
        let Some(day) = text.get(..DAY.len()).filter(|day| is_like(day, DAY)) else {
            return text.len() == MONTH.len()
                && is_like(text, MONTH)
                && *text.as_str() > now.to_string()[..MONTH.len()];
        };
        let today = Day::of(now).to_string();
        day > today.as_str() && time(text).is_none_or(|at| at > now)
            || day == today.as_str() && time(text).is_some_and(|at| at > now)
    }
}

/// Digits stand for digits.
const DAY: &str = "0000-00-00";

/// A month alone.
const MONTH: &str = "0000-00";

fn is_like(text: &str, form: &str) -> bool {
    let fits = |(byte, form): (u8, u8)| if form == b'0' { byte.is_ascii_digit() } else { byte == form };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(fits)
}

/// The point in time, if the whole text is one that the calendar has.
fn time(text: &str) -> Option<Timestamp> {
    let written = text.parse::<jiff::Timestamp>().ok();
    let utc = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp());
    written.or_else(utc).map(|at| Timestamp(at.as_millisecond()))
}

impl fmt::Display for CursorValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => write!(f, "integer:{number}"),
            Self::Real(number) => write!(f, "real:{number}"),
            Self::Text(text) => write!(f, "text:{text}"),
        }
    }
}

/// The text is none that a [`CursorValue`] displays as.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor position; the ledger was changed by hand or is damaged")]
pub struct NotACursor;

impl FromStr for CursorValue {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        match text.split_once(':') {
            Some(("integer", number)) => number.parse().map(Self::Integer).map_err(|_| NotACursor),
            Some(("real", number)) => number.parse().map(Self::Real).map_err(|_| NotACursor),
            Some(("text", text)) => Ok(Self::Text(text.to_owned())),
            _ => Err(NotACursor),
        }
    }
}

impl ToSql for CursorValue {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Real(number) => ValueRef::Real(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> impl Strategy<Value = CursorValue> {
        prop_oneof![
            any::<i64>().prop_map(CursorValue::Integer),
            any::<f64>().prop_filter("SQLite has no NaN", |number| !number.is_nan()).prop_map(CursorValue::Real),
            any::<String>().prop_map(CursorValue::Text),
        ]
    }

    proptest! {
        #[test]
        fn a_position_survives_the_ledger(value in values()) {
            prop_assert_eq!(value.to_string().parse(), Ok(value));
        }
    }

    #[test]
    fn a_text_lies_ahead_if_it_is_a_date_after_now() {
        let now = Timestamp(1_767_225_600_000);
        let cases = [
            ("2025-12-31", false),
            ("2026-01-01", false),
            ("2026-01-02", true),
            ("2026-01-01 00:00:01", true),
            ("2026-01-01T00:30:00+01:00", false),
            ("2026-01-01T00:30:00Z", true),
            ("2099-12-31 23:59:59.999", true),
            ("9999-12-31", true),
            ("9999-12-31 23:59:59", true),
            ("2099-12-31 24:00:00", true),
            ("2099-12-31 10:00:00 +0200", true),
            ("2099-12-31 10:00:00.0123456789", true),
            ("2099-12", true),
            ("2025-12", false),
            ("2026-01-01 10:00:00 +0200", false),
            ("31/12/2099", false),
            ("2099", false),
            ("v20260102", false),
        ];
        for (text, ahead) in cases {
            assert_eq!(CursorValue::Text(text.to_owned()).lies_ahead(now), ahead, "{text}");
        }
        assert!(!CursorValue::Integer(4_070_908_800).lies_ahead(now), "a number counts what it likes");
    }

    #[test]
    fn other_text_is_no_position() {
        for text in ["", "5", "integer:x", "real:", "date:1"] {
            assert_eq!(text.parse::<CursorValue>(), Err(NotACursor), "{text}");
        }
    }
}
