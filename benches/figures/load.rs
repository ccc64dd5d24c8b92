//! The reference for sending: a bare load generator. hyper on one thread, one request after the other on each of so many connections,
//! with the same bodies and as many headers as lead-sync sends, and nothing recorded.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::{Failure, Result, rows, subject};

/// The first argument that starts it; then address, requests, connections.
pub(crate) const ROLE: &str = "load";

/// Sends, and prints how long that took in microseconds.
pub(crate) fn generate(args: &[String]) -> Result<()> {
    let [address, requests, connections] = args else { return Err("load ADDRESS REQUESTS CONNECTIONS".into()) };
    let (requests, connections): (usize, usize) = (requests.parse()?, connections.parse()?);
    let bodies: Vec<Bytes> = (0..requests).map(|number| Bytes::from(rows::body(number))).collect();
    let bodies = Rc::new(bodies);
    let next = Rc::new(Cell::new(0));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tasks = tokio::task::LocalSet::new();
    let took: Duration = tasks.block_on(&runtime, async {
        let mut running = Vec::new();
        let began = Instant::now();
        for _ in 0..connections {
            let (bodies, next, address) = (Rc::clone(&bodies), Rc::clone(&next), address.clone());
            running.push(tokio::task::spawn_local(async move { post_all(&address, &bodies, &next).await }));
        }
        for task in running {
            task.await?.map_err(|error| format!("the load generator failed: {error}"))?;
        }
        Ok::<_, Failure>(began.elapsed())
    })?;
    println!("{}", took.as_micros());
    Ok(())
}

async fn post_all(address: &str, bodies: &[Bytes], next: &Cell<usize>) -> Result<()> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::task::spawn_local(connection);
    loop {
        let number = next.get();
        let Some(body) = bodies.get(number) else { return Ok(()) };
        next.set(number + 1);
        let request = Request::post(subject::PATH)
            .header("host", address)
            .header("authorization", subject::AUTHORIZATION)
            .header("content-type", "application/json")
            .header("user-agent", "load")
            .header("accept", "*/*")
            .header("idempotency-key", format!("{number:032x}"))
            .body(Full::new(body.clone()))?;
        sender.ready().await?;
        let response = sender.send_request(request).await?;
        if !response.status().is_success() {
            return Err(format!("status {}", response.status()).into());
        }
        response.into_body().collect().await?;
    }
}
