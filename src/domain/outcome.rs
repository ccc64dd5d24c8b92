//! What came back, and what it means: the only reader of the lead API's status codes.

use super::retry_after::{self, Asked};
use super::time::Timestamp;

/// What one POST brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A status line and headers arrived, whatever became of the body.
    Answered(Answer),
    /// No status. The text names the cause without any part of the request, e.g. `connection refused`.
    Unanswered {
        /// True only if the request surely never reached the API (RELIABILITY 3.3: DNS, connect, TLS, body never asked for).
        surely_not_sent: bool,
        /// The cause in a few words.
        cause: String,
    },
}

/// An answer of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status code.
    pub status: u16,
    /// The `Retry-After` header, as sent.
    pub retry_after: Option<String>,
    /// The `Date` header, as sent: a `Retry-After` date is read against the server's own clock.
    pub date: Option<String>,
    /// The body, if all of it arrived and it was not over the size limit.
    pub body: Option<Vec<u8>>,
}

/// What a reply means. The names of the variants in snake case are the `kind` of the ledger's `failures`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// 2xx: the API has the lead, also when its body cannot be read.
    Accepted,
    /// 409: the API says it has something like it; the connection's `on_conflict` decides.
    Conflict,
    /// Surely never reached the API.
    NotSent,
    /// 401: the credential is not, or no longer, good.
    Unauthorized,
    /// 403: the credential may not do this.
    Forbidden,
    /// 404, 405, 410 or a redirect: the configured path is not the API's.
    WrongPath,
    /// 408, 425, 429, or 503 with `Retry-After`: asked to come again; not processed.
    Throttled(Option<Asked>),
    /// Any other 4xx: the API refuses this lead.
    Rejected,
    /// Anything else: it may have been processed.
    InDoubt,
}

impl Outcome {
    /// The names of all outcomes, for counting them.
    pub const KINDS: [&'static str; 9] = [
        "accepted",
        "conflict",
        "not_sent",
        "unauthorized",
        "forbidden",
        "wrong_path",
        "throttled",
        "rejected",
        "in_doubt",
    ];

    /// The name in the ledger's `failures.kind`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Conflict => "conflict",
            Self::NotSent => "not_sent",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::WrongPath => "wrong_path",
            Self::Throttled(_) => "throttled",
            Self::Rejected => "rejected",
            Self::InDoubt => "in_doubt",
        }
    }

    /// True if the POST may have been processed, so that it counts as an attempt (DESIGN section 2).
    pub fn is_charged(&self) -> bool {
        match self {
            Self::Accepted | Self::Conflict | Self::Rejected | Self::InDoubt => true,
            Self::NotSent | Self::Unauthorized | Self::Forbidden | Self::WrongPath | Self::Throttled(_) => false,
        }
    }
}

/// Classifies a reply; `now` is the time of its arrival.
pub fn classify(reply: &Reply, now: Timestamp) -> Outcome {
    let answer = match reply {
        Reply::Unanswered { surely_not_sent: true, .. } => return Outcome::NotSent,
        Reply::Unanswered { surely_not_sent: false, .. } => return Outcome::InDoubt,
        Reply::Answered(answer) => answer,
    };
    let asked = || {
        let header = answer.retry_after.as_deref()?;
        retry_after::parse(header, answer.date.as_deref(), now)
    };
    match answer.status {
        200..=299 => Outcome::Accepted,
        300..=399 | 404 | 405 | 410 => Outcome::WrongPath,
        401 => Outcome::Unauthorized,
        403 => Outcome::Forbidden,
        408 | 425 | 429 => Outcome::Throttled(asked()),
        409 => Outcome::Conflict,
        400..=499 => Outcome::Rejected,
        503 => asked().map_or(Outcome::InDoubt, |asked| Outcome::Throttled(Some(asked))),
        _ => Outcome::InDoubt,
    }
}

/// Whether an answer to a probe without side effects shows that the API is alive: anything below 500, and 501
/// (a server that does not know OPTIONS is up).
pub fn is_alive(reply: &Reply) -> bool {
    matches!(reply, Reply::Answered(Answer { status: 0..=499 | 501, .. }))
}

/// The longest reason made of an answer, in characters (DESIGN section 5), the status before the server's words included.
const REASON_LIMIT: usize = 300;

/// One sentence for a person: the status or the cause, and the server's own words with every value of the lead masked, and the
/// `credentials` that it was sent with.
pub fn describe(reply: &Reply, payload: &str, credentials: &[&str]) -> String {
    match reply {
        Reply::Unanswered { surely_not_sent: true, cause } => format!("not sent: {cause}"),
        Reply::Unanswered { surely_not_sent: false, cause } => format!("no answer: {cause}; it may have arrived"),
        Reply::Answered(answer) => {
            let status = format!("HTTP {}", answer.status);
            let limit = REASON_LIMIT - status.len() - ": ".len();
            let words = |body| super::reason::server_words(body, payload, credentials, limit);
            match answer.body.as_deref().and_then(words) {
                Some(words) => format!("{status}: {words}"),
                None => status,
            }
        }
    }
}

/// A reason with what we have to say of it, which is never what is cut off.
pub fn with_note(reason: &str, note: &str) -> String {
    let room = REASON_LIMIT.saturating_sub(note.chars().count() + "; ".len());
    let kept = reason.char_indices().nth(room).map_or(reason, |(end, _)| &reason[..end]);
    format!("{kept}; {note}")
}

/// The status code of a reply, for the ledger's `http_status`.
pub fn http_status(reply: &Reply) -> Option<u16> {
    match reply {
        Reply::Answered(answer) => Some(answer.status),
        Reply::Unanswered { .. } => None,
    }
}

/// The lead's id in an answer: the text or number at a JSON pointer (RFC 6901). `None` if the answer is no JSON or has none there.
pub fn reference(reply: &Reply, pointer: &str) -> Option<String> {
    let Reply::Answered(Answer { body: Some(body), .. }) = reply else { return None };
    let value: serde_json::Value = serde_json::from_slice(body).ok()?;
    match value.pointer(pointer)? {
        serde_json::Value::String(text) if !text.is_empty() => Some(super::reason::printable(text, REFERENCE_LIMIT)),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The longest id kept, in characters: an id, not an essay.
const REFERENCE_LIMIT: usize = 200;

#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;
