//! What is wrong with a configuration: every problem at once, one line each.

use std::fmt;
use std::path::Path;

use super::origin::Origin;

/// One problem. Displays as `PLACE: KEY: WHAT; WHAT NEXT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file (`lead-sync.toml`, with line and column if its syntax is wrong: `lead-sync.toml:3:7`) or the variable
    /// (`$LEAD_SYNC__LEDGER__PATH`) that says it.
    pub place: String,
    /// The dotted key, e.g. `syncs.customers.source.delimiter`; empty if the file as a whole is meant.
    pub key: String,
    /// What is wrong and what to do, without the value of a secret.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.text)
    }
}

/// Every problem of one configuration (exit 2). Displays one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    origin: Origin,
    list: Vec<Problem>,
}

impl Problems {
    /// None yet, of one configuration.
    pub fn new(origin: &Origin) -> Self {
        Self { origin: origin.clone(), list: Vec::new() }
    }

    /// Adds what is wrong under the dotted `key`, e.g. `syncs.customers.lead.prospect.email`.
    pub fn add(&mut self, key: impl Into<String>, text: impl Into<String>) {
        let key = key.into();
        self.add_at(self.origin.place(&key), key, text);
    }

    /// Adds a problem that this place is the cause of.
    pub(super) fn add_at(&mut self, place: String, key: impl Into<String>, text: impl Into<String>) {
        self.push(Problem { place, key: key.into(), text: text.into() });
    }

    /// Adds a problem.
    pub(super) fn push(&mut self, problem: Problem) {
        self.list.push(problem);
    }

    /// What was made; or nothing, its problems added to these, so that what else is wrong can be found first.
    pub fn take<T>(&mut self, made: Result<T, Self>) -> Option<T> {
        made.map_err(|others| self.list.extend(others.list)).ok()
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.origin.path()
    }

    /// The problems in the order in which they were found.
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    /// True if nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// `value` if nothing is wrong.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.list.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
