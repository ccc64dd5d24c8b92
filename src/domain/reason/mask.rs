//! The values of a lead, found in a text and masked.

use std::collections::HashSet;
use std::ops::Range;

use icu_normalizer::ComposingNormalizerBorrowed;
use serde_json::Value;

use super::escapes::{self, Letter};

/// What stands in place of a masked value.
pub(super) const MASK: &str = "***";

/// Words of a value that are shorter are masked only as a part of the whole value: `de` or `van` alone tell nothing, and
/// masking them would make the text unreadable. In bytes.
const SHORTEST_WORD: usize = 3;

/// One of the ways in which Unicode writes the same letters (NFC): a Mac's export has `e` and two dots where most servers have `ë`.
pub(super) const COMPOSED: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();

/// What is masked may part letters that were one word before, one of which is a value: the text is looked through again until nothing is found.
/// The second time hardly ever finds something; a text that is not clean after so many is not repeated.
const PASSES: usize = 8;

/// Replaces every value of the payload, and every word of one, whatever its case, however its letters are composed, and whether it is written as
/// it is or escaped as in an address, a form, a page or a JSON document.
pub(super) fn mask(text: &str, payload: &str) -> String {
    let Ok(payload) = serde_json::from_str::<Value>(payload) else { return MASK.to_owned() };
    let secrets = Secrets::of(&payload);
    let mut text = COMPOSED.normalize(text).into_owned();
    for _ in 0..PASSES {
        let found = escapes::readings(&text).iter().flat_map(|reading| secrets.find(reading)).collect();
        let masked = cover(&text, found);
        if masked == text {
            return text;
        }
        text = masked;
    }
    MASK.to_owned()
}

/// The text with a mask over each of the ranges (in bytes); those that meet get one.
fn cover(text: &str, mut ranges: Vec<Range<usize>>) -> String {
    ranges.sort_by_key(|range| range.start);
    let mut out = String::with_capacity(text.len());
    let (mut done, mut masked) = (0, false);
    for Range { start, end } in ranges {
        if start > done || !masked {
            out.extend([text.get(done..start).unwrap_or_default(), MASK]);
            masked = true;
        }
        done = end.max(done);
    }
    out + text.get(done..).unwrap_or_default()
}

/// What must not be told, folded.
struct Secrets {
    /// The digits by which numbers are known.
    numbers: Vec<String>,
    /// Single words. A long text has thousands of them, and a message may be as long: they are looked for all at once, as the requests under way
    /// wait meanwhile.
    words: HashSet<String>,
    /// Values that are more than a word.
    values: Vec<String>,
}

impl Secrets {
    fn of(payload: &Value) -> Self {
        let mut secrets = Vec::new();
        leaves(payload, &mut secrets);
        // The mask itself tells nothing, and would be found for ever.
        secrets.retain(|secret| secret.chars().any(|c| c != '*'));
        let numbers = secrets.iter().filter_map(|secret| end_of_number(secret)).collect();
        let (words, values): (Vec<String>, Vec<String>) =
            secrets.into_iter().partition(|secret| secret.chars().all(char::is_alphanumeric));
        Self { numbers, words: words.into_iter().collect(), values }
    }

    /// Where the text has one of them, in bytes of the text that the letters are read from.
    fn find(&self, letters: &[Letter]) -> Vec<Range<usize>> {
        let mut folded = String::with_capacity(letters.len());
        let mut starts = Vec::with_capacity(letters.len());
        for letter in letters {
            starts.push(folded.len());
            folded.push(fold(letter.c));
        }
        let mut spans = Vec::new();
        find_numbers(&folded, &self.numbers, &mut spans);
        for value in &self.values {
            find_value(&folded, value, &mut spans);
        }
        find_words(&folded, &self.words, &mut spans);
        let letter = |byte: usize| letters.get(starts.partition_point(|start| *start <= byte).saturating_sub(1));
        let place = |span: Range<usize>| Some(letter(span.start)?.start..letter(span.end.saturating_sub(1))?.end);
        spans.into_iter().filter_map(place).collect()
    }
}

/// Finds every word of the text that is one of `words`.
fn find_words(text: &str, words: &HashSet<String>, spans: &mut Vec<Range<usize>>) {
    let mut start = 0;
    for part in text.split_inclusive(|c: char| !c.is_alphanumeric()) {
        let word = part.trim_end_matches(|c: char| !c.is_alphanumeric());
        spans.extend(words.contains(word).then(|| start..start + word.len()));
        start += part.len();
    }
}

/// Finds `value` where it stands as a whole word or words: `an` in `cannot` is no value of anybody.
fn find_value(text: &str, value: &str, spans: &mut Vec<Range<usize>>) {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let (first, last) = (value.chars().next(), value.chars().next_back());
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find(value)) {
        let start = from + at;
        let end = start + value.len();
        let before = text.get(..start).and_then(|text| text.chars().next_back());
        let after = text.get(end..).and_then(|text| text.chars().next());
        if is_word(before) && is_word(first) || is_word(after) && is_word(last) {
            from = start + first.map_or(1, char::len_utf8);
        } else {
            spans.push(start..end);
            from = end;
        }
    }
}

/// A number with fewer digits is no telephone number.
const FEWEST_DIGITS: usize = 6;

/// By so many digits at its end a number is known: what is before them (a country code, a zero) is written or not.
const KNOWN_BY: usize = 8;

/// The digits by which a value is known if the server writes it in another way; `None` if it has too few.
fn end_of_number(value: &str) -> Option<String> {
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    let start = digits.len().saturating_sub(KNOWN_BY);
    digits.get(start..).filter(|end| end.len() >= FEWEST_DIGITS).map(str::to_owned)
}

/// Finds numbers that the server wrote in its own way: `0475/12.34.56` and `+32475123456` are one. A number is what stands between its first
/// and its last digit, with nothing but digits and the signs that part them.
fn find_numbers(text: &str, numbers: &[String], spans: &mut Vec<Range<usize>>) {
    let parts = |c: char| {
        c.is_ascii_digit()
            || c.is_whitespace()
            || matches!(c, '.' | ',' | '/' | '-' | '_' | '(' | ')' | '\u{2010}'..='\u{2015}')
    };
    let (mut rest, mut from) = (text, 0);
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let number = rest.get(at..).unwrap_or_default();
        let (number, after) = number.split_at(number.find(|c| !parts(c)).unwrap_or(number.len()));
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        if numbers.iter().any(|end| digits.contains(end.as_str())) {
            let length = number.rfind(|c: char| c.is_ascii_digit()).map_or(0, |last| last + 1);
            spans.push(from + at..from + at + length);
        }
        from += at + number.len();
        rest = after;
    }
}

fn leaves(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let text = COMPOSED.normalize(text.trim());
            let folded = |text: &str| text.chars().map(fold).collect::<String>();
            // As it is written: a small letter may be longer than the one that it is compared as.
            let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() >= SHORTEST_WORD);
            out.extend(words.map(folded));
            if !text.is_empty() {
                out.push(folded(&text));
            }
        }
        Value::Number(number) => out.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, out)),
        Value::Object(fields) => fields.values().for_each(|field| leaves(field, out)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// The letter in lower case, letter by letter: `str::to_lowercase` knows the end of a word and letters that become two, and what is compared
/// with it here would not be the same.
fn fold(c: char) -> char {
    let single = |mut letters: std::char::ToUppercase| match (letters.next(), letters.next()) {
        (Some(one), None) => one,
        _ => c,
    };
    // Over the capital: the two small sigmas have one.
    let capital = single(c.to_uppercase());
    let mut lower = capital.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}
