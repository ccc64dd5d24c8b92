//! `phone`, `phone("NL")`: telephone numbers as E.164.

use minijinja::value::Kwargs;
use minijinja::{Error, Value};
use phonelib::PhoneNumber;

use super::super::engine::refuse;
use super::{or_nothing, text, without_names};

/// Where a number without a country code is, unless the argument says otherwise.
const DEFAULT_COUNTRY: &str = "BE";
/// E.164 allows 15 digits; this leaves room for `00` and a national prefix.
const MAX_DIGITS: usize = 20;

/// The number as E.164 (`+32470123456`). Numbers with `+` or `00` are international, others belong to `country`
/// (ISO 3166 alpha-2, `BE` if left out). Anything that is not one valid number, letters and extensions too, is refused.
#[expect(clippy::needless_pass_by_value, reason = "the shape MiniJinja calls")]
pub(super) fn phone(value: &Value, country: Option<String>, names: Kwargs) -> Result<Value, Error> {
    without_names(&names, "phone('NL')")?;
    let country = country.as_deref().unwrap_or(DEFAULT_COUNTRY);
    if phonelib::country_by_code(country).is_none() {
        return Err(refuse("the country must be a code of two letters, such as \"NL\""));
    }
    let Some(text) = text(value)? else {
        return Ok(or_nothing(None));
    };
    // The parser sees digits and a leading `+` only: it also knows URIs and letters, which a CRM's column never means.
    digits(&text)
        .map(|digits| with_lost_sign(digits, country))
        .and_then(|digits| PhoneNumber::parse_with_country(&digits, country))
        .map(|number| number.e164().to_owned())
        .map(Value::from)
        .ok_or_else(|| refuse(format!("not a phone number valid in {country} or abroad")))
}

/// Excel drops the `+` of `+31612345678`. For other countries the parser then tries the calling code; for the Netherlands it takes it for an
/// area code, whose numbers never have 11 digits.
fn with_lost_sign(digits: String, country: &str) -> String {
    let is_dutch = country.eq_ignore_ascii_case("NL") && digits.len() == 11 && digits.starts_with("31");
    if is_dutch { format!("+{digits}") } else { digits }
}

/// The digits, with `+` before an international number; `None` if there is anything but digits and usual separators.
fn digits(text: &str) -> Option<String> {
    let (international, rest) = match text.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => text.strip_prefix("00").map_or((false, text), |rest| (true, rest)),
    };
    // `+32 (0)470 …`: the zero in brackets is dialled inside the country only.
    let rest = if international { rest.replacen("(0)", "", 1) } else { rest.to_owned() };
    let mut digits = String::from(if international { "+" } else { "" });
    for c in rest.chars() {
        match c {
            '0'..='9' => digits.push(c),
            '.' | '/' | '-' | '(' | ')' | '\u{2010}'..='\u{2013}' => {}
            _ if c.is_whitespace() => {}
            _ => return None,
        }
    }
    (digits.len() <= MAX_DIGITS).then_some(digits)
}
