//! `decimal`: numbers as people write them.

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, Value};

use super::super::engine::{finite, is_nothing, refuse};
use super::{text, without_names};

/// Digits that a JSON number keeps whatever reads it (IEEE 754 double, `DBL_DIG`).
const MAX_DIGITS: usize = 15;
/// Digits between two thousands separators.
const GROUP: usize = 3;

/// A number from text such as `1.234,56`, `1,234.56`, `1 234,56` (also with a no-break space) or `1'234.56`.
///
/// The decimal sign is comma or dot. Of two different signs the last one is the decimal sign; a sign that comes twice
/// separates thousands. `1.234` alone may be either and is refused unless the argument, `decimal(",")` or
/// `decimal(".")`, names the decimal sign. A whole number becomes an integer. Numbers pass as they are.
#[expect(clippy::needless_pass_by_value, reason = "the shape MiniJinja calls")]
pub(super) fn decimal(value: &Value, sign: Option<String>, names: Kwargs) -> Result<Value, Error> {
    without_names(&names, "decimal(',')")?;
    let sign = match sign.as_deref() {
        None => None,
        Some(",") => Some(','),
        Some(".") => Some('.'),
        Some(_) => return Err(refuse("the decimal sign must be \",\" or \".\"")),
    };
    if is_nothing(value) {
        return Ok(Value::UNDEFINED);
    }
    if value.kind() == ValueKind::Number {
        finite(value)?;
        return Ok(value.clone());
    }
    match text(value)? {
        None => Ok(Value::UNDEFINED),
        Some(text) => number(&text, sign),
    }
}

fn number(text: &str, sign: Option<char>) -> Result<Value, Error> {
    let (minus, digits) = match text.strip_prefix(['-', '\u{2212}']) {
        Some(rest) => ("-", rest.trim_start()),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let sign = match sign {
        Some(sign) => Some(sign),
        None => decimal_sign(digits)?,
    };
    let (whole, fraction) = match sign.and_then(|sign| digits.rsplit_once(sign)) {
        Some((whole, fraction)) => (whole, fraction),
        None => (digits, ""),
    };
    let malformed = || refuse("not a number");
    let whole = ungroup(whole).ok_or_else(malformed)?;
    let fraction_is_missing = fraction.is_empty() && digits.ends_with([',', '.']);
    if fraction_is_missing || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return Err(malformed());
    }
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    if whole.len() + fraction.len() > MAX_DIGITS {
        return Err(refuse(format!("a number of more than {MAX_DIGITS} digits")));
    }
    if fraction.is_empty() {
        return format!("{minus}0{whole}").parse::<i64>().map(Value::from).map_err(|_| malformed());
    }
    format!("{minus}0{whole}.{fraction}").parse::<f64>().map(Value::from).map_err(|_| malformed())
}

/// The decimal sign of a number whose sign was not given; `None` if it has none.
fn decimal_sign(digits: &str) -> Result<Option<char>, Error> {
    let mut signs = digits.chars().filter(|c| matches!(c, ',' | '.'));
    let Some(first) = signs.next() else {
        return Ok(None);
    };
    match signs.next_back() {
        Some(last) if last == first => Ok(None),
        Some(last) => Ok(Some(last)),
        None if may_be_thousands(digits, first) => {
            Err(refuse("may mean a fraction or thousands; name the decimal sign: decimal(\",\") or decimal(\".\")"))
        }
        None => Ok(Some(first)),
    }
}

/// `1.234`, but not `0.234`, `1234.567` or `1 234.567`.
fn may_be_thousands(digits: &str, sign: char) -> bool {
    digits.split_once(sign).is_some_and(|(whole, rest)| {
        rest.len() == GROUP
            && (1..=GROUP).contains(&whole.len())
            && !whole.starts_with('0')
            && whole.bytes().all(|b| b.is_ascii_digit())
    })
}

/// The digits of a whole number, whose thousands may be separated by one and the same sign. No thousands follow a leading zero: `0.125` read
/// with a decimal comma is a fraction with the wrong sign, and not 125.
fn ungroup(whole: &str) -> Option<String> {
    let is_separator = |c: char| matches!(c, ',' | '.' | '\'' | '\u{2019}') || c.is_whitespace();
    let digits: String = match whole.chars().find(|c| is_separator(*c)) {
        None => whole.to_owned(),
        Some(separator) => {
            let groups: Vec<&str> = whole.split(separator).collect();
            let (first, rest) = groups.split_first()?;
            let grouped = (1..=GROUP).contains(&first.len())
                && !first.starts_with('0')
                && rest.iter().all(|group| group.len() == GROUP);
            grouped.then(|| groups.concat())?
        }
    };
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
}
