//! `/sandbox/…`: the log and the faults over HTTP.

use lead_sync::sandbox::Options;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Bench, lead_path, seen};

async fn get(bench: &Bench, path: &str) -> Value {
    seen(bench.request(Method::GET, path)).await.body
}

#[tokio::test]
async fn the_log_is_readable_over_http() {
    let bench = Bench::new().await;
    bench.send("1").await.unwrap();
    let requests = get(&bench, "/sandbox/requests").await;
    assert_eq!(requests.as_array().unwrap().len(), 1, "{requests}");
    assert_eq!(requests[0]["target"], "lead");
    assert_eq!(requests[0]["method"], "POST");
    assert_eq!(requests[0]["path"], lead_path());
    assert_eq!(requests[0]["external_ref"], "1");
    assert_eq!(requests[0]["idempotency_key"], "key-1");
    assert_eq!(requests[0]["status"], 201);
    let leads = get(&bench, "/sandbox/leads").await;
    assert_eq!(leads[0]["body"]["prospect"]["last_name"], "Maes");
    let summary = get(&bench, "/sandbox/summary").await;
    assert_eq!((&summary["received"], &summary["stored"]), (&json!(1), &json!(1)));
    let arrivals = summary["per_second"].as_object().unwrap();
    assert_eq!(arrivals.values().collect::<Vec<_>>(), [&json!(1)]);
}

#[tokio::test]
async fn a_reset_forgets_the_log_and_keeps_the_faults() {
    let bench = Bench::new().await;
    bench.send("1").await.unwrap();
    bench.sandbox.add_fault("503".parse().unwrap()).unwrap();
    let reset = seen(bench.request(Method::DELETE, "/sandbox/state")).await;
    assert_eq!(reset.status, 204);
    assert_eq!(get(&bench, "/sandbox/requests").await, json!([]));
    assert_eq!(get(&bench, "/sandbox/leads").await, json!([]));
    assert_eq!(get(&bench, "/sandbox/summary").await["received"], 0);
    assert_eq!(bench.send("2").await.unwrap().status(), 503);
}

#[tokio::test]
async fn faults_are_queued_listed_and_cleared_over_http() {
    let bench = Bench::new().await;
    let faults = json!([
        {"fault": {"status": {"status": 503}}, "times": 2},
        {"fault": "garbage", "external_ref": "7", "times": null},
    ]);
    assert_eq!(seen(bench.post("/sandbox/faults", &faults)).await.status, 204);
    let one = json!({"fault": "lost_answer"});
    assert_eq!(seen(bench.post("/sandbox/faults", &one)).await.status, 204);
    assert_eq!(bench.send("1").await.unwrap().status(), 503);
    let queue = get(&bench, "/sandbox/faults").await;
    assert_eq!(queue.as_array().unwrap().len(), 3);
    assert_eq!(queue[0]["times"], 1);
    let cleared = seen(bench.request(Method::DELETE, "/sandbox/faults")).await;
    assert_eq!(cleared.status, 204);
    assert_eq!(bench.send("1").await.unwrap().status(), 201);
}

#[tokio::test]
async fn a_list_with_one_bad_fault_changes_nothing() {
    let bench = Bench::new().await;
    let faults = json!([{"fault": "garbage"}, {"fault": "cut_before", "external_ref": "7"}]);
    let answer = seen(bench.post("/sandbox/faults", &faults)).await;
    assert_eq!(answer.status, 400);
    let message = answer.body["message"].as_str().unwrap();
    assert!(message.contains("before the body is read"), "{message}");
    assert_eq!(get(&bench, "/sandbox/faults").await, json!([]));
}

#[tokio::test]
async fn random_faults_are_set_over_http() {
    let bench = Bench::new().await;
    let random = json!({"probability": 1.0, "seed": 1, "kinds": [{"status": {"status": 502}}]});
    let request = bench.request(Method::PUT, "/sandbox/faults/random").body(random.to_string());
    assert_eq!(seen(request).await.status, 204);
    assert_eq!(bench.send("1").await.unwrap().status(), 502);
    let unlikely = json!({"probability": 1.5, "seed": 1, "kinds": ["garbage"]});
    let request = bench.request(Method::PUT, "/sandbox/faults/random").body(unlikely.to_string());
    assert_eq!(seen(request).await.status, 400);
}

#[tokio::test]
async fn faults_leave_the_control_endpoint_alone() {
    let bench = Bench::new().await;
    let always = json!({"fault": "reset", "on": "every", "times": null});
    assert_eq!(seen(bench.post("/sandbox/faults", &always)).await.status, 204);
    assert!(bench.send("1").await.is_err());
    assert_eq!(get(&bench, "/sandbox/summary").await["received"], 1);
}

#[tokio::test]
async fn a_light_sandbox_counts_and_keeps_no_lead() {
    let options = Options { light: true, ..Options::default() };
    let bench = Bench::with(options).await;
    for external_ref in ["1", "2", "2"] {
        assert_eq!(bench.send(external_ref).await.unwrap().status(), 201);
    }
    assert_eq!(bench.sandbox.requests(), []);
    assert_eq!(bench.sandbox.leads(), []);
    let summary = bench.sandbox.summary();
    assert_eq!((summary.received, summary.stored), (3, 3));
    assert_eq!(summary.duplicates_by_external_ref, 1);
}
