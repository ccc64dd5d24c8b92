//! Connections: HTTP/1.1 by hyper, until an answer asks for the socket itself.
//!
//! A handler returns a [`Takeover`] as an extension of its response. The connection then ends hyper's part without an answer,
//! takes the socket back and plays the takeover's steps on it.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::time::Duration;

use axum::Router;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// At shutdown, requests under way get this long to end.
const DRAIN: Duration = Duration::from_secs(2);
/// A failing `accept` (no file descriptors left) is tried again after this.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What happens on the socket instead of an answer by hyper: these steps, then the end of the connection.
#[derive(Debug, Clone, thiserror::Error)]
#[error("a fault took the connection over")]
pub(super) struct Takeover {
    steps: Vec<Step>,
    reset: bool,
}

/// One step of a takeover.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Sends these bytes.
    Send(Bytes),
    /// Sends the letter `x` so many times.
    Fill(u64),
    /// Sends these bytes one by one, with a pause after each.
    Drip(Bytes, Duration),
}

impl Takeover {
    /// Closes the connection at once.
    pub(super) fn close() -> Self {
        Self::play(Vec::new())
    }

    /// Ends the connection with a reset (RST).
    pub(super) fn reset() -> Self {
        Self { steps: Vec::new(), reset: true }
    }

    /// Plays `steps`, then closes the connection.
    pub(super) fn play(steps: Vec<Step>) -> Self {
        Self { steps, reset: false }
    }

    async fn run(&self, mut stream: TcpStream) -> io::Result<()> {
        if self.reset {
            return stream.set_zero_linger();
        }
        for step in &self.steps {
            match step {
                Step::Send(bytes) => stream.write_all(bytes).await?,
                Step::Fill(count) => {
                    let mut filling = tokio::io::repeat(b'x').take(*count);
                    tokio::io::copy(&mut filling, &mut stream).await?;
                }
                Step::Drip(bytes, pause) => {
                    for byte in bytes {
                        stream.write_all(&[*byte]).await?;
                        tokio::time::sleep(*pause).await;
                    }
                }
            }
        }
        stream.shutdown().await
    }
}

impl IntoResponse for Takeover {
    /// A response that is never sent: the connection finds the takeover in it.
    fn into_response(self) -> Response {
        let mut response = ().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The service that every connection calls.
pub(super) type Routes = TowerToHyperService<Router>;

/// Accepts connections until `stopped` changes or its sender is gone, then drains them.
pub(super) async fn accept(listener: TcpListener, routes: Routes, mut stopped: watch::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopped.changed() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, routes.clone(), stopped.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "the sandbox cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        tracing::debug!("the sandbox cut requests that did not end in time");
    }
}

/// Serves one connection to its end. A client that goes away is no error here.
async fn connection(stream: TcpStream, routes: Routes, mut stopped: watch::Receiver<()>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let service = service_fn(|request| Box::pin(answer(&routes, request)));
    let mut http = http1::Builder::new().header_read_timeout(None).serve_connection(TokioIo::new(stream), service);
    let mut stopping = false;
    let ended = loop {
        tokio::select! {
            biased;
            ended = poll_fn(|cx| http.poll_without_shutdown(cx)) => break ended,
            _ = stopped.changed(), if !stopping => {
                stopping = true;
                std::pin::Pin::new(&mut http).graceful_shutdown();
            }
        }
    };
    let stream = http.into_parts().io.into_inner();
    let takeover = ended.as_ref().err().and_then(taken_over);
    let played = match takeover {
        Some(takeover) => takeover.run(stream).await,
        None => Ok(()),
    };
    if let Err(error) = played {
        tracing::debug!(%error, "the client left during a fault");
    }
}

/// The takeover that ended hyper's part, if that was the reason.
fn taken_over(error: &hyper::Error) -> Option<&Takeover> {
    std::error::Error::source(error)?.downcast_ref()
}

async fn answer(routes: &Routes, request: http::Request<Incoming>) -> Result<Response, Takeover> {
    let answered: Result<Response, Infallible> = routes.call(request).await;
    let mut response = answered.unwrap_or_else(|never| match never {});
    match response.extensions_mut().remove::<Takeover>() {
        Some(takeover) => Err(takeover),
        None => Ok(response),
    }
}
