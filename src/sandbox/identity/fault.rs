//! Faults of the next token requests.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::Provider;

/// What happens to one token request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It is processed, and the connection is cut before the answer.
    LoseAnswer,
    /// It is not processed and answered with this status.
    Status(u16),
    /// It is not processed and answered 429 with a `Retry-After` of so many seconds.
    RetryAfter(u64),
    /// It is processed after this many milliseconds.
    SlowMs(u64),
}

pub(super) type Faults = VecDeque<Fault>;

/// `POST /control/identity`: a list of faults.
pub(super) async fn plan(State(provider): State<Provider>, Json(faults): Json<Vec<Fault>>) -> StatusCode {
    provider.plan_faults(faults);
    StatusCode::NO_CONTENT
}

impl Provider {
    /// Counts a token request and puts it through the next planned fault.
    pub(super) async fn faulty(&self, process: impl AsyncFnOnce() -> Response + Send) -> Response {
        self.tokens().count(|counters| counters.token_requests += 1);
        let fault = self.faults().pop_front();
        match fault {
            None => process().await,
            Some(Fault::Status(status)) => {
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response()
            }
            Some(Fault::RetryAfter(seconds)) => {
                (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds.to_string())]).into_response()
            }
            Some(Fault::SlowMs(ms)) => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                process().await
            }
            Some(Fault::LoseAnswer) => {
                let _lost = process().await;
                Response::new(Body::new(Cut))
            }
        }
    }
}

/// A body that breaks off before its first byte.
struct Cut;

impl http_body::Body for Cut {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, io::Error>>> {
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
    }
}
