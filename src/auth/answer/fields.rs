//! The fields of an answer, read leniently: what is not as it should be says nothing.

use std::time::Duration;

use oauth2::AccessToken;
use serde::de::DeserializeOwned;
use serde::{Deserialize as _, Deserializer};
use serde_json::Value;

use super::Scheme;

/// In seconds: 2001. What is less is no point in time, but perhaps a lifetime.
const EARLIEST_END: u64 = 1_000_000_000;
/// In milliseconds: 1973; as seconds it would be the year 5138.
const EARLIEST_END_MS: u64 = 100_000_000_000;

/// A text. One that is empty says nothing: as a refresh token it would take the place of one that works.
pub(super) fn text<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let says_something = value.as_str().is_some_and(|text| !text.trim().is_empty());
    Ok(Some(value).filter(|_| says_something).and_then(|value| serde_json::from_value(value).ok()))
}

/// Empty, if there is none.
pub(super) fn access_token<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AccessToken, D::Error> {
    text(deserializer).map(|token| token.unwrap_or_else(super::no_token))
}

pub(super) fn scheme<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Scheme, D::Error> {
    text(deserializer).map(Option::unwrap_or_default)
}

/// Words in one text (RFC 6749 section 3.3), or a list of them.
pub(super) fn scopes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let texts: Option<Vec<&str>> = match &value {
        Value::Array(items) => items.iter().map(Value::as_str).collect(),
        other => other.as_str().map(|text| vec![text]),
    };
    let scopes =
        texts.map(|texts| texts.into_iter().flat_map(str::split_ascii_whitespace).map(str::to_owned).collect());
    // An answer that names none says nothing: RFC 6749 has one at least.
    Ok(scopes.filter(|scopes: &Vec<String>| !scopes.is_empty()))
}

pub(super) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(number(&Value::deserialize(deserializer)?))
}

/// RFC 3339, or Unix time in seconds, or in milliseconds where seconds would be thousands of years.
pub(super) fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let written = value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let counted = number(&value).filter(|count| *count >= EARLIEST_END).map(|count| {
        let milliseconds = if count < EARLIEST_END_MS { count * 1_000 } else { count };
        i64::try_from(milliseconds).unwrap_or(i64::MAX)
    });
    Ok(written.map(jiff::Timestamp::as_millisecond).or(counted))
}

/// A number, or a number as text; zero, null and anything else say nothing (Keycloak: zero means that it does not end).
fn number(value: &Value) -> Option<u64> {
    let number = match value {
        Value::String(text) => text.trim().parse::<f64>().ok(),
        other => other.as_f64(),
    };
    number
        .filter(|seconds| seconds.is_finite() && *seconds >= 1.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .map(|lifetime| lifetime.as_secs())
}
