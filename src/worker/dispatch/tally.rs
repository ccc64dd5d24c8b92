//! Counts of what one connection's dispatch did.

use std::collections::{BTreeMap, HashSet};

use crate::domain::delivery::State;
use crate::domain::latency::Latency;
use crate::ledger::Counts;
use crate::worker::progress::Progress;
use crate::worker::report::Notice;

/// What a dispatch did, by the sync's number.
#[derive(Debug, Default)]
pub(in crate::worker) struct Tally {
    counts: BTreeMap<i64, Counts>,
    /// Leads that wait for another try at this moment, by sync and lead.
    waiting: HashSet<(i64, i64)>,
    latency: Latency,
    notices: Vec<Notice>,
}

impl Tally {
    /// Counts one committed settlement.
    pub(super) fn settled(&mut self, lead: i64, sync: i64, state: State, progress: &Progress) {
        let counts = self.counts.entry(sync).or_default();
        if state != State::Waiting {
            self.waiting.remove(&(sync, lead));
        }
        match state {
            State::Delivered => {
                counts.delivered += 1;
                progress.add_delivered();
                return;
            }
            State::Rejected => counts.rejected += 1,
            State::Held => counts.held += 1,
            State::Failed => counts.failed += 1,
            State::Waiting => {
                self.waiting.insert((sync, lead));
                return;
            }
            State::Pending | State::Sending => return,
        }
        progress.add_other();
    }

    /// A lead that was tried waits for another try.
    pub(super) fn leaves_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Counts one answered request.
    pub(super) fn answered(&mut self, took_ms: u64) {
        self.latency.record(took_ms);
    }

    pub(super) fn note(&mut self, notice: Notice) {
        self.notices.push(notice);
    }

    /// As [`Self::note`], unless that has been said already.
    pub(super) fn note_once(&mut self, notice: Notice) {
        if self.notices.iter().all(|said| said.text != notice.text) {
            self.notices.push(notice);
        }
    }

    /// The counts by sync, how long requests took, and what a person should read.
    pub(in crate::worker) fn finish(mut self) -> (BTreeMap<i64, Counts>, Latency, Vec<Notice>) {
        for (sync, _) in &self.waiting {
            self.counts.entry(*sync).or_default().waiting += 1;
        }
        (self.counts, self.latency, self.notices)
    }
}
