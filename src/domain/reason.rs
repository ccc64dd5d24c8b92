//! The server's own words on a refusal, fit for a ledger and a terminal: short, printable, and without the lead's values.

mod escapes;
mod mask;

use serde_json::Value;

use mask::{MASK, mask};

/// The fields of an error body that are worth repeating (DESIGN section 5), in this order.
const FIELDS: [&str; 5] = ["error", "error_description", "message", "detail", "title"];

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

#[cfg(test)]
mod tests {
    use icu_normalizer::DecomposingNormalizerBorrowed;

    use super::mask::COMPOSED;
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
    fn a_value_is_masked_as_an_address_a_form_a_page_or_json_escapes_it() {
        let payload = serde_json::json!({
            "first_name": "Jö \"B\" D'", "last_name": "Zwärtjes", "email": "zw@x.example", "phone": "0475/12.34.56"
        });
        let told = |message: &str| {
            let body = serde_json::json!({ "message": message }).to_string();
            server_words(body.as_bytes(), &payload.to_string(), &[], 300).unwrap()
        };
        let names =
            ["Zw%C3%A4rtjes", "Zw%E4rtjes", "zwa%CC%88rtjes", "ZW&Auml;RTJES", "Zw&#228;rtjes", "Zw&#xE4;rtjes"];
        let twice =
            [r"Zw\u00e4rtjes", "Zw%25C3%25A4rtjes", "Zw&amp;auml;rtjes", r"Zw\\u00E4rtjes", "Zw%26auml%3Brtjes"];
        let addresses = ["zw%40x.example", "zw%2540x%2Eexample", "zw&#64;x.example", r"%7a%77\u0040x.example"];
        let phones = ["0475%2F12.34.56", "0475+12+34+56", r"0475\/12.34.56", "0475&nbsp;123456"];
        let firsts = ["J%C3%B6+%22B%22+D%27", r#"J\u00f6 \"B\" D'"#, "J&ouml; &quot;B&quot; D&apos;"];
        for written in [&names[..], &twice, &addresses, &phones, &firsts].concat() {
            let text = told(&format!(r"100% bad: {written} & \o/ x+1"));
            assert_eq!(text, r"100% bad: *** & \o/ x+1", "{written}");
        }
        let none = r"%zz %4 &auml &#x; &none; \u00g0 \ud800 \";
        assert_eq!(told(none), none, "what is no escape is left alone");
    }

    #[test]
    fn what_a_mask_leaves_of_a_word_is_no_value_either() {
        let payload = r#"{"last_name":"u0020 Peeters","phone":"0475123456","stars":"**"}"#;
        let body = serde_json::json!({ "message": r"a\u0020Peeters 0475123456Peeters **" }).to_string();
        assert_eq!(server_words(body.as_bytes(), payload, &[], 300).unwrap(), r"a\****** ****** **");
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
