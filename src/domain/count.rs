//! Numbers in sentences.

/// `1 lead`, `2 leads`.
pub fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// `is` after one thing, `are` after several or none.
pub fn are(number: u64) -> &'static str {
    if number == 1 { "is" } else { "are" }
}
