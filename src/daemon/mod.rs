//! The daemon: runs each sync at its times, one run after the other, until it is told to stop.
//!
//! One ledger has one writer, so runs are serialised: a sync that is due while another one runs waits for its turn. Each run is over one
//! sync and in a thread of its own, so that a failure or a panic of one never concerns another, nor the scheduler.
//!
//! | file | holds |
//! |---|---|
//! | `agenda.rs` | which sync is due when; pure |
//! | `scheduler.rs` | takes up what is due; signals and reloads meanwhile |
//! | `running.rs` | one run, in its thread |
//! | `board.rs` | what the daemon is doing, for others |
//! | `systemd.rs` | what systemd is told |

mod agenda;
pub mod board;
mod running;
mod scheduler;
mod systemd;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, watch};

pub use self::agenda::LONGEST_REST;
use self::board::Board;
use self::scheduler::Scheduler;
use crate::ledger::{self, Lease};
use crate::worker::Prepared;
use crate::worker::report::Report;
use crate::worker::stop::Stop;

/// What the daemon works with.
pub struct Daemon {
    /// What to run.
    pub prepared: Prepared,
    /// Nobody else sends while the daemon lives.
    pub lease: Lease,
    /// Reads the whole configuration again, in a thread that may block; an error is what to tell a person.
    pub reload: Reload,
    /// Asks for that.
    pub hangup: Arc<Notify>,
    /// What the daemon is doing.
    pub board: watch::Sender<Board>,
    /// How each run goes.
    pub events: UnboundedSender<Event>,
}

/// A new configuration that has no problem of its own.
pub struct Fresh {
    /// What to run from now on.
    pub prepared: Prepared,
    /// Puts the rest of it in force. Called only if `prepared` is taken, so that a configuration holds as a whole or not at all.
    pub adopt: Box<dyn FnOnce() + Send>,
}

/// Reads the whole configuration.
pub type Reload = Arc<dyn Fn() -> Result<Fresh, String> + Send + core::marker::Sync>;

/// What happens to a run.
#[derive(Debug)]
pub enum Event {
    /// It begins.
    Began {
        /// Name of the sync.
        sync: String,
    },
    /// It has ended: with a report, or with the reason why there is none.
    Ended {
        /// Name of the sync.
        sync: String,
        /// How.
        result: Result<Report, String>,
        /// It gave its turn to others, and goes on after them.
        yielded: bool,
    },
}

/// Why the daemon does not start, or does not take a new configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing to wait for.
    #[error(
        "no sync has a schedule, so a daemon would never run one; add `schedule` to a sync, or run once with --run-now"
    )]
    NoSchedule,
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

/// Runs syncs at their times until `stop`. What is under way then has the configured grace to finish.
pub async fn run(daemon: Daemon, stop: &Stop) -> Result<(), Error> {
    Scheduler::start(daemon, running::send(), stop.clone())?.serve().await;
    Ok(())
}
