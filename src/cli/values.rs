//! Values of options: parsed, or refused with what is expected.

use std::str::FromStr;
use std::time::Duration;

use crate::clock;
use crate::domain::delivery::{State, UnknownState};
use crate::domain::record::trimmed_key;
use crate::domain::time::Timestamp;
use crate::ledger::RETRIED;

/// A key as a person gives it. An argument for one key allows a leading hyphen: what is no option is a key. One for
/// several cannot: every option after the first key would be a key, too.
pub(super) fn key(text: &str) -> Result<String, String> {
    match trimmed_key(text) {
        "" => Err("no key is empty".to_owned()),
        key => Ok(key.to_owned()),
    }
}

/// A whole number.
pub(super) fn whole<N: FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| "write a whole number, e.g. 100".to_owned())
}

/// A number that is not 0.
pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "write a number of at least 1".to_owned())
}

/// A state of a lead.
pub(super) fn state(text: &str) -> Result<State, String> {
    text.parse().map_err(|error: UnknownState| error.to_string())
}

/// A state that a retry may begin in.
pub(super) fn retried(text: &str) -> Result<State, String> {
    match state(text)? {
        State::Held => Err("a held lead may have arrived: lead-sync resolve settles it".to_owned()),
        state if RETRIED.contains(&state) => Ok(state),
        _ => Err("write rejected, failed or waiting: the others are delivered, or sent anyway".to_owned()),
    }
}

/// A point in time, or how long ago.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(ago) = crate::config::parse_duration(text) {
        return Ok(clock::now() - ago);
    }
    let at = text.parse::<jiff::Timestamp>().ok();
    let day = || text.parse::<jiff::civil::Date>().ok().and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC).ok());
    at.or_else(|| day().map(|day| day.timestamp()))
        .map(|at| Timestamp(at.as_millisecond()))
        .ok_or_else(|| "write a day (2026-01-31), a time (2026-01-31T08:00:00Z), or how long ago (90m, 7d)".to_owned())
}

/// A length of time: `ms`, `s`, `m`, `h`, `d`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    crate::config::parse_duration(text)
}
