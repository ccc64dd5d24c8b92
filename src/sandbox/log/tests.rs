use super::*;

fn lead<'a>(key: Option<&'a str>, external_ref: Option<&'a str>) -> NewLead<'a> {
    NewLead {
        at_ms: 0,
        path: "/leads",
        idempotency_key: key,
        external_ref,
        body: b"{}",
        once_per_key: false,
        once_per_ref: false,
    }
}

#[test]
fn the_same_key_and_the_same_reference_count_as_duplicates_apart() {
    let log = Log::new(true);
    log.store(&lead(Some("k1"), Some("1")));
    log.store(&lead(Some("k1"), Some("2")));
    log.store(&lead(Some("k2"), Some("1")));
    log.store(&lead(None, None));
    log.store(&lead(None, None));
    let summary = log.summary();
    assert_eq!(summary.stored, 5);
    assert_eq!(summary.duplicates_by_idempotency_key, 1);
    assert_eq!(summary.duplicates_by_external_ref, 1);
}

#[test]
fn a_light_log_counts_and_keeps_nothing() {
    let log = Log::new(true);
    log.store(&lead(Some("k1"), Some("1")));
    assert_eq!(log.leads(), []);
    assert_eq!(log.summary().stored, 1);
}

#[test]
fn the_densest_second_is_found_across_the_edges_of_seconds() {
    assert_eq!(densest_second(&[]), 0);
    assert_eq!(densest_second(&[0, 1000, 2000]), 1);
    assert_eq!(densest_second(&[600, 700, 1500, 1599, 1600]), 4);
}

#[test]
fn what_was_under_way_at_a_reset_still_counts_as_under_way() {
    let log = Log::new(false);
    log.enter();
    log.enter();
    log.leave();
    log.reset();
    assert_eq!(log.summary().max_in_flight_seen, 1);
}
