//! What a run is given: how to run, on what, and who follows it.

use super::Purpose;
use super::prepare::Prepared;
use super::progress::Progress;
use super::stop::Stop;
use crate::ledger::{Lease, NewLedger, OlderLedger, Trigger};

/// How to run.
#[derive(Debug, Clone)]
pub struct Job {
    /// What started the run.
    pub trigger: Trigger,
    /// To be sent, or taken as delivered.
    pub purpose: Purpose,
    /// Send so many leads at most.
    pub limit: Option<u64>,
    /// More leads to be sent than `max_new`, no rows, and a sync under a new name are confirmed.
    pub confirmed: bool,
    /// A ledger may be created where traces of a lost one are.
    pub new_ledger: NewLedger,
    /// A ledger that is older than what was sent may be used.
    pub older_ledger: OlderLedger,
}

/// Everything that one run works with.
#[derive(Debug, Clone, Copy)]
pub struct Assignment<'a> {
    /// The syncs to pass over.
    pub prepared: &'a Prepared,
    /// How.
    pub job: &'a Job,
    /// Shows that nobody else does the same on this ledger; a baseline sends nothing and needs none.
    pub lease: Option<&'a Lease>,
    /// Told how far the run is.
    pub progress: &'a Progress,
    /// Asks the run to stop.
    pub stop: &'a Stop,
}
