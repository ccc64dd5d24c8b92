//! What a run has to say for itself.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Display;

use tracing::Level;

use crate::auth;
use crate::domain::time::Timestamp;
use crate::ledger::Counts;

/// How a run ends, in rising precedence: of several the greatest counts (DESIGN section 4: 1 before 2, 5, 4, 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ending {
    /// Everything due is settled, or nothing was due.
    Complete,
    /// Done, but something newly needs a look.
    Attention,
    /// We were stopped; the next run goes on.
    Interrupted,
    /// The API is away or asked us to wait; the next run goes on.
    Deferred,
    /// Credentials need a person.
    Auth,
    /// Usage or configuration.
    Usage,
    /// Unexpected.
    Error,
}

impl Ending {
    /// The outcome's name in JSON and in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Attention => "attention",
            Self::Interrupted => "interrupted",
            Self::Deferred => "deferred",
            Self::Auth => "auth",
            Self::Usage | Self::Error => "error",
        }
    }
}

impl Ending {
    /// The level at which the log has what led to it, by who must act: a person now, a person soon, nobody.
    pub fn level(self) -> Level {
        match self {
            Self::Complete | Self::Interrupted => Level::INFO,
            Self::Attention | Self::Deferred => Level::WARN,
            Self::Auth | Self::Usage | Self::Error => Level::ERROR,
        }
    }
}

impl From<&auth::Error> for Ending {
    fn from(error: &auth::Error) -> Self {
        match error {
            auth::Error::NeedsPerson(_) => Self::Auth,
            auth::Error::Unavailable(_) | auth::Error::Unreachable(_) | auth::Error::Paused { .. } => Self::Deferred,
            auth::Error::Configuration(_) => Self::Usage,
            auth::Error::Store(_) => Self::Error,
        }
    }
}

/// Something a person should read, and how it lets the run end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The ending it leads to; `Complete` for a mere remark.
    pub ending: Ending,
    /// What, where and what next.
    pub text: String,
    /// The number of the sync that it is about, if it is about one alone.
    pub sync: Option<i64>,
}

impl Notice {
    /// A notice.
    pub fn new(ending: Ending, text: impl Into<String>) -> Self {
        Self { ending, text: text.into(), sync: None }
    }
}

/// The most notices of a run that are told and kept: enough to see the pattern.
const TOLD: usize = 20;

/// What a run did.
#[derive(Debug, Clone)]
pub struct Report {
    /// Its number; 0 for a dry run.
    pub run: i64,
    /// How it ended.
    pub ending: Ending,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// Counts by sync.
    pub syncs: BTreeMap<String, Counts>,
    /// What a person should read.
    pub notices: Vec<Notice>,
    /// For a dry run: what would be sent, and why other rows would not.
    pub samples: Vec<Sample>,
}

/// Nothing was in the way of a run that has so much to say: all was read, and nobody stopped it. What became of each row and lead is another
/// matter.
pub(super) fn went_through(notices: &[Notice]) -> bool {
    notices.iter().all(|notice| notice.ending == Ending::Complete)
}

impl Report {
    /// The notices as people are told them and as the ledger keeps them, each with its sync's number: the worst first, and not all if they are
    /// very many.
    pub fn told(&self) -> Vec<(Option<i64>, Cow<'_, str>)> {
        let mut worst_first: Vec<&Notice> = self.notices.iter().collect();
        worst_first.sort_by_key(|notice| Reverse(notice.ending));
        let more = worst_first.len().saturating_sub(TOLD);
        let told = worst_first.into_iter().take(TOLD).map(|notice| (notice.sync, Cow::from(&notice.text)));
        told.chain((more > 0).then(|| (None, format!("and {more} more, which are in the log").into()))).collect()
    }

    /// What the run did, for the log: numbers by sync, then how it ended.
    pub(super) fn log(&self) {
        for (sync, c) in &self.syncs {
            tracing::info!(
                sync,
                read = c.read,
                new = c.new,
                changed = c.changed,
                unchanged = c.unchanged,
                skipped = c.skipped,
                invalid = c.invalid,
                delivered = c.delivered,
                rejected = c.rejected,
                waiting = c.waiting,
                held = c.held,
                failed = c.failed,
                pending = c.pending,
                "did"
            );
        }
        tracing::info!(outcome = self.ending.as_str(), "ends");
    }
}

/// What is said of a connection; who says it may have named the connection already.
pub(super) fn of_connection(name: &str, what: &impl Display) -> String {
    let text = what.to_string();
    if text.starts_with(&format!("connection {name} ")) { text } else { format!("connection {name}: {text}") }
}

/// One row of a dry run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Name of the sync.
    pub sync: String,
    /// The row's key; may be empty.
    pub key: String,
    /// `path:line`.
    pub origin: String,
    /// `new`, `changed`, `rejected`.
    pub group: &'static str,
    /// The JSON body of what would be sent, or the reason why nothing would.
    pub text: String,
}
