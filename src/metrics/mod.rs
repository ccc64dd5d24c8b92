//! What is counted and measured, in Prometheus' text format. `docs/metrics.md` lists the names.
//!
//! Counters and the histogram are fed where things happen, through [`Meters`]; gauges are read off the ledger when somebody looks
//! ([`observe`]). Without [`install`] all of it does nothing.
//!
//! | file | holds |
//! |---|---|
//! | `gauges.rs` | how things stand |
//! | `meters.rs` | what happens to requests |
//! | `export.rs` | all of it as text |

mod export;
mod gauges;
mod meters;
#[cfg(test)]
mod tests;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusRecorder};

pub use self::export::Exporter;
pub use self::gauges::{observe, set_failed, set_next_run, set_reloaded};
pub use self::meters::Meters;
use crate::auth::TOKEN_EXPIRY;

const LEADS: &str = "lead_sync_leads";
const QUARANTINED: &str = "lead_sync_quarantined_rows";
const ATTEMPTS: &str = "lead_sync_attempts_total";
const LATENCY: &str = "lead_sync_request_duration_seconds";
const PAUSE: &str = "lead_sync_pause_seconds";
const BREAKER: &str = "lead_sync_breaker_state";
const LAST_RUN: &str = "lead_sync_last_run_timestamp_seconds";
const LAST_OUTCOME: &str = "lead_sync_last_run_outcome";
const LAST_SUCCESS: &str = "lead_sync_last_success_timestamp_seconds";
const NEXT_RUN: &str = "lead_sync_next_run_timestamp_seconds";
const RELOADED: &str = "lead_sync_config_last_reload_successful";
const LEDGER_SIZE: &str = "lead_sync_ledger_size_bytes";
const BUILD: &str = "lead_sync_build_info";

/// Upper bounds of the request histogram in seconds: from a near API to one that takes the whole default timeout.
const BUCKETS: [f64; 11] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Begins to measure, for this process. A second call is an error.
pub fn install() -> Result<Exporter, BuildError> {
    let recorder = recorder()?;
    let exporter = Exporter::of(&recorder);
    metrics::set_global_recorder(recorder).map_err(BuildError::FailedToSetGlobalRecorder)?;
    describe();
    Ok(exporter)
}

fn recorder() -> Result<PrometheusRecorder, BuildError> {
    Ok(PrometheusBuilder::new().set_buckets_for_metric(Matcher::Full(LATENCY.to_owned()), &BUCKETS)?.build_recorder())
}

fn describe() {
    describe_gauge!(LEADS, "Leads by sync and state");
    describe_gauge!(QUARANTINED, "Rows that could not become a lead");
    describe_counter!(ATTEMPTS, "Requests that carried a lead, by what they met");
    describe_histogram!(LATENCY, Unit::Seconds, "From sending a lead to the end of its answer");
    describe_gauge!(PAUSE, Unit::Seconds, "For how long nothing is sent because the API asked for it; 0: no pause");
    describe_gauge!(BREAKER, "0: closed, 1: the next request is a probe, 2: open after several failures in a row");
    describe_gauge!(TOKEN_EXPIRY, Unit::Seconds, "When the session's token ends");
    describe_gauge!(LAST_RUN, Unit::Seconds, "End of the last run");
    describe_gauge!(LAST_OUTCOME, "1 for how the last run ended, 0 for the others");
    describe_gauge!(LAST_SUCCESS, Unit::Seconds, "End of the last run that did all its work");
    describe_gauge!(NEXT_RUN, Unit::Seconds, "When the daemon runs the sync next; 0: never");
    describe_gauge!(
        RELOADED,
        "0: the configuration was read again (SIGHUP) and refused; the daemon goes on with the old one"
    );
    describe_gauge!(LEDGER_SIZE, Unit::Bytes, "Size of the ledger with its write-ahead log");
    describe_gauge!(BUILD, "1, with the version of this program");
    gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}
