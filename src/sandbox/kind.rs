//! The kinds of fault, with the answers that some of them script.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use http::{HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What happens. Kinds that spoil the answer do so after the lead is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Nothing: lets requests pass before the next fault of the queue.
    Pass,
    /// Answers this; stores nothing.
    Status(Answer),
    /// Stores the lead, then answers this.
    StoredThenStatus(Answer),
    /// Answers this without having read the body.
    EarlyStatus(Answer),
    /// Closes the connection without having read the body.
    CutBefore,
    /// Stores the lead, then closes the connection.
    LostAnswer,
    /// Stores the lead, sends so many bytes of the answer (its head included), then closes the connection.
    CutAfterBytes {
        /// Bytes sent.
        bytes: usize,
    },
    /// Reads the request, then resets the connection (RST); stores nothing.
    Reset,
    /// Stores the lead, then resets the connection (RST).
    StoredThenReset,
    /// Stores the lead and answers after a while.
    Slow {
        /// The while, in milliseconds.
        ms: u64,
    },
    /// Stores the lead, never answers, and at last closes the connection.
    Stall {
        /// How long the connection stays open, in milliseconds.
        #[serde(default = "stall_ms")]
        ms: u64,
    },
    /// Stores the lead and sends the answer byte by byte.
    Drip {
        /// Time between two bytes, in milliseconds.
        ms: u64,
    },
    /// Stores the lead and sends something that is not HTTP.
    Garbage,
    /// Stores the lead and answers 201 with a valid body of at least this size.
    HugeBody {
        /// Size in bytes.
        bytes: u64,
    },
    /// Stores the lead and answers with one more header of this size.
    HugeHeaders {
        /// Size in bytes.
        bytes: u64,
    },
    /// Stores the lead, promises more of the answer than it sends (`Content-Length`), and closes the connection.
    WrongLength,
    /// Stores the lead, answers as if the connection stayed open, and closes it.
    CloseAfter,
}

/// Ten minutes: longer than any client should wait.
fn stall_ms() -> u64 {
    600_000
}

impl Kind {
    /// The name, as in JSON and in the log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Status(_) => "status",
            Self::StoredThenStatus(_) => "stored_then_status",
            Self::EarlyStatus(_) => "early_status",
            Self::CutBefore => "cut_before",
            Self::LostAnswer => "lost_answer",
            Self::CutAfterBytes { .. } => "cut_after_bytes",
            Self::Reset => "reset",
            Self::StoredThenReset => "stored_then_reset",
            Self::Slow { .. } => "slow",
            Self::Stall { .. } => "stall",
            Self::Drip { .. } => "drip",
            Self::Garbage => "garbage",
            Self::HugeBody { .. } => "huge_body",
            Self::HugeHeaders { .. } => "huge_headers",
            Self::WrongLength => "wrong_length",
            Self::CloseAfter => "close_after",
        }
    }

    /// True if it happens before the body is read.
    pub(super) fn is_early(&self) -> bool {
        matches!(self, Self::CutBefore | Self::EarlyStatus(_))
    }

    /// Refuses an answer that HTTP cannot carry.
    pub(super) fn check(&self) -> Result<(), InvalidFault> {
        let Some(answer) = self.answer() else {
            return Ok(());
        };
        if answer.status < 200 || StatusCode::from_u16(answer.status).is_err() {
            let message = format!("status {} is not from 200 to 999", answer.status);
            return Err(InvalidFault(message));
        }
        let retry_after = match &answer.retry_after {
            Some(RetryAfter::Text(text)) => Some(("retry-after", text.as_str())),
            _ => None,
        };
        let named = answer.headers.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        for (name, value) in named.chain(retry_after) {
            if HeaderName::from_str(name).is_err() || HeaderValue::from_str(value).is_err() {
                return Err(InvalidFault(format!("header '{name}' is not valid")));
            }
        }
        Ok(())
    }

    /// The scripted answer, if it has one.
    fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Status(answer) | Self::StoredThenStatus(answer) | Self::EarlyStatus(answer) => Some(answer),
            _ => None,
        }
    }
}

/// A scripted answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The status, 200 to 999.
    pub status: u16,
    /// Headers, e.g. `location`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// `Retry-After`.
    #[serde(default)]
    pub retry_after: Option<RetryAfter>,
    /// A string is sent as it is, other JSON as JSON. Left out: a JSON error.
    #[serde(default)]
    pub body: Option<Value>,
}

impl Answer {
    /// This status with a JSON error as its body.
    pub fn new(status: u16) -> Self {
        Self { status, headers: BTreeMap::new(), retry_after: None, body: None }
    }
}

/// The forms of `Retry-After` (RFC 9110, section 10.2.3), and what is neither.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// A number of seconds.
    Seconds(u64),
    /// An HTTP-date this many seconds after the answer; negative: in the past.
    Date(i64),
    /// Any text.
    Text(String),
}

/// A fault that could never be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a fault of the sandbox: {0}")]
pub struct InvalidFault(pub(super) String);
