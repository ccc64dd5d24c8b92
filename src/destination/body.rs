//! A request body that knows whether it was asked for: if it never was, the request surely was not processed (RELIABILITY 3.3).

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// The other end of a probed body.
#[derive(Debug)]
pub(super) struct AskedFor(Arc<AtomicBool>);

impl AskedFor {
    /// True once the HTTP client has asked the body for data.
    pub(super) fn was_polled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

struct Probe {
    data: Option<Bytes>,
    polled: Arc<AtomicBool>,
}

impl Body for Probe {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.polled.store(true, Ordering::Release);
        Poll::Ready(self.data.take().map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none()
    }

    /// The exact size keeps `Content-Length`; without it the body would go out in chunks, which not every API takes.
    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.as_ref().map_or(0, |data| data.len() as u64))
    }
}

/// Wraps a payload. It is not clonable, so no layer below can send it twice.
pub(super) fn probe(payload: Bytes) -> (reqwest::Body, AskedFor) {
    let polled = Arc::new(AtomicBool::new(false));
    let body = Probe { data: Some(payload), polled: Arc::clone(&polled) };
    (reqwest::Body::wrap(body), AskedFor(polled))
}
