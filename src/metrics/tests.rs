use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::*;
use crate::domain::breaker::Breaker;
use crate::domain::delivery::State;
use crate::domain::outcome::Outcome;
use crate::domain::time::Timestamp;
use crate::ledger::{ConnectionState, Health, SyncHealth};

const NOW: Timestamp = Timestamp(1_000_000);

fn known() -> BTreeSet<String> {
    BTreeSet::from(["customers".to_owned()])
}

/// The lines that `what` leaves for Prometheus, comments left out.
fn lines(what: impl FnOnce()) -> Vec<String> {
    let recorder = recorder().unwrap();
    let exporter = Exporter::of(&recorder);
    metrics::with_local_recorder(&recorder, what);
    exporter
        .render(&known())
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

fn health(pause: Option<i64>, outcome: &str) -> Health {
    let pause = pause.map(|until| (Timestamp(until), "the API asked for it".to_owned()));
    let state = ConnectionState { pause, breaker: Breaker::default(), destination: None };
    Health {
        syncs: vec![SyncHealth {
            sync: "customers".to_owned(),
            leads: vec![(State::Delivered, 12), (State::Held, 0)],
            quarantined: 3,
            last_run: Some((Timestamp(500), outcome.to_owned())),
            last_success: None,
            first_run: None,
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
fn a_sync_that_is_not_configured_is_not_shown_and_a_failure_is() {
    let lines = lines(|| {
        let mut health = health(None, "complete");
        health.syncs.push(SyncHealth { sync: "removed".to_owned(), ..health.syncs[0].clone() });
        observe(&health, NOW);
        set_failed("customers", NOW);
        set_next_run("removed", Some(NOW));
    });
    assert!(!lines.iter().any(|line| line.contains("removed")), "{lines:#?}");
    assert!(lines.contains(&r#"lead_sync_last_run_outcome{sync="customers",outcome="error"} 1"#.to_owned()));
    assert!(lines.contains(&r#"lead_sync_last_run_outcome{sync="customers",outcome="complete"} 0"#.to_owned()));
    assert!(lines.contains(&"lead_sync_ledger_size_bytes 4096".to_owned()));
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
    let exporter = Exporter::of(&recorder);
    metrics::with_local_recorder(&recorder, || observe(&health(None, "complete"), NOW));
    std::fs::write(&path, "old").unwrap();
    exporter.write(&path, &known()).unwrap();
    assert!(std::fs::read_to_string(&path).unwrap().contains("lead_sync_ledger_size_bytes 4096\n"));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}
