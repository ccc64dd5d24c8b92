//! How an answer leaves, given the fault of its request.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::kind::{Answer, Kind, RetryAfter};
use super::wire::{Step, Takeover};
use crate::clock;

/// `WrongLength` promises this many bytes that never come.
const MISSING_BYTES: u64 = 64;

/// An answer ready to go.
pub(super) struct Delivery {
    /// Its status; `None` if no part of an answer is sent.
    pub(super) status: Option<StatusCode>,
    /// Time to wait before it goes.
    pub(super) wait: Duration,
    /// What the connection gets.
    pub(super) response: Response,
}

impl Delivery {
    /// This response as it is.
    pub(super) fn plain(response: Response) -> Self {
        Self { status: Some(response.status()), wait: Duration::ZERO, response }
    }

    /// No answer.
    pub(super) fn silent(takeover: Takeover) -> Self {
        Self { status: None, wait: Duration::ZERO, response: takeover.into_response() }
    }

    fn after(self, ms: u64) -> Self {
        Self { wait: Duration::from_millis(ms), ..self }
    }
}

/// What a fault answers instead of letting the request in; `None` if it lets the request in.
pub(super) fn refusal(fault: Option<&Kind>) -> Option<Delivery> {
    match fault? {
        Kind::Status(answer) | Kind::EarlyStatus(answer) => Some(Delivery::plain(scripted(answer))),
        Kind::CutBefore => Some(Delivery::silent(Takeover::close())),
        Kind::Reset => Some(Delivery::silent(Takeover::reset())),
        _ => None,
    }
}

/// How `response`, the answer to a request that was let in, leaves under `kind`.
pub(super) async fn spoil(kind: &Kind, response: Response) -> Delivery {
    match kind {
        Kind::StoredThenStatus(answer) => Delivery::plain(scripted(answer)),
        Kind::LostAnswer => Delivery::silent(Takeover::close()),
        Kind::StoredThenReset => Delivery::silent(Takeover::reset()),
        Kind::Slow { ms } => Delivery::plain(response).after(*ms),
        Kind::Stall { ms } => Delivery::silent(Takeover::close()).after(*ms),
        Kind::Garbage => {
            let noise = Bytes::from_static(b"\x16\x03\x01 this is not HTTP\r\n\r\n");
            Delivery::silent(Takeover::play(vec![Step::Send(noise)]))
        }
        Kind::CutAfterBytes { .. }
        | Kind::Drip { .. }
        | Kind::HugeBody { .. }
        | Kind::HugeHeaders { .. }
        | Kind::WrongLength
        | Kind::CloseAfter => {
            let status = response.status();
            let steps = by_hand(kind, Message::new(response).await);
            let sent = !matches!(kind, Kind::CutAfterBytes { bytes: 0 });
            Delivery { status: sent.then_some(status), ..Delivery::silent(Takeover::play(steps)) }
        }
        _ => Delivery::plain(response),
    }
}

/// The bytes of an answer that hyper would never write like this.
fn by_hand(kind: &Kind, message: Message) -> Vec<Step> {
    let length = message.length();
    match kind {
        Kind::CutAfterBytes { bytes } => {
            let whole = message.bytes(length);
            vec![Step::Send(whole.slice(..whole.len().min(*bytes)))]
        }
        Kind::WrongLength => vec![Step::Send(message.bytes(length + MISSING_BYTES))],
        Kind::Drip { ms } => {
            let bytes = message.closing().bytes(length);
            vec![Step::Drip(bytes, Duration::from_millis(*ms))]
        }
        Kind::HugeHeaders { bytes } => {
            let message = message.closing();
            let mut head = message.head(length);
            head.push_str("x-padding: ");
            let rest = [b"\r\n\r\n", message.body.as_ref()].concat();
            vec![Step::Send(head.into()), Step::Fill(*bytes), Step::Send(rest.into())]
        }
        Kind::HugeBody { bytes } => padded(&message.closing(), *bytes),
        _ => vec![Step::Send(message.bytes(length))],
    }
}

/// The answer's JSON object with one more member of `padding` bytes.
fn padded(message: &Message, padding: u64) -> Vec<Step> {
    let start = message.body.strip_suffix(b"}").unwrap_or(b"{\"id\":null");
    let start = [start, b",\"padding\":\""].concat();
    let end = b"\"}";
    let head = message.head((start.len() + end.len()) as u64 + padding) + "\r\n";
    vec![
        Step::Send([head.as_bytes(), start.as_slice()].concat().into()),
        Step::Fill(padding),
        Step::Send(Bytes::from_static(end)),
    ]
}

/// An answer as it goes over the wire.
struct Message {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Message {
    async fn new(response: Response) -> Self {
        let (head, body) = response.into_parts();
        let mut headers = head.headers;
        headers.remove(CONTENT_LENGTH);
        Self { status: head.status, headers, body: to_bytes(body, usize::MAX).await.unwrap_or_default() }
    }

    /// Bytes of the body.
    fn length(&self) -> u64 {
        self.body.len() as u64
    }

    /// The same, saying that the connection ends with it.
    fn closing(mut self) -> Self {
        self.headers.insert(CONNECTION, HeaderValue::from_static("close"));
        self
    }

    /// Status line and headers, each with its line end, and not the empty line after them.
    fn head(&self, content_length: u64) -> String {
        use std::fmt::Write;
        let mut head = format!("HTTP/1.1 {}\r\n", self.status);
        let headers = self.headers.iter();
        for (name, value) in headers.filter_map(|(name, value)| Some((name, value.to_str().ok()?))) {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let _ = write!(head, "content-length: {content_length}\r\n");
        head
    }

    fn bytes(&self, content_length: u64) -> Bytes {
        let head = self.head(content_length) + "\r\n";
        [head.as_bytes(), self.body.as_ref()].concat().into()
    }
}

/// The response of a scripted answer, which was checked when it was queued.
fn scripted(answer: &Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut headers = HeaderMap::new();
    let body = match &answer.body {
        Some(Value::String(text)) => Body::from(text.clone()),
        other => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            let body = other.clone().unwrap_or_else(|| default_body(status));
            Body::from(body.to_string())
        }
    };
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    if let Some(value) = answer.retry_after.as_ref().and_then(retry_after) {
        headers.insert(RETRY_AFTER, value);
    }
    (status, headers, body).into_response()
}

fn default_body(status: StatusCode) -> Value {
    json!({"error": "sandbox_fault", "message": format!("scripted answer {}", status.as_u16())})
}

fn retry_after(form: &RetryAfter) -> Option<HeaderValue> {
    let text = match form {
        RetryAfter::Seconds(seconds) => seconds.to_string(),
        RetryAfter::Date(seconds) => {
            let now = jiff::Timestamp::from_millisecond(clock::now().0).ok()?;
            let at = now.checked_add(jiff::SignedDuration::from_secs(*seconds));
            jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at.ok()?).ok()?
        }
        RetryAfter::Text(text) => text.clone(),
    };
    HeaderValue::from_str(&text).ok()
}
