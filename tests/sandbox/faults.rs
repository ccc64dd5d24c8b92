//! Each fault as a client sees it, and what the log says of it.

use std::collections::BTreeMap;
use std::error::Error as _;

use lead_sync::sandbox::{Answer, Fault, Kind, RandomFaults, Received, Requests, RetryAfter};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Bench, seen};

/// Plays `kind` on one lead: the client's error in full, and the log's word on it.
async fn failing(kind: Kind) -> (reqwest::Error, Received, Bench) {
    let bench = Bench::with_fault(kind).await;
    let outcome = match bench.send("1").await {
        Ok(response) => response.bytes().await,
        Err(error) => Err(error),
    };
    let request = bench.only_request();
    (outcome.unwrap_err(), request, bench)
}

fn chain(error: &reqwest::Error) -> String {
    let mut parts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        parts.push(error.to_string());
        cause = error.source();
    }
    parts.join(": ")
}

async fn answering(kind: Kind) -> (reqwest::Response, Bench) {
    let bench = Bench::with_fault(kind).await;
    (bench.send("1").await.unwrap(), bench)
}

#[tokio::test]
async fn a_scripted_status_is_answered_and_nothing_stored() {
    for status in [301, 307, 401, 403, 404, 405, 409, 422, 429, 500, 502, 503, 504] {
        let (response, bench) = answering(Kind::Status(Answer::new(status))).await;
        assert_eq!(response.status(), status);
        let request = bench.only_request();
        assert_eq!((request.fault, request.status), (Some("status"), Some(status)));
        assert!(!request.stored);
        assert_eq!(bench.sandbox.leads(), []);
        assert_eq!(bench.send("1").await.unwrap().status(), 201, "only once");
    }
}

#[tokio::test]
async fn a_scripted_answer_has_its_headers_and_its_body() {
    let (response, _bench) = answering(Kind::Status(Answer {
        headers: BTreeMap::from([
            ("location".to_owned(), "/elsewhere".to_owned()),
            ("content-type".to_owned(), "text/html".to_owned()),
        ]),
        body: Some(json!("<h1>Moved</h1>")),
        ..Answer::new(307)
    }))
    .await;
    assert_eq!(response.headers()["location"], "/elsewhere");
    assert_eq!(response.headers()["content-type"], "text/html");
    assert_eq!(response.text().await.unwrap(), "<h1>Moved</h1>");
}

/// The `Retry-After` that a client sees, and when the request arrived, in ms.
async fn retry_after(form: RetryAfter) -> (String, i64) {
    let answer = Answer { retry_after: Some(form), ..Answer::new(429) };
    let (response, bench) = answering(Kind::Status(answer)).await;
    let header = response.headers()["retry-after"].to_str().unwrap();
    (header.to_owned(), bench.only_request().at_ms)
}

#[tokio::test]
async fn retry_after_comes_in_seconds_or_as_any_text() {
    assert_eq!(retry_after(RetryAfter::Seconds(120)).await.0, "120");
    let text = RetryAfter::Text("soon".to_owned());
    assert_eq!(retry_after(text).await.0, "soon");
}

#[tokio::test]
async fn retry_after_comes_as_a_date_after_or_before_the_answer() {
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    let (future, arrived) = retry_after(RetryAfter::Date(3600)).await;
    assert!(future.ends_with(" GMT"), "{future}");
    // A date has whole seconds.
    let earliest = arrived + 3_599_000;
    assert!(parser.parse_timestamp(&future).unwrap().as_millisecond() >= earliest);
    let (past, arrived) = retry_after(RetryAfter::Date(-3600)).await;
    assert!(parser.parse_timestamp(&past).unwrap().as_millisecond() < arrived);
}

#[tokio::test]
async fn stored_then_status_lies_about_a_stored_lead() {
    let (response, bench) = answering(Kind::StoredThenStatus(Answer::new(500))).await;
    assert_eq!(response.status(), 500);
    assert!(bench.only_request().stored);
    assert_eq!(bench.stored(), ["1"]);
}

