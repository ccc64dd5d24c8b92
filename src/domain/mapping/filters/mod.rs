//! The filters that CRM data needs, beside MiniJinja's own.
//!
//! Each passes nothing (NULL, undefined, the empty text) through as nothing. A value that a filter cannot make sense of
//! rejects the row; it is never passed on as it is, and never guessed at.

mod cell;
mod date;
mod decimal;
mod email;
mod phone;
mod title;

use minijinja::value::{Kwargs, Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value, filters as builtin};

pub(super) use cell::{NUMBER, TRUTH};

use super::engine::{is_nothing, refuse, text_of};

/// Our filters: their arguments must be literals, and are checked when the mapping is compiled.
pub(super) const OURS: [&str; 6] = ["date", "decimal", "email", "phone", "split", "title"];

/// Adds our filters and replaces those of MiniJinja that do not pass nothing through.
pub(super) fn install(env: &mut Environment<'_>) {
    env.add_filter(NUMBER, cell::number);
    env.add_filter(TRUTH, cell::truth);
    env.add_filter("date", date::date);
    env.add_filter("decimal", decimal::decimal);
    env.add_filter("email", email::email);
    env.add_filter("phone", phone::phone);
    env.add_filter("split", split);
    env.add_filter("title", title::title);
    env.add_filter("default", default);
    env.add_filter("d", default);
    env.add_test("none", |value: &Value| is_nothing(value));
    for (name, filter) in [
        ("abs", Value::from_function(builtin::abs)),
        ("first", Value::from_function(builtin::first)),
        ("float", Value::from_function(builtin::float)),
        ("int", Value::from_function(builtin::int)),
        ("last", Value::from_function(builtin::last)),
        ("reverse", Value::from_function(builtin::reverse)),
        ("round", Value::from_function(builtin::round)),
    ] {
        env.add_filter(name, move |state: &mut State<'_, '_>, value: Value, args: Rest<ValueOrKwargs>| {
            unless_nothing(&filter, state, value, args)
        });
    }
}

fn unless_nothing(
    filter: &Value,
    state: &mut State<'_, '_>,
    value: Value,
    args: Rest<ValueOrKwargs>,
) -> Result<Value, Error> {
    if is_nothing(&value) {
        return Ok(Value::UNDEFINED);
    }
    let mut all = vec![value];
    all.extend(args.into_values());
    filter.call(state, &all)
}

/// `default(fallback)`: the fallback in place of nothing. Jinja's second argument is taken and needless.
fn default(value: &Value, fallback: Option<Value>, _also_empty: Option<bool>) -> Value {
    if is_nothing(value) { fallback.unwrap_or_else(|| Value::from("")) } else { value.clone() }
}

/// `split(separator, splits)`: the trimmed parts that are not empty, as a list. Without a separator the words, as of MiniJinja's own; at most so
/// many splits, from the left.
#[expect(clippy::needless_pass_by_value, reason = "the shape MiniJinja calls")]
fn split(value: &Value, separator: Option<String>, splits: Option<i64>, names: Kwargs) -> Result<Value, Error> {
    without_names(&names, "split(';') or split(' ', 1)")?;
    let text = text(value)?.unwrap_or_default();
    let most =
        splits.and_then(|splits| usize::try_from(splits).ok()).map_or(usize::MAX, |splits| splits.saturating_add(1));
    let parts: Vec<&str> = match separator.as_deref() {
        Some("") => return Err(refuse("the separator is empty")),
        Some(separator) => text.splitn(most, separator).collect(),
        None => text.splitn(most, char::is_whitespace).collect(),
    };
    Ok(parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).map(Value::from).collect())
}

/// Refuses arguments that are given by a name; `written` is how the filter takes them.
fn without_names(names: &Kwargs, written: &str) -> Result<(), Error> {
    match names.args().next() {
        Some(name) => Err(refuse(format!("its arguments have no names: leave {name}= out, as in {written}"))),
        None => Ok(()),
    }
}

/// The trimmed text of a value, `None` for nothing or blanks.
fn text(value: &Value) -> Result<Option<String>, Error> {
    if matches!(value.kind(), ValueKind::Bool) {
        return Err(refuse("not a text"));
    }
    let text = text_of(value)?;
    let trimmed = text.trim();
    Ok((!trimmed.is_empty()).then(|| trimmed.to_owned()))
}

/// The text, or nothing.
fn or_nothing(text: Option<String>) -> Value {
    Value::from(text.unwrap_or_default())
}

#[cfg(test)]
mod tests;
