//! The lead endpoint without faults.

use std::sync::Arc;

use lead_sync::sandbox::{Access, BearerCheck, Options, Sandbox};
use reqwest::Method;
use serde_json::json;

use crate::client::{Bench, lead_body, lead_path, seen};

#[tokio::test]
async fn a_good_lead_is_created_and_stored_as_it_was_sent() {
    let bench = Bench::new().await;
    let answer = seen(bench.lead("4711")).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.body["status"], "created");
    let stored = &bench.sandbox.leads()[0];
    assert_eq!(answer.body["id"], stored.id.as_str());
    assert_eq!(stored.body, lead_body("4711"));
    assert_eq!(stored.external_ref.as_deref(), Some("4711"));
    let request = bench.only_request();
    assert_eq!(request.idempotency_key.as_deref(), Some("key-4711"));
    assert_eq!(request.status, Some(201));
    assert!(request.stored && !request.partial);
}

#[tokio::test]
async fn a_wrong_or_missing_token_is_answered_401_with_a_challenge() {
    let bench = Bench::new().await;
    for authorization in ["apikey wrong", "bearer sandbox-token", "sandbox-token"] {
        let response = bench
            .request(Method::POST, &lead_path())
            .header("authorization", authorization)
            .header("content-type", "application/json")
            .body(lead_body("1").to_string())
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 401, "{authorization}");
        assert!(response.headers().contains_key("www-authenticate"));
    }
    let answer = seen(bench.request(Method::POST, &lead_path())).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.body["error"], "request_unauthorized");
    assert_eq!(bench.sandbox.summary().received, 4);
    assert_eq!(bench.stored(), [""; 0]);
}

#[tokio::test]
async fn a_bearer_token_is_judged_by_the_identity_provider() {
    let check: BearerCheck = Arc::new(|token| match token {
        "good" => Access::Granted,
        "read-only" => Access::Forbidden,
        _ => Access::Unknown,
    });
    let bench = Bench::serving(Sandbox::new(Options::default()).with_bearer_check(check)).await;
    for (token, status) in [("good", 201), ("read-only", 403), ("old", 401)] {
        let request = bench
            .request(Method::POST, &lead_path())
            .bearer_auth(token)
            .header("content-type", "application/json")
            .body(lead_body(token).to_string());
        assert_eq!(seen(request).await.status, status, "{token}");
    }
    assert_eq!(bench.stored(), ["good"]);
}

#[tokio::test]
async fn the_path_decides_between_403_and_404_and_405() {
    let bench = Bench::new().await;
    let other_distribution = "/v1/api/distributions/other/leads/customers";
    let other_type = lead_path().replace("customers", "boats");
    for (path, status) in [(other_distribution, 403), (other_type.as_str(), 404), ("/v1/api/nothing", 404)] {
        let answer = seen(bench.post(path, &lead_body("1"))).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.body["error"].is_string(), "{path}");
    }
    let get = bench.request(Method::GET, &lead_path()).send().await;
    let get = get.unwrap();
    assert_eq!(get.status(), 405);
    assert_eq!(get.headers()["allow"], "POST");
    assert_eq!(bench.stored(), [""; 0]);
}

#[tokio::test]
async fn options_on_the_root_is_a_sign_of_life() {
    let bench = Bench::new().await;
    assert_eq!(seen(bench.request(Method::OPTIONS, "/")).await.status, 204);
    assert_eq!(bench.only_request().path, "/");
    assert_eq!(bench.sandbox.summary().received, 0, "a probe is no lead");
}