#[tokio::test]
async fn an_early_status_leaves_the_body_unread() {
    let (response, bench) = answering(Kind::EarlyStatus(Answer::new(413))).await;
    assert_eq!(response.status(), 413);
    assert!(bench.only_request().partial);
    assert_eq!(bench.sandbox.summary().received, 0);
    assert_eq!(bench.sandbox.summary().partial, 1);
}

#[tokio::test]
async fn a_connection_cut_before_the_body_stores_nothing() {
    let (error, request, bench) = failing(Kind::CutBefore).await;
    assert!(error.is_request());
    assert!(request.partial && !request.stored);
    assert_eq!(request.status, None);
    assert_eq!(bench.stored(), [""; 0]);
}

#[tokio::test]
async fn a_lost_answer_leaves_the_lead_stored() {
    let (error, request, bench) = failing(Kind::LostAnswer).await;
    let incomplete = error
        .source()
        .and_then(|error| error.source())
        .and_then(|error| error.downcast_ref::<hyper::Error>())
        .is_some_and(hyper::Error::is_incomplete_message);
    assert!(incomplete, "{}", chain(&error));
    assert!(request.stored && !request.partial);
    assert_eq!(request.status, None);
    assert_eq!(bench.stored(), ["1"]);
}

#[tokio::test]
async fn an_answer_cut_in_its_head_is_no_answer() {
    let (error, request, bench) = failing(Kind::CutAfterBytes { bytes: 20 }).await;
    assert!(error.is_request(), "{}", chain(&error));
    assert_eq!(request.status, Some(201));
    assert_eq!(bench.stored(), ["1"]);
}

#[tokio::test]
async fn an_answer_cut_in_its_body_still_has_its_status() {
    let bench = Bench::new().await;
    let length = bench.send("0").await.unwrap().content_length().unwrap();
    let head = format!("HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
    let bytes = head.len() + 10;
    bench.sandbox.add_fault(Fault::once(Kind::CutAfterBytes { bytes })).unwrap();
    let response = bench.send("1").await.unwrap();
    assert_eq!(response.status(), 201);
    assert!(response.bytes().await.is_err());
    assert_eq!(bench.stored(), ["0", "1"]);
}

#[tokio::test]
async fn a_wrong_content_length_keeps_the_body_from_ending() {
    let (response, bench) = answering(Kind::WrongLength).await;
    assert_eq!(response.status(), 201);
    assert!(response.bytes().await.is_err());
    assert_eq!(bench.stored(), ["1"]);
}

#[tokio::test]
async fn a_reset_is_a_reset_and_stores_only_if_it_says_so() {
    for (kind, stored) in [(Kind::Reset, false), (Kind::StoredThenReset, true)] {
        let (error, request, _bench) = failing(kind).await;
        assert!(chain(&error).contains("reset by peer"), "{}", chain(&error));
        assert_eq!(request.stored, stored);
        assert!(!request.partial);
    }
}

#[tokio::test]
async fn garbage_is_no_http() {
    let (error, request, bench) = failing(Kind::Garbage).await;
    assert!(chain(&error).contains("invalid HTTP"), "{}", chain(&error));
    assert_eq!(request.status, None);
    assert_eq!(bench.stored(), ["1"]);
}

#[tokio::test]
async fn a_huge_body_is_valid_json_of_that_size() {
    let bytes = 300_000;
    let (response, bench) = answering(Kind::HugeBody { bytes }).await;
    assert_eq!(response.status(), 201);
    let body = response.bytes().await.unwrap();
    assert!(body.len() as u64 > bytes);
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["id"], bench.sandbox.leads()[0].id.as_str());
    assert_eq!(body["padding"].as_str().unwrap().len() as u64, bytes);
}

