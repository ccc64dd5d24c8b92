//! A server's words: no word of the lead's values survives in a reason, nor anything that drives a terminal. Input: the values, a line
//! each, an empty line, and the message.
#![no_main]

use std::collections::HashSet;

use lead_sync::domain::reason::{drives_display, server_words};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

/// Longer than any text here: a word that is cut off could become one of the values.
const LIMIT: usize = 1 << 20;

fuzz_target!(|data: &str| {
    let Some((values, message)) = data.split_once("\n\n") else { return };
    // What normalising changes is a matter of the code's own tests: here the words are cut by another reader.
    let values: Vec<&str> = values.lines().filter(|value| !value.chars().any(composes)).collect();
    let payload = json!({ "prospect": { "values": values } }).to_string();
    let body = json!({ "error": { "message": message }, "detail": message.to_uppercase() }).to_string();
    let Some(reason) = server_words(body.as_bytes(), &payload, &["s3cr3t"], LIMIT) else { return };
    assert!(!reason.contains("s3cr3t"));
    assert!(!reason.contains(drives_display));
    let secret: HashSet<String> = values.iter().flat_map(|value| words(value)).collect();
    for word in words(&reason) {
        assert!(!secret.contains(&word), "a value survives");
    }
    let short = server_words(body.as_bytes(), &payload, &[], 300).expect("the message is the same");
    assert!(short.chars().count() <= 300);
});

/// A mark that may become one letter with the one before it.
fn composes(c: char) -> bool {
    !c.is_alphanumeric() && !c.is_ascii() || matches!(c, '\u{1100}'..='\u{11ff}')
}

/// Words of three bytes or more, however they are written.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() >= 3);
    words.map(|word| word.chars().map(fold).collect()).collect()
}

/// The letter in lower case where that is one letter.
fn fold(c: char) -> char {
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}
