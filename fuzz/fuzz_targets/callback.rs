//! The browser's answer: a code is taken only from a query that has our state, our issuer and no error, read here a second way.
#![no_main]

use lead_sync::auth::fuzzing::callback;
use libfuzzer_sys::fuzz_target;

const STATE: &str = "st4te";
const ISSUER: &str = "https://sso.example.com";

fuzz_target!(|query: &str| {
    for required in [false, true] {
        match callback(query, STATE, ISSUER, required) {
            Ok(code) => {
                assert!(!code.is_empty());
                assert_eq!(only(query, "state").as_deref(), Some(STATE));
                assert_eq!(only(query, "code"), Some(code));
                assert_eq!(only(query, "error"), None);
                assert!(only(query, "iss").map_or(!required, |issuer| issuer == ISSUER));
            }
            Err(error) => {
                let text = error.to_string();
                assert!(!text.chars().any(char::is_control), "it could drive a terminal");
                assert!(!text.contains(STATE) || query.contains(STATE), "it tells our state");
            }
        }
    }
});

/// The value of a parameter, which must not be there twice, decoded byte by byte (URL standard, application/x-www-form-urlencoded).
fn only(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let decoded =
        pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(key, value)| (decode(key), decode(value)));
    let mut found = decoded.filter(|(key, _)| key == name);
    let only = found.next();
    assert!(found.next().is_none(), "an answer that says something twice was accepted");
    only.map(|(_, value)| value)
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).expect("two digits are a byte"));
                at += 2;
            }
            (b'+', ..) => out.push(b' '),
            (byte, ..) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}
