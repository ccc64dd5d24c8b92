//! `title`: names written in capitals or small letters, as names.

use minijinja::{Error, Value};

use super::{or_nothing, text};

/// Particles of Dutch, French, German, Italian, Portuguese and Spanish names. Written small they stay small.
const PARTICLES: [&str; 32] = [
    "af", "aan", "bij", "da", "das", "de", "del", "della", "den", "der", "des", "di", "do", "dos", "du", "e", "el",
    "en", "het", "la", "le", "op", "te", "ten", "ter", "tot", "uit", "van", "ver", "vom", "von", "y",
];

/// Each word with a first capital and small letters after it, white space around the text dropped. A word ends where its
/// letters end, so that `jean-pierre` is `Jean-Pierre` and `O'NEIL` is `O'Neil`. What the source wrote with care stays:
/// - words with both capitals and small letters (`McDonald`, `DeVries`, `Van`);
/// - particles in small letters (`van der`); in capitals they cannot be told from words: `VAN DAMME` is `Van Damme`;
/// - letters right after a digit (`2b`).
///
/// A single letter that ends its word after an apostrophe is small: `'T HOOFT` is `'t Hooft`.
pub(super) fn title(value: &Value) -> Result<Value, Error> {
    Ok(or_nothing(text(value)?.map(|text| titled(&text))))
}

fn titled(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = None;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| is_letter(c) != is_letter(first)).unwrap_or(rest.len());
        let (run, tail) = rest.split_at(end);
        if is_letter(first) {
            word(run, before, &mut out);
        } else {
            out.push_str(run);
        }
        before = run.chars().next_back();
        rest = tail;
    }
    out
}

/// Letters and the marks that combine with them (a decomposed `é` is one letter and one mark).
fn is_letter(c: char) -> bool {
    c.is_alphabetic() || matches!(c, '\u{300}'..='\u{36f}')
}

fn word(word: &str, before: Option<char>, out: &mut String) {
    let lower = word.to_lowercase();
    let has_capitals = lower != word;
    let has_small = word.chars().any(char::is_lowercase);
    let after_digit = before.is_some_and(char::is_numeric);
    let particle = !has_capitals && PARTICLES.contains(&word);
    if after_digit || particle || (has_capitals && has_small) {
        return out.push_str(word);
    }
    let after_apostrophe = matches!(before, Some('\'' | '\u{2019}'));
    let mut letters = lower.chars();
    match letters.next() {
        Some(first) if !(after_apostrophe && letters.as_str().is_empty()) => {
            out.extend(first.to_uppercase());
            out.push_str(letters.as_str());
        }
        _ => out.push_str(&lower),
    }
}
