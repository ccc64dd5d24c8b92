//! JSON text, written straight into the body.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::engine::{finite, is_nothing, refuse, text_of};

/// Appends `text` as the inside of a JSON string (RFC 8259, section 7).
pub(super) fn push_escaped(out: &mut String, text: &str) {
    let mut written = 0;
    for (at, byte) in text.bytes().enumerate() {
        let short = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x00..=0x1f => "",
            _ => continue,
        };
        out.push_str(text.get(written..at).unwrap_or_default());
        if short.is_empty() {
            out.push_str("\\u00");
            out.push(char::from(b'0' + (byte >> 4)));
            out.push(char::from_digit(u32::from(byte & 0xf), 16).unwrap_or('0'));
        } else {
            out.push_str(short);
        }
        written = at + 1;
    }
    out.push_str(text.get(written..).unwrap_or_default());
}

/// Appends `text` as a JSON string.
pub(super) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    push_escaped(out, text);
    out.push('"');
}

/// Appends what a template gave. False: it gave nothing, and nothing was appended.
pub(super) fn push_value(out: &mut String, value: &Value) -> Result<bool, Error> {
    if is_nothing(value) {
        return Ok(false);
    }
    match value.kind() {
        ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
        ValueKind::Number => push_number(out, value)?,
        ValueKind::String => push_string(out, value.as_str().unwrap_or_default()),
        ValueKind::Seq | ValueKind::Iterable => return push_list(out, value),
        ValueKind::Map => return push_map(out, value),
        _ => return Err(refuse("gives a value that JSON does not have")),
    }
    Ok(true)
}

/// Appends what a template gave as text, whatever it is.
pub(super) fn push_as_text(out: &mut String, value: &Value) -> Result<bool, Error> {
    let text = text_of(value)?;
    if text.is_empty() {
        return Ok(false);
    }
    push_string(out, &text);
    Ok(true)
}

fn push_number(out: &mut String, value: &Value) -> Result<(), Error> {
    if value.is_integer() {
        out.push_str(&value.to_string());
        return Ok(());
    }
    finite(value)?;
    let number = f64::try_from(value.clone()).ok().and_then(serde_json::Number::from_f64);
    let number = number.ok_or_else(|| refuse("not a finite number"))?;
    out.push_str(&number.to_string());
    Ok(())
}

fn push_list(out: &mut String, list: &Value) -> Result<bool, Error> {
    let start = out.len();
    out.push('[');
    let mut empty = true;
    for item in list.try_iter()?.checked() {
        let before = out.len();
        if !empty {
            out.push(',');
        }
        if push_value(out, &item?)? {
            empty = false;
        } else {
            out.truncate(before);
        }
    }
    Ok(close(out, start, empty, ']'))
}

fn push_map(out: &mut String, map: &Value) -> Result<bool, Error> {
    let start = out.len();
    out.push('{');
    let mut empty = true;
    for key in map.try_iter()?.checked() {
        let key = key?;
        let before = out.len();
        if !empty {
            out.push(',');
        }
        push_string(out, &text_of(&key)?);
        out.push(':');
        if push_value(out, &map.get_item(&key)?)? {
            empty = false;
        } else {
            out.truncate(before);
        }
    }
    Ok(close(out, start, empty, '}'))
}

/// Ends an object or a list; one that is empty is taken back.
pub(super) fn close(out: &mut String, start: usize, empty: bool, bracket: char) -> bool {
    if empty {
        out.truncate(start);
    } else {
        out.push(bracket);
    }
    !empty
}
