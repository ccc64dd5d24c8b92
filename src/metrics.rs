//! What is counted and measured, in Prometheus' text format. `docs/metrics.md` lists the names.
//!
//! Counters and the histogram are fed where things happen, through [`Meters`]; gauges are read off the ledger when somebody looks
//! ([`Exporter::observe`]). Without [`install`] all of it does nothing.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use metrics::{
    Counter, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::domain::breaker::Gate;
use crate::domain::outcome::Outcome;
use crate::domain::time::Timestamp;
use crate::ledger::{Health, SyncHealth};

const LEADS: &str = "lead_sync_leads";
const QUARANTINED: &str = "lead_sync_quarantined_rows";
const ATTEMPTS: &str = "lead_sync_attempts_total";
const LATENCY: &str = "lead_sync_request_duration_seconds";
const PAUSE: &str = "lead_sync_pause_seconds";
const BREAKER: &str = "lead_sync_breaker_state";
const TOKEN_EXPIRY: &str = "lead_sync_token_expiry_timestamp_seconds";
const LAST_RUN: &str = "lead_sync_last_run_timestamp_seconds";
const LAST_OUTCOME: &str = "lead_sync_last_run_outcome";
const LAST_SUCCESS: &str = "lead_sync_last_success_timestamp_seconds";
const NEXT_RUN: &str = "lead_sync_next_run_timestamp_seconds";
const RELOADED: &str = "lead_sync_config_last_reload_successful";
const LEDGER_SIZE: &str = "lead_sync_ledger_size_bytes";
const BUILD: &str = "lead_sync_build_info";

/// Upper bounds of the request histogram in seconds: from a near API to one that takes the whole default timeout.
const BUCKETS: [f64; 11] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// How a run can end, as the ledger writes it.
const OUTCOMES: [&str; 6] = ["complete", "attention", "deferred", "interrupted", "auth", "error"];

/// What a file for the node exporter's textfile collector may be read by: it runs as another user, and there is nothing secret in it.
const FILE_MODE: u32 = 0o644;

/// Renders what was measured.
#[derive(Debug, Clone)]
pub struct Exporter(PrometheusHandle);

/// Begins to measure, for this process. A second call is an error.
pub fn install() -> Result<Exporter, BuildError> {
    let recorder = recorder()?;
    let exporter = Exporter(recorder.handle());
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
    describe_gauge!(NEXT_RUN, Unit::Seconds, "When the schedule runs the sync next; 0: never");
    describe_gauge!(
        RELOADED,
        "0: the configuration was read again (SIGHUP) and refused; the daemon goes on with the old one"
    );
    describe_gauge!(LEDGER_SIZE, Unit::Bytes, "Size of the ledger with its write-ahead log");
    describe_gauge!(BUILD, "1, with the version of this program");
    gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

impl Exporter {
    /// Sets the gauges to what the ledger holds.
    pub fn observe(&self, health: &Health, now: Timestamp) {
        observe(health, now);
    }

    /// All metrics as text. Also makes room: what the histogram was fed is summed up.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Sums up what the histogram was fed, so that a process that nobody asks does not grow. To be called now and then.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }

    /// Writes all metrics to `path` for the node exporter's textfile collector: a reader sees the old file or the new one.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        // node_exporter reads *.prom only, so that it passes over the provisional name.
        let mut aside = path.to_path_buf().into_os_string();
        aside.push(format!(".{}.tmp", std::process::id()));
        let aside = Path::new(&aside);
        let written = (|| {
            // Others may write to the collector's folder: what stands there is replaced, and never written through.
            let _ = std::fs::remove_file(aside);
            let mut file = std::fs::File::create_new(aside)?;
            file.set_permissions(std::fs::Permissions::from_mode(FILE_MODE))?;
            file.write_all(self.render().as_bytes())?;
            file.sync_all()?;
            std::fs::rename(aside, path)
        })();
        if written.is_err() {
            let _ = std::fs::remove_file(aside);
        }
        written
    }
}

fn observe(health: &Health, now: Timestamp) {
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
        gauge!(LAST_RUN, "sync" => name()).set(seconds(*at));
        for known in OUTCOMES {
            gauge!(LAST_OUTCOME, "sync" => name(), "outcome" => known).set(if known == outcome { 1.0 } else { 0.0 });
        }
    }
    if let Some(at) = health.last_success {
        gauge!(LAST_SUCCESS, "sync" => name()).set(seconds(at));
    }
}

/// When the schedule runs a sync next; `None`: it does not.
pub fn set_next_run(sync: &str, at: Option<Timestamp>) {
    gauge!(NEXT_RUN, "sync" => sync.to_owned()).set(at.map_or(0.0, seconds));
}

/// Whether the configuration in force is the one that was read last.
pub fn set_reloaded(successful: bool) {
    gauge!(RELOADED).set(if successful { 1.0 } else { 0.0 });
}

