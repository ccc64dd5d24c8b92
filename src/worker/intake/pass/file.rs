//! One file of a pass, which counts as a whole or not at all.

use std::collections::HashMap;

use super::Pass;
use crate::ledger::{self, Counts};

/// What a file that turns out not to count must not have changed, besides the ledger and what was met.
#[derive(Debug, Default)]
pub(super) struct Before {
    counts: Counts,
    again: u64,
    overtaken: u64,
    samples: usize,
    lines: u64,
    pub(super) quarantined: HashMap<[u8; 16], u32>,
}

impl Pass<'_> {
    /// What comes next counts only if all of the file does.
    pub(in crate::worker::intake) fn begin_file(&mut self) -> ledger::Result<()> {
        self.before = Before {
            counts: self.counts,
            again: self.again,
            overtaken: self.overtaken,
            samples: self.samples.len(),
            lines: self.lines_before,
            quarantined: self.quarantined.clone(),
        };
        self.admission.begin_file()
    }

    /// Keeps what the file brought.
    pub(in crate::worker::intake) fn keep_file(&self) -> ledger::Result<()> {
        self.admission.keep_file()
    }

    /// Takes back what the file brought, here and in the ledger.
    pub(in crate::worker::intake) fn forget_file(&mut self) -> ledger::Result<()> {
        let Before { counts, again, overtaken, samples, lines, quarantined } = std::mem::take(&mut self.before);
        self.overtaken = overtaken;
        (self.counts, self.again, self.lines_before, self.quarantined) = (counts, again, lines, quarantined);
        self.samples.truncate(samples);
        self.known.take_back(lines);
        self.admission.forget_file()
    }

    /// A file does not count in this pass: what files before it in name order hold is older than what it holds. One that was never read is as one
    /// that has not come yet.
    pub(in crate::worker::intake) fn leave_file(&mut self, path: &str) -> ledger::Result<()> {
        self.unread.extend(self.admission.origin_of(path)?);
        Ok(())
    }

    /// A file that comes later in name order does not count.
    pub(in crate::worker::intake) fn is_outranked(&self) -> bool {
        !self.unread.is_empty()
    }
}
