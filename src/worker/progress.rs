//! What a run has done so far, for whoever shows it: read at any time, from any thread.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counters of a run under way.
#[derive(Debug, Default)]
pub struct Progress {
    rows: AtomicU64,
    has_read: AtomicBool,
    due: AtomicU64,
    on_the_way: AtomicU64,
    delivered: AtomicU64,
    other: AtomicU64,
    latency_ms: AtomicU64,
    requests: AtomicU64,
}

impl Progress {
    /// Rows read so far.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// The first half of the run is over: no source is read any more.
    pub fn has_read(&self) -> bool {
        self.has_read.load(Ordering::Relaxed)
    }

    /// Leads to be sent in this run, once intake is done.
    pub fn due(&self) -> u64 {
        self.due.load(Ordering::Relaxed)
    }

    /// Leads of which the ledger knows that they are being sent, and not yet what became of them: those that are in doubt if the process ends
    /// now.
    pub fn on_the_way(&self) -> u64 {
        self.on_the_way.load(Ordering::Relaxed)
    }

    /// Leads delivered so far.
    pub fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Leads that were refused, held or failed so far.
    pub fn other(&self) -> u64 {
        self.other.load(Ordering::Relaxed)
    }

    /// The mean time of a request so far, in milliseconds.
    pub fn latency_ms(&self) -> u64 {
        self.latency_ms.load(Ordering::Relaxed).checked_div(self.requests.load(Ordering::Relaxed)).unwrap_or(0)
    }

    pub(super) fn add_latency(&self, ms: u64) {
        self.latency_ms.fetch_add(ms, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_rows(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    pub(super) fn set_read(&self) {
        self.has_read.store(true, Ordering::Relaxed);
    }

    pub(super) fn add_due(&self, leads: u64) {
        self.due.fetch_add(leads, Ordering::Relaxed);
    }

    pub(super) fn add_on_the_way(&self, leads: usize) {
        self.on_the_way.fetch_add(leads as u64, Ordering::Relaxed);
    }

    pub(super) fn has_settled_one(&self) {
        self.on_the_way.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn add_delivered(&self) {
        self.delivered.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_other(&self) {
        self.other.fetch_add(1, Ordering::Relaxed);
    }
}
