//! How things stand: read off the ledger when somebody looks, or set by the daemon.

use std::time::Duration;

use metrics::gauge;

use super::{
    BREAKER, LAST_OUTCOME, LAST_RUN, LAST_SUCCESS, LEADS, LEDGER_SIZE, NEXT_RUN, PAUSE, QUARANTINED, RELOADED,
};
use crate::domain::breaker::Gate;
use crate::domain::time::Timestamp;
use crate::ledger::{Health, SyncHealth};

/// How a run can end, as the ledger writes it.
const OUTCOMES: [&str; 6] = ["complete", "attention", "deferred", "interrupted", "auth", "error"];

/// Sets the gauges to what the ledger holds.
pub fn observe(health: &Health, now: Timestamp) {
    health.syncs.iter().for_each(sync);
    for (connection, state) in &health.connections {
        let pause = state.pause.as_ref().map_or(0.0, |(until, _)| until.since(now).as_secs_f64());
        gauge!(PAUSE, "connection" => connection.clone()).set(pause);
        let breaker = match state.breaker.gate(now) {
            Gate::Closed => 0.0,
            Gate::Probe => 1.0,
            Gate::OpenUntil(_) => 2.0,
        };
        gauge!(BREAKER, "connection" => connection.clone()).set(breaker);
    }
    gauge!(LEDGER_SIZE).set(number(health.bytes));
}

fn sync(health: &SyncHealth) {
    let name = || health.sync.clone();
    for (state, count) in &health.leads {
        gauge!(LEADS, "sync" => name(), "state" => state.as_str()).set(number(*count));
    }
    gauge!(QUARANTINED, "sync" => name()).set(number(health.quarantined));
    if let Some((at, outcome)) = &health.last_run {
        set_ended(&health.sync, *at, outcome);
    }
    if let Some(at) = health.last_success {
        gauge!(LAST_SUCCESS, "sync" => name()).set(seconds(at));
    }
}

fn set_ended(sync: &str, at: Timestamp, outcome: &str) {
    gauge!(LAST_RUN, "sync" => sync.to_owned()).set(seconds(at));
    for known in OUTCOMES {
        let value = if known == outcome { 1.0 } else { 0.0 };
        gauge!(LAST_OUTCOME, "sync" => sync.to_owned(), "outcome" => known).set(value);
    }
}

/// A run over a sync has failed without a word in the ledger, e.g. because the disk is full. To be called after [`observe`].
pub fn set_failed(sync: &str, at: Timestamp) {
    set_ended(sync, at, "error");
}

/// When the daemon runs a sync next; `None`: it does not.
pub fn set_next_run(sync: &str, at: Option<Timestamp>) {
    gauge!(NEXT_RUN, "sync" => sync.to_owned()).set(at.map_or(0.0, seconds));
}

/// Whether the configuration in force is the one that was read last.
pub fn set_reloaded(successful: bool) {
    gauge!(RELOADED).set(if successful { 1.0 } else { 0.0 });
}

fn seconds(at: Timestamp) -> f64 {
    Duration::from_millis(u64::try_from(at.0).unwrap_or(0)).as_secs_f64()
}

/// Prometheus knows floating point only; beyond 2^53 the last digits go.
#[expect(clippy::cast_precision_loss, reason = "no ledger has 2^53 leads or bytes")]
fn number(count: u64) -> f64 {
    count as f64
}
