//! `Retry-After`: whatever the header says, the wait is bounded, and a number is read as that number.
#![no_main]

use lead_sync::domain::retry_after::{LONGEST, parse};
use lead_sync::domain::time::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: (String, Option<String>, i64)| {
    let (header, date, now) = data;
    let asked = parse(&header, date.as_deref(), Timestamp(now));
    if let Some(asked) = &asked {
        assert!(asked.wait <= LONGEST);
        assert!(!asked.cut || asked.wait == LONGEST, "what is cut is cut to the longest wait");
    }
    let text = header.trim();
    if text.starts_with(['-', '+']) || text.is_empty() {
        assert_eq!(asked, None, "a sign or nothing is no wait");
    }
    if let Some(seconds) = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten() {
        assert_eq!(asked.map(|asked| asked.wait.as_secs()), Some(seconds.min(LONGEST.as_secs())));
    }
});
