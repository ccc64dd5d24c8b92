//! The server's own words on a refusal, fit for a ledger and a terminal: short, printable, and without the lead's values.

use std::collections::HashSet;

use icu_normalizer::ComposingNormalizerBorrowed;
use serde_json::Value;

/// The fields of an error body that are worth repeating (DESIGN section 5), in this order.
const FIELDS: [&str; 5] = ["error", "error_description", "message", "detail", "title"];

/// What stands in place of a masked value.
const MASK: &str = "***";

/// Words of a value that are shorter are masked only as a part of the whole value: `de` or `van` alone tell nothing, and
/// masking them would make the text unreadable. In bytes.
const SHORTEST_WORD: usize = 3;

/// The texts of an error body, joined, with every value of `payload` and each of the `credentials` masked, at most `limit` characters. Of two
/// credentials, one of which is a part of the other, the longer comes first. `None` if the body is no JSON object or has none of the fields.
pub fn server_words(body: &[u8], payload: &str, credentials: &[&str], limit: usize) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let mut texts: Vec<String> = Vec::new();
    collect(&body, &mut texts);
    if texts.is_empty() {
        return None;
    }
    let mut words = texts.join(": ");
    // Before the lead's values: one of them could stand inside the credential and leave the rest of it.
    for credential in credentials {
        words = words.replace(credential, MASK);
    }
    Some(printable(&mask(&words, payload), limit))
}

/// Gathers the known fields of an object, of the object under `error` and of the first object of an `errors` list.
fn collect(body: &Value, texts: &mut Vec<String>) {
    for field in FIELDS {
        match body.get(field) {
            Some(Value::String(text)) if !text.trim().is_empty() && !texts.contains(text) => texts.push(text.clone()),
            Some(inner @ Value::Object(_)) => collect(inner, texts),
            _ => {}
        }
    }
    if let Some(first) = body.get("errors").and_then(|errors| errors.get(0)) {
        collect(first, texts);
    }
}

