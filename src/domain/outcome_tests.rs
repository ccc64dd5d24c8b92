use std::time::Duration;

use super::*;

const NOW: Timestamp = Timestamp(784_111_777_000);

fn answered(status: u16, retry_after: Option<&str>) -> Reply {
    Reply::Answered(Answer { status, retry_after: retry_after.map(str::to_owned), date: None, body: None })
}

#[test]
fn every_status_has_the_outcome_the_policy_gives_it() {
    for status in 100..=999 {
        let expected = match status {
            200..=299 => "accepted",
            300..=399 | 404 | 405 | 410 => "wrong_path",
            401 => "unauthorized",
            403 => "forbidden",
            408 | 425 | 429 => "throttled",
            409 => "conflict",
            400..=499 => "rejected",
            _ => "in_doubt",
        };
        assert_eq!(classify(&answered(status, None), NOW).kind(), expected, "HTTP {status}");
    }
}

#[test]
fn a_503_is_throttled_only_with_a_retry_after_that_can_be_read() {
    assert_eq!(classify(&answered(503, Some("5")), NOW).kind(), "throttled");
    assert_eq!(classify(&answered(503, Some("soon")), NOW).kind(), "in_doubt");
    assert_eq!(classify(&answered(500, Some("5")), NOW).kind(), "in_doubt");
    let hour = retry_after::Asked { wait: Duration::from_hours(1), cut: false };
    assert_eq!(classify(&answered(429, Some("3600")), NOW), Outcome::Throttled(Some(hour)));
    assert_eq!(classify(&answered(429, None), NOW), Outcome::Throttled(None));
}

#[test]
fn only_a_request_that_surely_never_arrived_counts_as_not_sent() {
    let reply = |surely_not_sent| Reply::Unanswered { surely_not_sent, cause: "reset".into() };
    assert_eq!(classify(&reply(true), NOW), Outcome::NotSent);
    assert_eq!(classify(&reply(false), NOW), Outcome::InDoubt);
}

#[test]
fn exactly_the_posts_that_may_have_been_processed_are_charged() {
    for status in 100..=999 {
        let uncharged = matches!(status, 300..=399 | 401 | 403 | 404 | 405 | 408 | 410 | 425 | 429);
        assert_eq!(classify(&answered(status, None), NOW).is_charged(), !uncharged, "HTTP {status}");
    }
}

#[test]
fn the_reference_is_text_or_number_at_the_pointer() {
    let with = |body: &str| {
        Reply::Answered(Answer { status: 201, retry_after: None, date: None, body: Some(body.as_bytes().to_vec()) })
    };
    assert_eq!(reference(&with(r#"{"id":"abc"}"#), "/id").as_deref(), Some("abc"));
    assert_eq!(reference(&with(r#"{"data":{"id":7}}"#), "/data/id").as_deref(), Some("7"));
    assert_eq!(reference(&with(r#"{"id":""}"#), "/id"), None);
    assert_eq!(reference(&with("garbage"), "/id"), None);
}

#[test]
fn a_server_error_is_life_only_if_it_is_501() {
    assert!(is_alive(&answered(404, None)));
    assert!(is_alive(&answered(501, None)));
    assert!(!is_alive(&answered(503, Some("1"))));
    assert!(!is_alive(&Reply::Unanswered { surely_not_sent: true, cause: String::new() }));
}

#[test]
fn a_reason_with_its_status_is_at_most_as_long_as_the_contract_allows() {
    let body = format!("{{\"message\": \"{}\"}}", "no such town ".repeat(100));
    let answer = Answer { status: 422, retry_after: None, date: None, body: Some(body.into_bytes()) };
    let reason = describe(&Reply::Answered(answer), "{}", &[]);
    assert!(reason.starts_with("HTTP 422: no such town"), "{reason}");
    assert_eq!(reason.chars().count(), 300);
}
