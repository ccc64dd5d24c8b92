//! Serves a few clients, one request for each connection.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Connections at once; more wait. Ample beside a monitor, a probe and a person, so that some that never ask keep nobody out.
const CONNECTIONS: usize = 256;

/// From the connection to the end of the request's head: who asks nothing soon makes room.
const HEAD: Duration = Duration::from_secs(2);

/// From the connection to the end of the answer; a client that is slower is cut off.
const LONGEST: Duration = Duration::from_secs(10);

/// The rest after a connection that could not be accepted (too many open files).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers on `listener` until the future is dropped.
pub async fn serve(listener: TcpListener, routes: Router) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // Never closed, so there is always a permit to come.
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let routes = routes.clone();
                tokio::spawn(async move {
                    let _permit = permit;
                    if tokio::time::timeout(LONGEST, answer(stream, routes)).await.is_err() {
                        tracing::debug!("a client of the health server was too slow");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the health server cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn answer(stream: TcpStream, routes: Router) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a client of the health server left");
    }
}