/// Counts and times the requests of one connection. Made once for a run: a request then costs two atomic operations, and nothing at
/// all where nobody measures.
#[derive(Debug)]
pub struct Meters {
    latency: Histogram,
    outcomes: [(&'static str, Counter); Outcome::KINDS.len()],
}

impl Meters {
    /// For the connection of this name. Every outcome begins at 0, so that the first of its kind is seen as a rise.
    pub fn new(connection: &str) -> Self {
        let counter = |kind: &'static str| counter!(ATTEMPTS, "connection" => connection.to_owned(), "outcome" => kind);
        Self {
            latency: histogram!(LATENCY, "connection" => connection.to_owned()),
            outcomes: Outcome::KINDS.map(|kind| (kind, counter(kind))),
        }
    }

    /// One request has ended after `took`.
    pub fn record(&self, outcome: &Outcome, took: Duration) {
        self.latency.record(took.as_secs_f64());
        if let Some((_, counter)) = self.outcomes.iter().find(|(kind, _)| *kind == outcome.kind()) {
            counter.increment(1);
        }
    }
}

fn seconds(at: Timestamp) -> f64 {
    Duration::from_millis(u64::try_from(at.0).unwrap_or(0)).as_secs_f64()
}

/// Prometheus knows floating point only; beyond 2^53 the last digits go.
#[expect(clippy::cast_precision_loss, reason = "no ledger has 2^53 leads or bytes")]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::breaker::Breaker;
    use crate::domain::delivery::State;
    use crate::ledger::ConnectionState;

    const NOW: Timestamp = Timestamp(1_000_000);

    /// The lines that `what` leaves for Prometheus, comments left out.
    fn lines(what: impl FnOnce()) -> Vec<String> {
        let recorder = recorder().unwrap();
        let exporter = Exporter(recorder.handle());
        metrics::with_local_recorder(&recorder, what);
        exporter.render().lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
    }

    fn health(pause: Option<i64>, outcome: &str) -> Health {
        let pause = pause.map(|until| (Timestamp(until), "the API asked for it".to_owned()));
        let state = ConnectionState { pause, breaker: Breaker::default() };
        Health {
            syncs: vec![SyncHealth {
                sync: "customers".to_owned(),
                leads: vec![(State::Delivered, 12), (State::Held, 0)],
                quarantined: 3,
                last_run: Some((Timestamp(500), outcome.to_owned())),
                last_success: None,
            }],
            connections: vec![("wegroup".to_owned(), state)],
            bytes: 4096,
        }
    }

    #[test]
    fn gauges_show_what_the_ledger_holds() {
        let lines = lines(|| observe(&health(Some(1_030_000), "auth"), NOW));
        for expected in [
            r#"lead_sync_leads{sync="customers",state="delivered"} 12"#,
            r#"lead_sync_leads{sync="customers",state="held"} 0"#,
            r#"lead_sync_quarantined_rows{sync="customers"} 3"#,
            r#"lead_sync_pause_seconds{connection="wegroup"} 30"#,
            r#"lead_sync_breaker_state{connection="wegroup"} 0"#,
            r#"lead_sync_last_run_timestamp_seconds{sync="customers"} 0.5"#,
            r#"lead_sync_last_run_outcome{sync="customers",outcome="auth"} 1"#,
            r#"lead_sync_last_run_outcome{sync="customers",outcome="complete"} 0"#,
            "lead_sync_ledger_size_bytes 4096",
        ] {
            assert!(lines.contains(&expected.to_owned()), "{expected}\nnot in\n{lines:#?}");
        }
        assert!(!lines.iter().any(|line| line.contains("last_success")), "{lines:#?}");
    }

    #[test]
    fn what_is_over_is_no_longer_shown() {
        let lines = lines(|| {
            observe(&health(Some(1_030_000), "auth"), NOW);
            observe(&health(None, "complete"), NOW);
        });
        assert!(lines.contains(&r#"lead_sync_pause_seconds{connection="wegroup"} 0"#.to_owned()));
        assert!(lines.contains(&r#"lead_sync_last_run_outcome{sync="customers",outcome="auth"} 0"#.to_owned()));
    }

    #[test]
    fn requests_are_counted_by_outcome_and_timed() {
        let lines = lines(|| {
            let meters = Meters::new("wegroup");
            meters.record(&Outcome::Accepted, Duration::from_millis(20));
            meters.record(&Outcome::Throttled(None), Duration::from_secs(2));
        });
        for expected in [
            r#"lead_sync_attempts_total{connection="wegroup",outcome="accepted"} 1"#,
            r#"lead_sync_attempts_total{connection="wegroup",outcome="throttled"} 1"#,
            r#"lead_sync_attempts_total{connection="wegroup",outcome="in_doubt"} 0"#,
            r#"lead_sync_request_duration_seconds_bucket{connection="wegroup",le="0.01"} 0"#,
            r#"lead_sync_request_duration_seconds_bucket{connection="wegroup",le="0.025"} 1"#,
            r#"lead_sync_request_duration_seconds_count{connection="wegroup"} 2"#,
        ] {
            assert!(lines.contains(&expected.to_owned()), "{expected}\nnot in\n{lines:#?}");
        }
    }

    #[test]
    fn the_file_for_the_collector_is_replaced_whole_and_readable_by_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lead-sync.prom");
        let recorder = recorder().unwrap();
        let exporter = Exporter(recorder.handle());
        metrics::with_local_recorder(&recorder, || observe(&health(None, "complete"), NOW));
        std::fs::write(&path, "old").unwrap();
        exporter.write(&path).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().contains("lead_sync_ledger_size_bytes 4096\n"));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
