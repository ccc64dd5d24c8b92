//! What can go wrong. Over HTTP a fault is JSON, e.g. `{"fault": "lost_answer", "times": 3}` or
//! `{"fault": {"status": {"status": 429, "retry_after": {"seconds": 5}}}, "external_ref": "4711", "times": null}`.

use std::collections::BTreeMap;
use std::str::FromStr;

use http::{HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One fault of the script: what happens, to which requests, how often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What happens.
    #[serde(rename = "fault")]
    pub kind: Kind,
    /// The requests it is for.
    #[serde(default)]
    pub on: Requests,
    /// Only for leads with this external reference. Such a fault is looked at when no fault for every request is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<String>,
    /// For how many requests; `None` (`null`): until the faults are cleared. Left out: for one.
    #[serde(default = "once")]
    pub times: Option<u64>,
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the default of a field that may be null"
)]
fn once() -> Option<u64> {
    Some(1)
}

/// The requests a fault is for. `/sandbox/…` never has any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Requests {
    /// Leads, WeGroup's and generic ones.
    #[default]
    Leads,
    /// All others: probes of the host, the identity provider.
    Others,
    /// All.
    Every,
}

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

    fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Status(answer) | Self::StoredThenStatus(answer) | Self::EarlyStatus(answer) => {
                Some(answer)
            }
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
        Self {
            status,
            headers: BTreeMap::new(),
            retry_after: None,
            body: None,
        }
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

/// Faults by chance. The same seed gives the same faults in the order in which requests arrive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomFaults {
    /// Share of the requests that get one, 0 to 1.
    pub probability: f64,
    /// Where the chance begins.
    pub seed: u64,
    /// What happens: each kind is as likely as the others.
    pub kinds: Vec<Kind>,
}

/// A fault that could never be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a fault of the sandbox: {0}")]
pub struct InvalidFault(String);

impl Fault {
    /// This kind, once, for any lead request.
    pub fn once(kind: Kind) -> Self {
        Self {
            kind,
            on: Requests::Leads,
            external_ref: None,
            times: once(),
        }
    }

    /// The same fault for `times` requests.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self {
            times: Some(times),
            ..self
        }
    }

    /// The same fault until the faults are cleared.
    #[must_use]
    pub fn always(self) -> Self {
        Self {
            times: None,
            ..self
        }
    }

    /// The same fault for leads with this external reference only.
    #[must_use]
    pub fn for_lead(self, external_ref: &str) -> Self {
        Self {
            external_ref: Some(external_ref.to_owned()),
            ..self
        }
    }

    /// The same fault for other requests.
    #[must_use]
    pub fn on(self, on: Requests) -> Self {
        Self { on, ..self }
    }

    pub(super) fn check(&self) -> Result<(), InvalidFault> {
        check_kind(&self.kind)?;
        if self.times == Some(0) {
            return Err(InvalidFault("`times` must be at least 1".to_owned()));
        }
        if self.external_ref.is_some() {
            if self.kind.is_early() {
                let message = format!(
                    "`{}` comes before the body is read, so it cannot depend on `external_ref`",
                    self.kind.name()
                );
                return Err(InvalidFault(message));
            }
            if self.on != Requests::Leads {
                let message = "`external_ref` goes with `on = leads` only".to_owned();
                return Err(InvalidFault(message));
            }
        }
        Ok(())
    }
}

impl RandomFaults {
    pub(super) fn check(&self) -> Result<(), InvalidFault> {
        if !(0.0..=1.0).contains(&self.probability) {
            let message = "`probability` must be from 0 to 1".to_owned();
            return Err(InvalidFault(message));
        }
        if self.kinds.is_empty() {
            return Err(InvalidFault("`kinds` is empty".to_owned()));
        }
        self.kinds.iter().try_for_each(check_kind)
    }
}

fn check_kind(kind: &Kind) -> Result<(), InvalidFault> {
    let Some(answer) = kind.answer() else {
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

impl FromStr for Fault {
    type Err = InvalidFault;

    /// Reads JSON, or the short form `WHAT[*TIMES]`: a status or the name of a kind that needs no numbers, e.g. `503*3`,
    /// `lost_answer`.
    fn from_str(text: &str) -> Result<Self, InvalidFault> {
        let fault = if text.starts_with('{') {
            serde_json::from_str(text).map_err(|error| InvalidFault(error.to_string()))?
        } else {
            short_form(text)?
        };
        Self::check(&fault)?;
        Ok(fault)
    }
}

fn short_form(text: &str) -> Result<Fault, InvalidFault> {
    let (what, times) = match text.split_once('*') {
        None => (text, 1),
        Some((what, times)) => {
            let times = times
                .parse()
                .map_err(|_| InvalidFault(format!("'{times}' is not a number of times")))?;
            (what, times)
        }
    };
    let kind = match what.parse() {
        Ok(status) => Kind::Status(Answer::new(status)),
        Err(_) => serde_json::from_value(Value::from(what))
            .map_err(|error| InvalidFault(error.to_string()))?,
    };
    Ok(Fault::once(kind).times(times))
}

#[cfg(test)]
mod tests;