#[tokio::test]
async fn the_body_has_to_be_json_and_say_so() {
    let bench = Bench::new().await;
    let untyped = bench
        .request(Method::POST, &lead_path())
        .header("authorization", "apikey sandbox-token")
        .body(lead_body("1").to_string());
    assert_eq!(seen(untyped).await.status, 415);
    assert_eq!(seen(bench.lead("1").body("{")).await.status, 400);
    let huge = bench.lead("1").body("x".repeat(2 * 1024 * 1024));
    assert_eq!(seen(huge).await.status, 413);
    let charset = bench
        .request(Method::POST, &lead_path())
        .header("authorization", "apikey sandbox-token")
        .header("content-type", "Application/JSON; charset=utf-8")
        .body(lead_body("2").to_string());
    assert_eq!(seen(charset).await.status, 201);
}

#[tokio::test]
async fn a_lead_that_is_not_valid_is_answered_422_with_its_fields() {
    let bench = Bench::new().await;
    let lead = json!({"prospect": {"first_name": 7, "email": "nobody@refused.example"}});
    let answer = seen(bench.post(&lead_path(), &lead)).await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.body["error"], "validation_failed");
    let details = answer.body["details"].as_array().unwrap();
    let fields: Vec<_> = details.iter().map(|detail| &detail["field"]).collect();
    assert_eq!(fields, ["prospect.first_name", "prospect.email"]);
    assert!(!answer.body.to_string().contains("nobody"));
    assert!(!bench.only_request().stored);
}

#[tokio::test]
async fn a_duplicate_is_stored_twice_and_counted_unless_an_option_says_otherwise() {
    let bench = Bench::new().await;
    for _ in 0..2 {
        assert_eq!(seen(bench.lead("1")).await.status, 201);
    }
    let summary = bench.sandbox.summary();
    assert_eq!(summary.stored, 2);
    assert_eq!(summary.duplicates_by_external_ref, 1);
    assert_eq!(summary.duplicates_by_idempotency_key, 1);
    assert_eq!(summary.repeated_idempotency_keys, 1);
}

#[tokio::test]
async fn a_duplicate_is_a_conflict_where_the_option_or_the_address_asks_for_it() {
    let options = Options { conflict_on_duplicate: true, ..Options::default() };
    let bench = Bench::with(options).await;
    assert_eq!(seen(bench.lead("1")).await.status, 201);
    assert_eq!(seen(bench.lead("1")).await.status, 409);
    assert_eq!(bench.stored(), ["1"]);

    let bench = Bench::new().await;
    let mut lead = lead_body("1");
    lead["prospect"]["email"] = json!("ann@conflict.example");
    assert_eq!(seen(bench.post(&lead_path(), &lead)).await.status, 201);
    assert_eq!(seen(bench.post(&lead_path(), &lead)).await.status, 409);
    assert_eq!(bench.stored(), ["1"]);
}

#[tokio::test]
async fn an_honoured_idempotency_key_gets_the_first_answer_and_stores_nothing() {
    let options = Options { honour_idempotency_key: true, ..Options::default() };
    let bench = Bench::with(options).await;
    let first = seen(bench.lead("1")).await;
    let second = seen(bench.lead("1")).await;
    assert_eq!(first.status, 201);
    assert_eq!(first, second);
    assert_eq!(bench.stored(), ["1"]);
    assert_ne!(seen(bench.lead("2")).await.body["id"], first.body["id"]);
}

#[tokio::test]
async fn generic_paths_store_any_json() {
    let bench = Bench::new().await;
    let lead = json!({"external_ref": "9", "name": "Maes"});
    for method in [Method::POST, Method::PUT, Method::PATCH] {
        let request = bench
            .request(method, "/generic/crm/contacts?x=1")
            .header("content-type", "application/json")
            .body(lead.to_string());
        assert_eq!(seen(request).await.status, 201);
    }
    assert_eq!(bench.stored(), ["9", "9", "9"]);
    assert_eq!(bench.sandbox.leads()[0].path, "/generic/crm/contacts");
    let wrong_token = bench
        .request(Method::POST, "/generic/leads")
        .header("authorization", "apikey wrong")
        .header("content-type", "application/json")
        .body(lead.to_string());
    assert_eq!(seen(wrong_token).await.status, 401);
}
