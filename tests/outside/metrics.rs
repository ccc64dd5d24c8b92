//! `--metrics-file`, read as Prometheus reads it.

use std::collections::BTreeMap;

use lead_sync::sandbox::{Answer, Fault, Kind, RetryAfter};

use super::site::{Site, assert_nothing_planted, mode};

/// Each sample by its name with labels. Panics on a line that is no sample, and on a name that is not ours.
pub(crate) fn samples(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with("lead_sync_"), "{line}");
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn a_run_leaves_its_metrics_for_the_collector() {
    let site = Site::new("").await;
    site.export(&[["PLANTED-KEY-1", "Plantedfirst", "planted@example.com"], ["PLANTED-KEY-2", "Plantedfirst", ""]]);
    assert_eq!(site.run(&["--run-now", "--metrics-file", "lead-sync.prom"]).await.code, 3);
    let text = site.read("lead-sync.prom");
    assert_nothing_planted(&text);
    assert_eq!(mode(&site.file("lead-sync.prom")), 0o644);
    let samples = samples(&text);
    for (name, value) in [
        (r#"lead_sync_leads{sync="customers",state="delivered"}"#, 1.0),
        (r#"lead_sync_leads{sync="customers",state="rejected"}"#, 1.0),
        (r#"lead_sync_attempts_total{connection="wegroup",outcome="accepted"}"#, 1.0),
        (r#"lead_sync_attempts_total{connection="wegroup",outcome="in_doubt"}"#, 0.0),
        (r#"lead_sync_request_duration_seconds_count{connection="wegroup"}"#, 1.0),
        (r#"lead_sync_pause_seconds{connection="wegroup"}"#, 0.0),
        (r#"lead_sync_last_run_outcome{sync="customers",outcome="attention"}"#, 1.0),
    ] {
        assert_eq!(samples.get(name), Some(&value), "{name}\n{text}");
    }
    for name in [r#"lead_sync_last_success_timestamp_seconds{sync="customers"}"#, "lead_sync_ledger_size_bytes"] {
        assert!(samples[name] > 0.0, "{name}\n{text}");
    }
}

#[tokio::test]
async fn a_run_that_ends_without_a_report_is_shown_as_an_error() {
    let site = Site::new("").await;
    site.export(&[["1", "Jan", "jan@example.com"]]);
    site.write("lead-sync.db", "this is no database, whatever its name says: it is longer than a header");
    assert_eq!(site.run(&["--run-now", "--metrics-file", "lead-sync.prom"]).await.code, 2);
    let samples = samples(&site.read("lead-sync.prom"));
    for (outcome, value) in [("error", 1.0), ("complete", 0.0)] {
        let name = format!(r#"lead_sync_last_run_outcome{{sync="customers",outcome="{outcome}"}}"#);
        assert_eq!(samples.get(&name), Some(&value), "{name}");
    }
}

#[tokio::test]
async fn a_sync_that_was_renamed_is_no_longer_shown() {
    let site = Site::new("").await;
    site.export(&[["1", "Jan", "jan@example.com"]]);
    assert_eq!(site.run(&["--run-now"]).await.code, 0);
    let renamed = site.read("lead-sync.toml").replace("[syncs.customers", "[syncs.clients");
    site.write("lead-sync.toml", &renamed);
    assert_eq!(site.run(&["--run-now", "--confirm", "--metrics-file", "lead-sync.prom"]).await.code, 0);
    let text = site.read("lead-sync.prom");
    assert!(text.contains(r#"sync="clients""#) && !text.contains(r#"sync="customers""#), "{text}");
}

#[tokio::test]
async fn a_pause_that_the_api_asked_for_is_seen() {
    let site = Site::new("").await;
    site.export(&[["1", "Jan", "jan@example.com"]]);
    let answer = Answer { retry_after: Some(RetryAfter::Seconds(3600)), ..Answer::new(429) };
    site.api.add_fault(Fault::once(Kind::Status(answer))).unwrap();
    assert_eq!(site.run(&["--run-now", "--metrics-file", "lead-sync.prom"]).await.code, 4);
    let samples = samples(&site.read("lead-sync.prom"));
    let pause = samples[r#"lead_sync_pause_seconds{connection="wegroup"}"#];
    assert!((3_000.0..=3_600.0).contains(&pause), "{pause}");
    let throttled = r#"lead_sync_attempts_total{connection="wegroup",outcome="throttled"}"#;
    assert_eq!(samples.get(throttled), Some(&1.0));
}

#[tokio::test]
async fn a_file_that_nobody_would_read_is_refused_before_the_run() {
    let site = Site::new("").await;
    site.export(&[["1", "Jan", "jan@example.com"]]);
    for (file, problem) in
        [("metrics.txt", "reads *.prom only"), ("nowhere/lead-sync.prom", "there is no folder nowhere")]
    {
        let ran = site.run(&["--run-now", "--metrics-file", file]).await;
        assert_eq!(ran.code, 2);
        assert!(ran.stderr.contains(problem), "{}", ran.stderr);
    }
    assert_eq!(site.api.leads().len(), 0);
}
