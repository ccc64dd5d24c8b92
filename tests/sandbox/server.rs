//! Listening, stopping, and clients that misbehave.

use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use lead_sync::sandbox::{Fault, InvalidFault, Kind, Options, Sandbox, StartError};
use reqwest::Method;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::client::{Bench, lead_path};

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let everywhere: SocketAddr = "0.0.0.0:0".parse().unwrap();
    let refused = Sandbox::listen(everywhere).await.unwrap_err();
    assert!(refused.to_string().contains("loopback only"), "{refused}");
    let listener = TcpListener::bind(everywhere).await.unwrap();
    let refused = Sandbox::start(Options::default(), listener).err();
    assert!(matches!(refused, Some(StartError::NotLoopback(_))));
}

#[tokio::test]
async fn a_fault_that_cannot_be_played_stops_the_start() {
    let fault: Result<Fault, InvalidFault> = "503".parse();
    let options = Options { faults: vec![fault.unwrap().times(0)], ..Options::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refused = Sandbox::start(options, listener).err();
    assert!(matches!(refused, Some(StartError::Fault(_))));
}

#[tokio::test]
async fn the_identity_providers_routes_are_served_beside_the_leads() {
    let routes = Router::new().route("/userinfo", get(|| async { "me" }));
    let bench = Bench::serving(Sandbox::new(Options::default()).with_routes(routes)).await;
    let answer = bench.request(Method::GET, "/userinfo").send().await;
    assert_eq!(answer.unwrap().text().await.unwrap(), "me");
    assert_eq!(bench.only_request().path, "/userinfo");
    assert_eq!(bench.send("1").await.unwrap().status(), 201);
}

#[tokio::test]
async fn after_shutdown_nobody_answers() {
    let bench = Bench::new().await;
    bench.send("1").await.unwrap();
    let address = bench.sandbox.address();
    bench.sandbox.shutdown().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn shutdown_lets_a_request_under_way_end() {
    let bench = Bench::with_fault(Kind::Slow { ms: 100 }).await;
    let answer = tokio::spawn(bench.send_owned("1"));
    bench.until_received(1).await;
    bench.sandbox.shutdown().await;
    assert_eq!(answer.await.unwrap().unwrap().status(), 201);
}

/// A connection that has sent the head of a lead request and a part of its body.
async fn half_a_request(bench: &Bench) -> TcpStream {
    let mut stream = TcpStream::connect(bench.sandbox.address()).await.unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: sandbox\r\nidempotency-key: k\r\ncontent-length: 100\r\n\r\n{{\"pros",
        lead_path()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

async fn assert_partial(bench: &Bench) {
    bench.until_received(1).await;
    let request = bench.only_request();
    assert!(request.partial && !request.stored);
    assert_eq!(request.status, None);
    assert_eq!(request.idempotency_key.as_deref(), Some("k"));
    assert_eq!(bench.sandbox.summary().partial, 1);
    assert_eq!(bench.sandbox.summary().received, 0);
}

#[tokio::test]
async fn a_request_that_ends_in_its_body_is_recorded_as_partial() {
    let bench = Bench::new().await;
    let mut stream = half_a_request(&bench).await;
    stream.shutdown().await.unwrap();
    assert_partial(&bench).await;
}

#[tokio::test]
async fn a_request_that_is_reset_in_its_body_is_recorded_as_partial() {
    let bench = Bench::new().await;
    let stream = half_a_request(&bench).await;
    bench.until_in_flight(1).await;
    stream.set_zero_linger().unwrap();
    drop(stream);
    assert_partial(&bench).await;
}

#[tokio::test]
async fn requests_under_way_at_once_are_counted() {
    let bench = Bench::new().await;
    let stall = Fault::once(Kind::Stall { ms: 600_000 }).times(3);
    bench.sandbox.add_fault(stall).unwrap();
    let waiting = ["1", "2", "3"].map(|lead| tokio::spawn(bench.send_owned(lead)));
    bench.until_received(3).await;
    let summary = bench.sandbox.summary();
    assert_eq!(summary.max_in_flight_seen, 3);
    assert_eq!(summary.received, 3);
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
}
