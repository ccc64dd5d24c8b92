//! `date("%d/%m/%Y")`: dates as ISO 8601 `YYYY-MM-DD`.

use jiff::civil::Date;
use jiff::fmt::strtime::{self, BrokenDownTime};
use minijinja::value::{Kwargs, Rest};
use minijinja::{Error, ErrorKind, Value};

use super::super::engine::refuse;
use super::{or_nothing, text};

/// A year before this is a year with too few digits, or a CRM's zero date.
const FIRST_YEAR: i16 = 1000;
/// Years to a century.
const CENTURY: i16 = 100;
/// Tells at compile time whether a format can hold a date: what it writes must read back the same.
const SAMPLE: jiff::civil::DateTime = jiff::civil::datetime(2001, 2, 3, 4, 5, 6, 0);

/// The date in the first of the formats (of `strftime`, as jiff knows them) that fits the whole text; times are dropped.
///
/// `%y` means 1969-2068, as in POSIX (`strptime`); with `earliest=1930` it means the hundred years from 1930 on,
/// which suits dates of birth.
#[expect(clippy::needless_pass_by_value, reason = "the shape MiniJinja calls")]
pub(super) fn date(value: &Value, formats: Rest<String>, options: Kwargs) -> Result<Value, Error> {
    let earliest: Option<i16> = options.get("earliest")?;
    options.assert_all_used()?;
    if formats.is_empty() {
        return Err(Error::new(ErrorKind::MissingArgument, "a format such as \"%d/%m/%Y\""));
    }
    let Some(text) = text(value)? else {
        formats.iter().try_for_each(|format| check(format))?;
        return Ok(or_nothing(None));
    };
    let parsed = formats.iter().find_map(|format| parse(format, &text, earliest));
    parsed
        .map(|date| Value::from(date.to_string()))
        .ok_or_else(|| refuse(format!("not a date in format {}", formats.join(" or "))))
}

/// Refuses a format that jiff does not know or that leaves the date open. Costs are paid for empty cells only, and once
/// at compile time.
fn check(format: &str) -> Result<(), Error> {
    let sample = SAMPLE.in_tz("UTC").map_err(|_| refuse("no time zone UTC"))?;
    let written = strtime::format(format, &sample);
    match written.ok().and_then(|text| parse(format, &text, None)) {
        Some(date) if date == SAMPLE.date() => Ok(()),
        _ => Err(refuse(format!("format {format} does not hold a whole date (day, month and year, such as %d/%m/%Y)"))),
    }
}

fn parse(format: &str, text: &str, earliest: Option<i16>) -> Option<Date> {
    let date = BrokenDownTime::parse(format, text).ok()?.to_date().ok()?;
    let date = match earliest {
        Some(earliest) if format.contains("%y") => {
            let year = earliest.checked_add((date.year() - earliest).rem_euclid(CENTURY))?;
            date.with().year(year).build().ok()?
        }
        _ => date,
    };
    (date.year() >= FIRST_YEAR).then_some(date)
}