/// True for a control character, which could drive a terminal or forge a log line, and for Unicode's bidirectional controls (UAX #9):
/// what follows one could be read as our own words.
pub fn drives_display(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Data as it may be shown: what [`drives_display`] becomes `\u{fffd}`, the replacement character.
pub fn shown(text: &str) -> String {
    text.chars().map(|c| if drives_display(c) { '\u{fffd}' } else { c }).collect()
}

/// What [`drives_display`] becomes spaces; the text is cut at `limit` characters.
pub fn printable(text: &str, limit: usize) -> String {
    let mut cleaned: String = text.chars().map(|c| if drives_display(c) { ' ' } else { c }).take(limit + 1).collect();
    if cleaned.chars().count() > limit {
        cleaned = cleaned.chars().take(limit.saturating_sub(1)).collect();
        cleaned.push('…');
    }
    cleaned
}

/// One of the ways in which Unicode writes the same letters (NFC): a Mac's export has `e` and two dots where most servers have `ë`.
const COMPOSED: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();

/// Replaces every value of the payload, and every word of one, whatever its case and however its letters are composed.
fn mask(text: &str, payload: &str) -> String {
    let Ok(payload) = serde_json::from_str::<Value>(payload) else { return MASK.to_owned() };
    let mut secrets = Vec::new();
    leaves(&payload, &mut secrets);
    // Numbers first: a word of one would be masked, and the rest of it no longer be known.
    let numbers: Vec<String> = secrets.iter().filter_map(|secret| end_of_number(secret)).collect();
    let text = mask_numbers(&COMPOSED.normalize(text), &numbers);
    let (words, mut values): (HashSet<String>, Vec<String>) = partition(secrets);
    // Longest first: a value may be a part of another one.
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    mask_words(&values.iter().fold(text, |text, value| replace(&text, value)), &words)
}

/// Single words, and values that are more than a word. A long text has thousands of words, and a message may be as long: they are looked for all
/// at once, as the requests under way wait meanwhile.
fn partition(secrets: Vec<String>) -> (HashSet<String>, Vec<String>) {
    let (words, values): (Vec<String>, Vec<String>) =
        secrets.into_iter().partition(|secret| secret.chars().all(char::is_alphanumeric));
    (words.into_iter().collect(), values)
}

/// Replaces every word of the text that is one of `words` (folded).
fn mask_words(text: &str, words: &HashSet<String>) -> String {
    let mut out = String::with_capacity(text.len());
    for part in text.split_inclusive(|c: char| !c.is_alphanumeric()) {
        let end =
            part.char_indices().next_back().filter(|(_, c)| !c.is_alphanumeric()).map_or(part.len(), |(at, _)| at);
        let (word, sign) = part.split_at(end);
        let known = !word.is_empty() && words.contains(&word.chars().map(fold).collect::<String>());
        out.extend([if known { MASK } else { word }, sign]);
    }
    out
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

/// Replaces numbers that the server wrote in its own way: `0475/12.34.56` and `+32475123456` are one. A number is what stands between its first
/// and its last digit, with nothing but digits and the signs that part them.
fn mask_numbers(text: &str, numbers: &[String]) -> String {
    let parts = |c: char| {
        c.is_ascii_digit()
            || c.is_whitespace()
            || matches!(c, '.' | ',' | '/' | '-' | '_' | '(' | ')' | '\u{2010}'..='\u{2015}')
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(start);
        let (number, after) = number.split_at(number.find(|c| !parts(c)).unwrap_or(number.len()));
        let (number, trailing) = number.split_at(number.rfind(|c: char| c.is_ascii_digit()).map_or(0, |last| last + 1));
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        let known = numbers.iter().any(|end| digits.contains(end.as_str()));
        out.extend([before, if known { MASK } else { number }, trailing]);
        rest = after;
    }
    out + rest
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

/// Replaces `secret` (folded) where it stands as a whole word or words: `an` in `cannot` is no value of anybody.
fn replace(text: &str, secret: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let wanted: Vec<char> = secret.chars().collect();
    let is_word = |c: Option<&char>| c.is_some_and(|c| c.is_alphanumeric());
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let end = at + wanted.len();
        let fits = chars.get(at..end).is_some_and(|here| here.iter().zip(&wanted).all(|(c, w)| fold(*c) == *w));
        let starts = at == 0 || !is_word(chars.get(at - 1)) || !is_word(wanted.first());
        if fits && starts && (!is_word(chars.get(end)) || !is_word(wanted.last())) {
            out.push_str(MASK);
            at = end;
        } else {
            out.push(c);
            at += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use icu_normalizer::DecomposingNormalizerBorrowed;

    use super::*;

    const PAYLOAD: &str = r#"{"origin":"CRM","prospect":{"first_name":"An","last_name":"Van den Peeters","email":"an@example.com","age":41}}"#;

    fn words(body: &str) -> Option<String> {
        server_words(body.as_bytes(), PAYLOAD, &["s3cret/peeters=="], 300)
    }

    #[test]
    fn the_known_fields_are_joined_in_order() {
        let body = r#"{"title":"Bad","error":"invalid","message":"no vin","other":"x"}"#;
        assert_eq!(words(body).as_deref(), Some("invalid: no vin: Bad"));
        assert_eq!(words(r#"{"error":{"message":"deep"}}"#).as_deref(), Some("deep"));
        assert_eq!(words(r#"{"errors":[{"detail":"first"}]}"#).as_deref(), Some("first"));
    }

    #[test]
    fn every_value_of_the_lead_is_masked_whatever_its_case() {
        let body = r#"{"message":"AN@EXAMPLE.COM of An van den peeters (peeters), 41, cannot be"}"#;
        let text = words(body).unwrap();
        assert_eq!(text, "*** of *** *** (***), ***, cannot be");
    }

    #[test]
    fn of_two_long_texts_every_word_is_masked() {
        let text = |of: &str| (0..20_000).map(|word| format!("{of}{word}x")).collect::<Vec<_>>().join(" ");
        let payload = serde_json::json!({ "note": text("note") }).to_string();
        let body = serde_json::json!({ "message": format!("bad: note7x, note8x {}", text("other")) }).to_string();
        let told = server_words(body.as_bytes(), &payload, &[], 40).unwrap();
        assert_eq!(told, "bad: ***, *** other0x other1x other2x o…");
    }

    #[test]
    fn letters_whose_small_form_is_longer_or_depends_on_its_place_are_masked() {
        for name in ["x b\u{131}", "\u{130}stanbul", "\u{3a3}\u{39f}\u{3a6}\u{39f}\u{3a3}", "Stra\u{df}e"] {
            let payload = serde_json::json!({ "last_name": name }).to_string();
            let word = name.rsplit(' ').next().unwrap_or_default();
            let body = serde_json::json!({ "message": format!("no {word} here") }).to_string();
            assert_eq!(server_words(body.as_bytes(), &payload, &[], 300).unwrap(), "no *** here", "{name}");
        }
    }

    /// Names in letters that can be composed: Latin with one mark or two, Greek, Korean, and the sign for an ångström.
    const NAMES: &str = "[A-Za-z\u{c0}-\u{d6}\u{d8}-\u{f6}\u{f8}-\u{17e}\u{1ea0}-\u{1ef9}\u{386}\u{388}-\u{38a}\u{ac00}-\u{d7a3}\u{212b}]{1,8}";

    proptest::proptest! {
        #[test]
        fn a_value_is_masked_however_it_and_the_message_compose_its_letters(
            name in NAMES,
            forms in proptest::array::uniform2(0..3_u8),
        ) {
            let [value, echoed] = forms.map(|form| match form {
                0 => name.clone(),
                1 => COMPOSED.normalize(&name).into_owned(),
                _ => DecomposingNormalizerBorrowed::new_nfd().normalize(&name).into_owned(),
            });
            let payload = serde_json::json!({ "last_name": value }).to_string();
            let body = serde_json::json!({ "message": format!("422: {echoed}!") }).to_string();
            let text = server_words(body.as_bytes(), &payload, &[], 300).unwrap();
            proptest::prop_assert_eq!(text, "422: ***!");
        }
    }

    #[test]
    fn a_number_of_the_lead_is_masked_however_the_server_writes_it() {
        for phone in ["0475/12.34.56", "+32 475 12 34 56", "(0475) 123456"] {
            let payload = serde_json::json!({ "phone": phone }).to_string();
            let separated = ["0475\u{a0}12\u{202f}34\u{a0}56", "0475–12–34–56", "0475_123456"];
            let plain = ["+32475123456", "0032 475 12 34 56", "0475 123 456", "tel:0475-12-34-56", "475123456"];
            for written in plain.into_iter().chain(separated) {
                let body = serde_json::json!({ "message": format!("no such number: {written}, error 7654321") });
                let text = server_words(body.to_string().as_bytes(), &payload, &[], 300).unwrap();
                assert!(text.ends_with("***, error 7654321"), "{phone} as {written}: {text}");
            }
        }
    }

    #[test]
    fn a_server_that_repeats_the_credential_does_not_get_it_into_the_ledger() {
        let text = words(r#"{"error":"bad apikey s3cret/peeters==","detail":"s3cret/peeters==x"}"#).unwrap();
        assert_eq!(text, "bad apikey ***: ***x");
    }

    #[test]
    fn a_page_or_an_empty_answer_gives_no_words() {
        for body in ["", "<html>An</html>", "[]", "{}", r#"{"message":" "}"#] {
            assert_eq!(words(body), None, "{body}");
        }
    }

    #[test]
    fn control_characters_are_dropped_and_long_texts_cut() {
        let body = serde_json::json!({ "message": format!("\u{1b}[31m\u{202e}{}", "x".repeat(400)) }).to_string();
        let text = words(&body).unwrap();
        assert!(!text.contains(['\u{1b}', '\u{202e}']));
        assert_eq!(text.chars().count(), 300);
        assert!(text.ends_with('…'));
    }
}
