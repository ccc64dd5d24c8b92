//! What the daemon is doing, for whoever looks: systemd, the metrics.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::domain::time::Timestamp;
use crate::worker::report::Ending;

/// The daemon's state as of its scheduler's last turn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Board {
    /// Runs are taken up: true once the ledger is open, false again when the daemon is to stop.
    pub ready: bool,
    /// When the scheduler last turned. It does so every half minute at least, by a clock that nobody sets.
    pub turned_at: Option<Instant>,
    /// The configuration was read again and refused: the daemon goes on with an older one than the file's.
    pub refused: bool,
    /// The sync that is running.
    pub running: Option<String>,
    /// The scheduled syncs.
    pub syncs: BTreeMap<String, Seen>,
}

/// What is known of a sync.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// When it is due, jitter included, or a run of it that was put off is taken up again.
    pub next: Option<Timestamp>,
    /// When its last run in this process ended, and how.
    pub last: Option<(Timestamp, Ending)>,
}

impl Board {
    /// The syncs whose last run in this process failed, and when.
    pub fn failed(&self) -> BTreeMap<String, Timestamp> {
        let failed = |seen: &Seen| seen.last.filter(|(_, ending)| matches!(ending, Ending::Usage | Ending::Error));
        self.syncs.iter().filter_map(|(name, seen)| Some((name.clone(), failed(seen)?.0))).collect()
    }

    /// When the next sync is due, and which.
    pub fn next(&self) -> Option<(Timestamp, &str)> {
        self.syncs.iter().filter_map(|(name, seen)| Some((seen.next?, name.as_str()))).min()
    }
}