#[tokio::test]
async fn huge_headers_arrive_or_break_the_client() {
    let (response, _bench) = answering(Kind::HugeHeaders { bytes: 10_000 }).await;
    assert_eq!(response.headers()["x-padding"].len(), 10_000);
    let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    assert_eq!(body["status"], "created");

    let (error, request, _bench) = failing(Kind::HugeHeaders { bytes: 1 << 20 }).await;
    assert!(error.is_request(), "{}", chain(&error));
    assert!(request.stored);
}

#[tokio::test]
async fn a_slow_or_dripping_answer_is_a_good_answer() {
    for kind in [Kind::Slow { ms: 5 }, Kind::Drip { ms: 0 }] {
        let (response, bench) = answering(kind).await;
        assert_eq!(response.status(), 201);
        let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        assert_eq!(body["id"], bench.sandbox.leads()[0].id.as_str());
        assert_eq!(bench.only_request().status, Some(201));
    }
}

#[tokio::test]
async fn a_stall_ends_in_silence_with_the_lead_stored() {
    let (error, request, bench) = failing(Kind::Stall { ms: 5 }).await;
    assert!(error.is_request());
    assert_eq!(request.status, None);
    assert_eq!(bench.stored(), ["1"]);
}

#[tokio::test]
async fn a_client_that_gives_up_on_a_stall_has_left_its_lead_behind() {
    let bench = Bench::with_fault(Kind::Stall { ms: 600_000 }).await;
    let waiting = tokio::spawn(bench.send_owned("1"));
    bench.until_received(1).await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    assert_eq!(bench.stored(), ["1"]);
}

#[tokio::test]
async fn a_connection_closed_after_an_answer_costs_no_lead() {
    let bench = Bench::with_fault(Kind::CloseAfter).await;
    let first = bench.send("1").await.unwrap();
    assert!(first.headers().get("connection").is_none());
    assert_eq!(first.status(), 201);
    first.bytes().await.unwrap();
    assert_eq!(bench.stored(), ["1"]);
}

#[tokio::test]
async fn a_fault_for_one_lead_waits_for_that_lead() {
    let bench = Bench::new().await;
    let fault = Fault::once(Kind::Status(Answer::new(503)));
    bench.sandbox.add_fault(fault.for_lead("2")).unwrap();
    assert_eq!(bench.send("1").await.unwrap().status(), 201);
    assert_eq!(bench.send("2").await.unwrap().status(), 503);
    assert_eq!(bench.send("2").await.unwrap().status(), 201);
}

#[tokio::test]
async fn faults_for_other_requests_take_the_host_away_from_probes_only() {
    let bench = Bench::new().await;
    let fault = Fault::once(Kind::Status(Answer::new(503)));
    let fault = fault.on(Requests::Others).always();
    bench.sandbox.add_fault(fault).unwrap();
    assert_eq!(bench.send("1").await.unwrap().status(), 201);
    let probe = || bench.request(Method::OPTIONS, "/");
    assert_eq!(seen(probe()).await.status, 503);
    bench.sandbox.clear_faults();
    assert_eq!(seen(probe()).await.status, 204);
}

#[tokio::test]
async fn random_faults_account_for_every_lead() {
    let bench = Bench::new().await;
    let kinds = vec![Kind::LostAnswer, Kind::Status(Answer::new(503)), Kind::Reset];
    let random = RandomFaults { probability: 0.5, seed: 7, kinds };
    bench.sandbox.set_random_faults(random).unwrap();
    let mut created = 0;
    for number in 0..100 {
        let outcome = bench.send(&number.to_string()).await;
        created += usize::from(outcome.is_ok_and(|response| response.status() == 201));
    }
    let requests = bench.sandbox.requests();
    assert_eq!(requests.len(), 100);
    let answered = requests.iter().filter(|request| request.fault.is_none());
    assert_eq!(answered.count(), created);
    let lost = requests.iter().filter(|r| r.fault == Some("lost_answer"));
    assert_eq!(bench.stored().len(), created + lost.count());
    assert!((20..80).contains(&created), "{created}");
}
