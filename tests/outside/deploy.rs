//! What the repository ships for monitoring speaks of metrics that exist.

use std::collections::BTreeSet;

const DOCS: &str = include_str!("../../docs/metrics.md");
const SOURCES: [&str; 2] = [include_str!("../../src/metrics/mod.rs"), include_str!("../../src/auth/oauth.rs")];
const ALERTS: &str = include_str!("../../deploy/prometheus-alerts.yml");
const BOARD: &str = include_str!("../../deploy/grafana/lead-sync.json");

/// The names of metrics in a text; what a histogram is made of is the histogram.
fn names(text: &str) -> BTreeSet<String> {
    text.match_indices("lead_sync_")
        .map(|(at, _)| {
            let name: String = text[at..].chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            name.strip_suffix("_bucket").map_or(name.clone(), str::to_owned)
        })
        .collect()
}

/// The constants that name metrics.
fn defined() -> BTreeSet<String> {
    let constants =
        SOURCES.into_iter().flat_map(str::lines).filter(|line| line.trim_start_matches("pub ").starts_with("const "));
    constants.flat_map(names).collect()
}

#[test]
fn every_metric_is_documented_and_every_documented_metric_exists() {
    assert_eq!(names(DOCS), defined());
    assert_eq!(defined().len(), 14);
}

#[test]
fn dashboard_and_alerts_ask_for_metrics_that_exist() {
    for text in [ALERTS, BOARD] {
        let unknown: Vec<String> = names(text).difference(&defined()).cloned().collect();
        assert_eq!(unknown, [""; 0]);
    }
}

#[test]
fn the_dashboard_is_json_with_queries_in_every_panel_and_shows_every_metric() {
    let board: serde_json::Value = serde_json::from_str(BOARD).unwrap();
    for panel in board["panels"].as_array().unwrap() {
        assert!(panel["targets"][0]["expr"].is_string(), "{panel}");
    }
    let hidden: Vec<String> = defined().difference(&names(BOARD)).cloned().collect();
    assert_eq!(hidden, ["lead_sync_build_info", "lead_sync_last_run_timestamp_seconds"]);
}

#[test]
fn there_are_three_alerts() {
    assert_eq!(ALERTS.matches("- alert: ").count(), 3);
}

#[test]
fn an_alert_that_waits_an_hour_asks_for_what_holds_through_an_outage() {
    let (_, rule) = ALERTS.split_once("- alert: LeadSyncConnectionStopped").unwrap();
    let expression = rule.split_once("for: 1h").unwrap().0;
    assert!(
        expression.contains("outcome=\"deferred\"} == 1"),
        "a pause that is asked for again has gaps, and at each probe a breaker's 2 is a 1 for a while: {expression}"
    );
    assert!(!expression.contains("breaker_state > 0"), "a 1 stays when nothing is left to be sent: {expression}");
}
