//! What the dashboard reads off the ledger. Nothing of it grows with the number of delivered leads.

use std::collections::BTreeMap;

use crate::domain::delivery::State;
use crate::domain::latency::Latency;
use crate::domain::time::{Day, Timestamp};
use crate::ledger::{DayCounts, Filter, LeadRow, Ledger, Result, RunRow, SyncStatus};

/// Days that the bars go back, today included.
pub(super) const DAYS: i64 = 30;

/// Leads shown of those that need a person, for each sync and state: enough to see the pattern; `lead-sync leads` lists all.
const LEADS_SHOWN: usize = 10;

/// Runs shown.
const RUNS_SHOWN: usize = 12;

/// The ledger at one moment.
#[derive(Debug, Clone)]
pub struct Facts {
    pub(super) now: Timestamp,
    /// Why no run sends from this ledger, and what to do.
    pub(super) refused: Option<String>,
    pub(super) syncs: Vec<SyncStatus>,
    pub(super) days: Vec<DayCounts>,
    /// Today's requests, by connection.
    pub(super) latency_today: BTreeMap<String, Latency>,
    /// The requests of all days shown, by connection.
    pub(super) latency: BTreeMap<String, Latency>,
    pub(super) open: Vec<Open>,
    pub(super) runs: Vec<RunRow>,
}

/// The leads of one sync that need a person, in one state.
#[derive(Debug, Clone)]
pub(super) struct Open {
    pub(super) sync: String,
    pub(super) state: State,
    /// All of them, rows in quarantine included.
    pub(super) count: u64,
    /// The first ones.
    pub(super) leads: Vec<LeadRow>,
}

impl Facts {
    /// Reads everything.
    pub fn read(ledger: &Ledger, now: Timestamp) -> Result<Self> {
        let today = Day::of(now);
        let first = Day(today.0 - DAYS + 1);
        let syncs = ledger.status()?;
        let mut open = Vec::new();
        for sync in &syncs {
            for state in State::ALL.into_iter().filter(|state| state.cure().is_some()) {
                let quarantined = if state == State::Rejected { sync.quarantined } else { 0 };
                let count = count(sync, state) + quarantined;
                if count > 0 {
                    let leads = ledger.leads(&Filter {
                        sync: Some(sync.sync.clone()),
                        state: Some(state),
                        limit: Some(LEADS_SHOWN),
                        ..Filter::default()
                    })?;
                    open.push(Open { sync: sync.sync.clone(), state, count, leads });
                }
            }
        }
        Ok(Self {
            now,
            refused: ledger.refuse_older().err().map(|error| error.to_string()),
            days: ledger.days(first)?,
            latency_today: ledger.latency(today)?,
            latency: ledger.latency(first)?,
            runs: ledger.runs(RUNS_SHOWN)?,
            open,
            syncs,
        })
    }
}

/// The sync's leads in a state.
pub(super) fn count(sync: &SyncStatus, state: State) -> u64 {
    sync.leads.iter().find(|(name, _)| name == state.as_str()).map_or(0, |(_, count)| *count)
}
