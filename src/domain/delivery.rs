//! The life of one lead towards one connection: its states and every legal way out of `sending`.
//!
//! ```text
//! pending ─┐                     ┌─► delivered
//!          ├─ claim ─► sending ──┼─► rejected
//! waiting ─┘                     ├─► waiting   (again at a known time)
//!    ▲                           ├─► held      (in doubt, for a person)
//!    └───────────────────────────┼─► failed    (tries or age used up)
//!                                └─► as before (released: nothing was sent)
//! ```
//! `rejected`, `held` and `failed` go back to `pending` when a person says so or, `held` excepted, when their row changes.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::outcome::Outcome;
use super::time::Timestamp;

/// Where a lead stands. The names are those of the ledger and of every command's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// To be sent.
    Pending,
    /// The intent to send is committed.
    Sending,
    /// To be sent again at a known time.
    Waiting,
    /// The API has it.
    Delivered,
    /// The API or the mapping refused it.
    Rejected,
    /// In doubt under `on_in_doubt = "hold"`: a person decides.
    Held,
    /// Tries or age used up.
    Failed,
}

impl State {
    /// All states, in the order of a lead's life.
    pub const ALL: [Self; 7] =
        [Self::Pending, Self::Sending, Self::Waiting, Self::Delivered, Self::Rejected, Self::Held, Self::Failed];

    /// The name in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sending => "sending",
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Rejected => "rejected",
            Self::Held => "held",
            Self::Failed => "failed",
        }
    }
}

impl State {
    /// What a person does about leads in this state; `None` where nobody has to do anything.
    pub fn cure(self) -> Option<&'static str> {
        match self {
            Self::Rejected => {
                Some("lead-sync rejects export FILE writes the rows for correction; or correct them in the export")
            }
            Self::Held => Some("find out whether they arrived, then lead-sync resolve KEY --delivered or --resend"),
            Self::Failed => Some("lead-sync retry --state failed, once the API is well"),
            Self::Pending | Self::Sending | Self::Waiting | Self::Delivered => None,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such state: use pending, sending, waiting, delivered, rejected, held or failed")]
pub struct UnknownState;

impl FromStr for State {
    type Err = UnknownState;
    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(UnknownState)
    }
}

/// Proof that the intent to send this lead is committed. It is not `Clone`: each claim is ended once, by one of the methods
/// below, and the resulting [`Settlement`] is what the ledger writes.
#[derive(Debug)]
#[must_use = "a claim that is neither settled nor released is in doubt after the next start"]
pub struct Claim {
    /// The lead's number in the ledger.
    pub lead: i64,
    /// The sync's number in the ledger.
    pub sync: i64,
    /// The lead's key, for messages.
    pub key: String,
    /// Version of the content, from 1: part of the idempotency key.
    pub version: i64,
    /// Charged attempts so far.
    pub attempts: u32,
    /// Tries so far, charged or not: what the backoff grows with.
    pub tries: u32,
    /// How old this content counts as now that it is claimed ([`super::retry::age`]).
    pub age: Duration,
    /// An earlier attempt of this content may have arrived.
    pub possibly_sent: bool,
    /// The JSON body.
    pub payload: String,
}

/// What is written of one POST: the end of a [`Claim`].
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a settlement counts once the ledger has committed it"]
pub struct Settlement {
    /// The lead's number in the ledger.
    pub lead: i64,
    /// The sync's number in the ledger.
    pub sync: i64,
    /// The lead's key, for messages.
    pub key: String,
    /// The state the lead goes to.
    pub to: Next,
    /// The POST behind it; `None` if nothing was tried.
    pub post: Option<Post>,
    /// An uncharged POST before that one, with a credential that was no longer good.
    pub earlier: Option<Post>,
}

impl Settlement {
    /// Adds the POST that was answered 401 before the credential was renewed.
    pub fn after(mut self, earlier: Option<Post>) -> Self {
        self.earlier = earlier;
        self
    }
}

/// One POST, for the lead's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// The outcome's name.
    pub kind: &'static str,
    /// It may have been processed.
    pub charged: bool,
    /// The status code, if an answer came.
    pub http_status: Option<u16>,
    /// For a person: status or cause, the server's words; no value of the lead.
    pub reason: String,
    /// When the answer came.
    pub at: Timestamp,
    /// From sending to the end of the answer, in milliseconds.
    pub took_ms: u64,
}

impl Post {
    /// The record of a POST with this outcome.
    pub fn new(outcome: &Outcome, http_status: Option<u16>, reason: String, at: Timestamp, took_ms: u64) -> Self {
        Self { kind: outcome.kind(), charged: outcome.is_charged(), http_status, reason, at, took_ms }
    }
}

/// The state a claim ends in, with what that state needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The API has it, under this id if the answer named one.
    Delivered {
        /// The API's id of the lead.
        remote_id: Option<String>,
    },
    /// Refused.
    Rejected,
    /// Again at this time.
    Waiting {
        /// Not before.
        until: Timestamp,
        /// The POST may have arrived: the next one is possibly the second.
        possibly_sent: bool,
    },
    /// In doubt, for a person.
    Held,
    /// Tries or age used up.
    Failed {
        /// The last POST may have arrived.
        possibly_sent: bool,
    },
    /// As it was before the claim: waiting if it was tried before, else pending.
    Released {
        /// It was tried before.
        tried: bool,
    },
}

impl Next {
    /// The state itself.
    pub fn state(&self) -> State {
        match self {
            Self::Delivered { .. } => State::Delivered,
            Self::Rejected => State::Rejected,
            Self::Waiting { .. } | Self::Released { tried: true } => State::Waiting,
            Self::Held => State::Held,
            Self::Failed { .. } => State::Failed,
            Self::Released { tried: false } => State::Pending,
        }
    }
}

impl Claim {
    /// The API has the lead.
    pub fn deliver(self, remote_id: Option<String>, post: Post) -> Settlement {
        self.end(Next::Delivered { remote_id }, Some(post))
    }

    /// The API refused the lead.
    pub fn reject(self, post: Post) -> Settlement {
        self.end(Next::Rejected, Some(post))
    }

    /// Again at `until`.
    pub fn wait(self, until: Timestamp, possibly_sent: bool, post: Post) -> Settlement {
        self.end(Next::Waiting { until, possibly_sent }, Some(post))
    }

    /// In doubt: a person decides.
    pub fn hold(self, post: Post) -> Settlement {
        self.end(Next::Held, Some(post))
    }

    /// No more tries.
    pub fn fail(self, possibly_sent: bool, post: Post) -> Settlement {
        self.end(Next::Failed { possibly_sent }, Some(post))
    }

    /// Nothing of it was processed: the lead is as it was. `post` is the uncharged POST, if there was one (a 401).
    pub fn release(self, post: Option<Post>) -> Settlement {
        let tried = self.tries > 0;
        self.end(Next::Released { tried }, post)
    }

    fn end(self, to: Next, post: Option<Post>) -> Settlement {
        Settlement { lead: self.lead, sync: self.sync, key: self.key, to, post, earlier: None }
    }
}
