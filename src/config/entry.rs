//! One value of the configuration, taken as the type that its key asks for.

use std::num::NonZeroU32;

use config::{Map, Value, ValueKind};

use super::tree;

/// What a key means, or what is wrong with its value and what to do (`what; what next`).
pub(super) type Decoded<T> = Result<T, String>;

/// One value. What comes from the environment is always text; it is taken as a number, a boolean or a list (by commas) where
/// the key asks for one.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    value: &'a Value,
}

impl<'a> Entry<'a> {
    pub(super) fn new(value: &'a Value) -> Self {
        Self { value }
    }

    /// True if a variable set it, or, for a table, everything in it.
    pub(super) fn is_from_environment(self) -> bool {
        match &self.value.kind {
            ValueKind::Table(values) => {
                !values.is_empty() && values.values().all(|value| Entry::new(value).is_from_environment())
            }
            _ => self.value.origin() == Some(tree::ENVIRONMENT),
        }
    }

    /// Text, perhaps empty.
    pub(super) fn text(self) -> Decoded<&'a str> {
        match &self.value.kind {
            ValueKind::String(text) => Ok(text),
            _ => Err(self.mismatch("text", "put it in quotes")),
        }
    }

    /// Text of a form that `example` shows.
    pub(super) fn text_like(self, example: &str) -> Decoded<&'a str> {
        self.text().map_err(|_| self.mismatch(&format!("text like \"{example}\""), "write it in that form"))
    }

    /// Text with something in it.
    pub(super) fn filled(self) -> Decoded<&'a str> {
        match self.text()? {
            "" => Err("is empty; fill it in".to_owned()),
            text => Ok(text),
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(self) -> Decoded<bool> {
        match (&self.value.kind, self.environment_text()) {
            (ValueKind::Boolean(flag), _) => Ok(*flag),
            (_, Some("true")) => Ok(true),
            (_, Some("false")) => Ok(false),
            _ => Err(self.mismatch("a boolean", "use true or false")),
        }
    }

    /// A whole number from 0.
    pub(super) fn number(self) -> Decoded<u64> {
        match (&self.value.kind, self.environment_text()) {
            (ValueKind::I64(number), _) => u64::try_from(*number).ok(),
            (_, Some(text)) => text.parse().ok(),
            _ => return Err(self.mismatch("a whole number", "write it without quotes")),
        }
        .ok_or_else(|| "must be a whole number, not below 0; correct it".to_owned())
    }

    /// A whole number from 1 that fits 32 bits.
    pub(super) fn count(self) -> Decoded<NonZeroU32> {
        u32::try_from(self.number()?)
            .ok()
            .and_then(NonZeroU32::new)
            .ok_or_else(|| format!("must be from 1 to {}; correct it", u32::MAX))
    }

    /// A list of texts with something in them.
    pub(super) fn texts(self) -> Decoded<Vec<String>> {
        match (&self.value.kind, self.environment_text()) {
            (ValueKind::Array(values), _) => values
                .iter()
                .map(|value| Entry::new(value).filled().map(str::to_owned))
                .collect::<Decoded<_>>()
                .map_err(|what| format!("an item {what}")),
            (_, Some(text)) if text.starts_with('[') => {
                Err("is a list in brackets; in a variable write the items alone, with commas between them: a,b"
                    .to_owned())
            }
            (_, Some(text)) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Ok(items.map(str::to_owned).collect())
            }
            _ => Err(self.mismatch("a list of texts", "write it as [\"a\", \"b\"]")),
        }
    }

    /// A table.
    pub(super) fn table(self) -> Decoded<&'a Map<String, Value>> {
        match &self.value.kind {
            ValueKind::Table(values) => Ok(values),
            _ => Err(self.mismatch("a table", "give it its own keys")),
        }
    }

    /// True if it is a table.
    pub(super) fn is_table(self) -> bool {
        matches!(self.value.kind, ValueKind::Table(_))
    }

    /// True if it is a list.
    pub(super) fn is_list(self) -> bool {
        matches!(self.value.kind, ValueKind::Array(_))
    }

    /// One of a few words, each with its meaning.
    pub(super) fn word<T: Copy>(self, words: &[(&str, T)]) -> Decoded<T> {
        let text = self.text()?;
        words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning).ok_or_else(|| {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let (last, others) = known.split_last().unwrap_or((&"", &[]));
            format!("'{text}' is not known; use {} or {last}", others.join(", "))
        })
    }

    /// The value as JSON: dates and times become text, the order of keys stays.
    pub(super) fn json(self) -> Decoded<serde_json::Value> {
        match &self.value.kind {
            ValueKind::Nil => Ok(serde_json::Value::Null),
            ValueKind::Boolean(flag) => Ok((*flag).into()),
            ValueKind::I64(number) => Ok((*number).into()),
            ValueKind::U64(number) => Ok((*number).into()),
            ValueKind::Float(number) => serde_json::Number::from_f64(*number)
                .map(Into::into)
                .ok_or_else(|| "JSON knows neither nan nor inf; remove it".to_owned()),
            ValueKind::I128(_) | ValueKind::U128(_) => Err("the number is too large; write it as text".to_owned()),
            ValueKind::String(text) => Ok(text.as_str().into()),
            ValueKind::Array(values) => {
                values.iter().map(|value| Entry::new(value).json()).collect::<Decoded<Vec<_>>>().map(Into::into)
            }
            ValueKind::Table(values) => values
                .iter()
                .map(|(key, value)| Ok((key.clone(), Entry::new(value).json()?)))
                .collect::<Decoded<serde_json::Map<_, _>>>()
                .map(Into::into),
        }
    }

    fn environment_text(self) -> Option<&'a str> {
        match &self.value.kind {
            ValueKind::String(text) if self.is_from_environment() => Some(text),
            _ => None,
        }
    }

    /// Says the type that is wrong, never the value: it may be a secret in the wrong place.
    fn mismatch(self, wanted: &str, cure: &str) -> String {
        let found = match &self.value.kind {
            ValueKind::Nil => "nothing",
            ValueKind::Boolean(_) => "a boolean",
            ValueKind::I64(_) | ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_) => "a whole number",
            ValueKind::Float(_) => "a decimal number",
            ValueKind::String(_) => "text",
            ValueKind::Table(_) => "a table",
            ValueKind::Array(_) => "a list",
        };
        format!("must be {wanted}, not {found}; {cure}")
    }
}
