//! Token answers: a token that is accepted fits a header and is the answer's own, its end lies ahead, and `Debug` shows none.
#![no_main]

use lead_sync::auth::fuzzing::token_answer;
use lead_sync::domain::time::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// 2026-01-01T00:00:00Z.
const ASKED_AT: Timestamp = Timestamp(1_767_225_600_000);

fuzz_target!(|body: &[u8]| {
    let Some(tokens) = token_answer(body, ASKED_AT, 0) else { return };
    let token = tokens.access_token.as_str();
    assert!(!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()), "no header carries it");
    assert!(tokens.expires_at.is_none_or(|end| end > ASKED_AT), "it has ended");
    assert!(tokens.refresh_expires_at.is_none_or(|end| end > ASKED_AT), "the refresh token has ended");
    // A field that nobody reads may hold bytes that are no text: serde passes over it.
    let Ok(answer) = serde_json::from_slice::<Value>(body) else { return };
    assert!(answer["access_token"] == token || answer.is_array(), "it is not the answer's token");
    // A short token may stand in the text by chance, and so may one that is part of what is shown of any answer.
    let frame = token_answer(br#"{"access_token":"0"}"#, ASKED_AT, 0).expect("an answer").shown;
    let around = ["Timestamp", "expires_at: Some", "refresh_token: Some"];
    let by_chance = token.len() < 8
        || frame.contains(token)
        || around.iter().any(|word| word.contains(token) || token.contains(word))
        || ["scope", "token_type"].iter().any(|field| answer[field].to_string().contains(token));
    assert!(by_chance || !tokens.shown.contains(token), "Debug shows the token");
});
