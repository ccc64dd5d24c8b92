//! What the server knows: the daemon's pulse, and the ledger as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock;
use crate::domain::time::Timestamp;
use crate::ledger::{self, Health, Ledger, Version};
use crate::metrics::{self, Exporter};

/// A scheduler that has not turned for so long hangs: its longest rest is half of it.
const STILL: Duration = Duration::from_mins(1);

/// The daemon's signs of life.
#[derive(Debug, Default)]
pub struct Pulse {
    /// By a clock that nobody sets.
    turned_at: Mutex<Option<Instant>>,
    ready: AtomicBool,
    syncs: Mutex<Syncs>,
}

/// What the daemon knows of the syncs, beside the ledger.
#[derive(Debug, Clone, Default)]
struct Syncs {
    configured: BTreeSet<String>,
    failed: BTreeMap<String, Timestamp>,
}

impl Pulse {
    /// The scheduler has turned.
    pub fn turn(&self, at: Instant) {
        *self.turned_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }

    /// Whether the daemon takes up runs: true once the ledger is open, false again when it is to stop.
    pub fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Relaxed);
    }

    /// The syncs of the configuration in force, and when the last run of one failed: the ledger may not have been able to take that down.
    pub fn set_syncs(&self, configured: BTreeSet<String>, failed: BTreeMap<String, Timestamp>) {
        *self.syncs.lock().unwrap_or_else(PoisonError::into_inner) = Syncs { configured, failed };
    }

    fn syncs(&self) -> Syncs {
        self.syncs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Looks at the daemon and its ledger.
#[derive(Debug)]
pub struct Watch {
    pulse: Arc<Pulse>,
    ledger: PathBuf,
    exporter: Exporter,
    look: Mutex<Option<Look>>,
}

/// A reader of the ledger, and what it saw last.
#[derive(Debug)]
struct Look {
    ledger: Ledger,
    seen: Option<(Version, Health)>,
}

impl Watch {
    /// Of the daemon with this pulse on the ledger at this path.
    pub fn new(pulse: Arc<Pulse>, ledger: &Path, exporter: Exporter) -> Self {
        Self { pulse, ledger: ledger.to_path_buf(), exporter, look: Mutex::new(None) }
    }

    /// Whether the scheduler turns; why not.
    pub fn alive(&self) -> Result<(), String> {
        let turned_at = *self.pulse.turned_at.lock().unwrap_or_else(PoisonError::into_inner);
        let turns = turned_at.is_some_and(|at| clock::instant().duration_since(at) < STILL);
        if turns { Ok(()) } else { Err("the scheduler does not turn".to_owned()) }
    }

    /// Whether runs are taken up; why not.
    pub fn ready(&self) -> Result<(), String> {
        if !self.pulse.ready.load(Ordering::Relaxed) {
            return Err("starting or stopping".to_owned());
        }
        // Without room runs are taken up, and end before they do anything.
        self.observe().and_then(|()| ledger::check_space(&self.ledger)).map_err(|error| error.to_string())
    }

    /// The metrics. With a ledger that cannot be read they are those of the process alone.
    pub fn render(&self) -> String {
        let syncs = self.pulse.syncs();
        if let Err(error) = self.observe() {
            tracing::warn!(%error, "metrics without the ledger");
            for (sync, at) in &syncs.failed {
                metrics::set_failed(sync, *at);
            }
        }
        self.exporter.render(&syncs.configured)
    }

    /// Sets the gauges. The ledger is counted only if somebody has changed it since: asking an idle daemon costs nothing.
    fn observe(&self) -> ledger::Result<()> {
        let mut guard = self.look.lock().unwrap_or_else(PoisonError::into_inner);
        let mut look = match guard.take() {
            Some(look) => look,
            None => Look { ledger: Ledger::open_reader(&self.ledger)?, seen: None },
        };
        look.ledger.require_in_place()?;
        let version = look.ledger.version()?;
        let health = match look.seen.take() {
            Some((seen, health)) if seen == version => health,
            _ => look.ledger.health()?,
        };
        metrics::observe(&health, clock::now());
        for (sync, at) in self.pulse.syncs().failed {
            let known = health.syncs.iter().find(|known| known.sync == sync);
            if known.and_then(|known| known.last_run.as_ref()).is_none_or(|(ended, _)| *ended < at) {
                metrics::set_failed(&sync, at);
            }
        }
        look.seen = Some((version, health));
        // Kept only if all went well: after an error the next look opens the file anew.
        *guard = Some(look);
        Ok(())
    }
}
