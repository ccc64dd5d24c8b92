//! Everything short of sending, tried: what `check` reports. Nothing is written but, for a session, its lock file.

mod connection;
mod ledger;
mod source;

pub use connection::{credential, host};
pub use ledger::ledger;
pub use source::{renamed, source};

use super::report::Ending;

/// How good a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grade {
    /// As it should be.
    Fine,
    /// It works but may not be meant.
    Doubtful,
    /// A run would end like this.
    Bad(Ending),
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How good it is.
    pub grade: Grade,
    /// What was looked at, by its key in the configuration, e.g. `syncs.customers`.
    pub subject: String,
    /// What was found; no value of a lead, no secret.
    pub fact: String,
    /// What to do about it, or where exactly it is: a line each.
    pub hints: Vec<String>,
}

impl Finding {
    /// As it should be.
    pub fn fine(subject: impl Into<String>, fact: impl Into<String>) -> Self {
        Self { grade: Grade::Fine, subject: subject.into(), fact: fact.into(), hints: Vec::new() }
    }

    /// Worth a second look.
    pub fn doubtful(subject: impl Into<String>, text: &str) -> Self {
        Self::split(Grade::Doubtful, subject, text)
    }

    /// What keeps leads from being sent.
    pub fn bad(ending: Ending, subject: impl Into<String>, text: &str) -> Self {
        Self::split(Grade::Bad(ending), subject, text)
    }

    /// Our messages are `WHAT; WHAT NEXT`.
    fn split(grade: Grade, subject: impl Into<String>, text: &str) -> Self {
        let (fact, hints) = match text.split_once("; ") {
            Some((fact, hint)) => (fact, vec![hint.to_owned()]),
            None => (text, Vec::new()),
        };
        Self { grade, subject: subject.into(), fact: fact.to_owned(), hints }
    }

    #[must_use]
    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hints: vec![hint.into()], ..self }
    }
}
