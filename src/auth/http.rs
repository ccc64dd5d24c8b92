//! The HTTP client of the token endpoints: no redirects, no repeats of its own, answers of a bounded size.

use std::time::{Duration, Instant};

use http::{HeaderMap, header};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Proxy, Url};

use super::settings::is_loopback;
use super::{Context, Error};
use crate::clock;
use crate::domain::retry_after::{self, Asked};
use crate::domain::time::Timestamp;

/// From the start of a request to the end of its answer. A token endpoint that checks a password takes some seconds.
const TIMEOUT: Duration = Duration::from_secs(30);
/// For the connection alone.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A token answer is a few kilobytes; more than 1 MiB is none.
const MAX_ANSWER: usize = 1 << 20;
/// The `Date` header has whole seconds: a smaller difference says nothing about the clocks.
const SKEW_THRESHOLD_MS: i64 = 2_000;

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Failure {
    /// It provably never left: DNS, connection or TLS failed.
    #[error("{0}")]
    NotSent(String),
    /// 408, 425, 429 or 503: not processed, come again, if given not before this time.
    #[error("{text}")]
    Busy {
        /// What happened.
        text: String,
        /// `Retry-After`.
        until: Option<Timestamp>,
    },
    /// It may have been processed.
    #[error("{0}")]
    Lost(String),
    /// The path is wrong: 3xx, 404, 405, 410.
    #[error("{0}")]
    WrongAddress(String),
    /// A token endpoint said no without the error body of RFC 6749 section 5.2: nothing was issued.
    #[error("{host} answered {}", .status.as_u16())]
    Refused {
        /// Which one.
        host: String,
        /// A 4xx.
        status: http::StatusCode,
    },
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotSent(text) => Self::Unreachable(text),
            Failure::Busy { text, until: Some(until) } => Self::Paused { text, until },
            Failure::Busy { text, until: None } | Failure::Lost(text) => Self::Unavailable(text),
            Failure::WrongAddress(text) => Self::Configuration(text),
            refused @ Failure::Refused { .. } => Self::NeedsPerson(refused.to_string()),
        }
    }
}

/// A whole answer.
pub(super) struct Reply {
    pub(super) status: http::StatusCode,
    pub(super) body: Vec<u8>,
    /// This machine's clock minus the server's, if they differ by more than the `Date` header can tell.
    pub(super) skew_ms: i64,
}

/// Speaks to the identity provider or token endpoint.
pub(super) struct Http {
    client: Client,
    patience: Duration,
}

impl Http {
    /// A client with the connection's proxy and certificates. Towards this machine no proxy is used.
    pub(super) fn new(server: &Url, context: &Context) -> Result<Self, Error> {
        let mut builder = Client::builder()
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent(concat!("lead-sync/", env!("CARGO_PKG_VERSION")));
        if is_loopback(server) {
            builder = builder.no_proxy();
        } else if let Some(proxy) = &context.proxy {
            builder = builder
                .proxy(Proxy::all(proxy.clone()).map_err(|_| Error::Configuration("the proxy cannot be used".into()))?);
        }
        if server.scheme() == "http" {
            // Without TLS there is nothing to trust: a machine without certificates can do this, too.
            builder = builder.tls_certs_only([]);
        } else if let Some(path) = &context.ca_file {
            let unusable = |why: String| Error::Configuration(format!("ca_file {}: {why}", path.display()));
            let pem = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
            let certificates =
                Certificate::from_pem_bundle(&pem).map_err(|_| unusable("holds no PEM certificates".into()))?;
            builder = builder.tls_certs_merge(certificates);
        }
        let client = builder.build().map_err(|_| Error::Configuration("no TLS connection can be set up".into()))?;
        Ok(Self { client, patience: context.patience })
    }

    /// Whether another try after this pause is waited for, if the first began then.
    pub(super) fn waits(&self, began: Instant, pause: Duration) -> bool {
        began.elapsed() + pause <= self.patience
    }

    /// Sends once. 429, 5xx and answers of a wrong path are failures; anything else is a reply.
    pub(super) async fn send(&self, request: http::Request<Vec<u8>>) -> Result<Reply, Failure> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let request = reqwest::Request::try_from(request)
            .map_err(|_| Failure::NotSent(format!("no request to {host} can be made")))?;
        let mut answer = self.client.execute(request).await.map_err(|error| no_answer(&host, &error))?;
        let skew_ms = skew(answer.headers(), clock::now());
        let status = answer.status();
        check_status(&host, status, answer.headers())?;
        let mut body = Vec::new();
        while let Some(chunk) =
            answer.chunk().await.map_err(|_| Failure::Lost(format!("the answer of {host} was cut short")))?
        {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(Failure::Lost(format!("{host} answered more than {MAX_ANSWER} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, body, skew_ms })
    }

    /// A `GET` with an optional `Authorization`, its body parsed as JSON.
    pub(super) async fn get_json<T: serde::de::DeserializeOwned>(
        &self,
        url: &Url,
        authorization: Option<http::HeaderValue>,
    ) -> Result<(http::StatusCode, Option<T>), Failure> {
        let mut request = http::Request::get(url.as_str()).header("accept", "application/json");
        if let Some(value) = authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        let request = request.body(Vec::new()).map_err(|_| Failure::NotSent("no request can be made".into()))?;
        let reply = self.send(request).await?;
        Ok((reply.status, serde_json::from_slice(&reply.body).ok()))
    }
}

/// Only a failed connection proves that nothing arrived. The error's own text is left out: it holds the address.
fn no_answer(host: &str, error: &reqwest::Error) -> Failure {
    if error.is_connect() || error.is_builder() {
        Failure::NotSent(format!("no connection to {host}: {}", root_cause(error)))
    } else if error.is_timeout() {
        Failure::Lost(format!("no answer from {host} within {} s", TIMEOUT.as_secs()))
    } else {
        Failure::Lost(format!("{host} ended the connection without an answer"))
    }
}

fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

fn check_status(host: &str, status: http::StatusCode, headers: &HeaderMap) -> Result<(), Failure> {
    let mut text = format!("{host} answered {}", status.as_u16());
    match status.as_u16() {
        408 | 425 | 429 | 503 => {
            let now = clock::now();
            let asked = retry_after(headers, now);
            if asked.as_ref().is_some_and(|asked| asked.cut) {
                text = format!("{text} ({})", retry_after::CUT);
            }
            Err(Failure::Busy { text, until: asked.map(|asked| now + asked.wait) })
        }
        500.. => Err(Failure::Lost(text)),
        300..=399 | 404 | 405 | 410 => Err(Failure::WrongAddress(text)),
        _ => Ok(()),
    }
}

fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Asked> {
    retry_after::parse(text(headers, &header::RETRY_AFTER)?, text(headers, &header::DATE), now)
}

fn skew(headers: &HeaderMap, now: Timestamp) -> i64 {
    let server = text(headers, &header::DATE).and_then(Timestamp::from_http_date);
    let skew = server.map_or(0, |server| now.0.saturating_sub(server.0));
    if skew.abs() < SKEW_THRESHOLD_MS { 0 } else { skew }
}

fn text<'h>(headers: &'h HeaderMap, name: &header::HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), http::HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn a_date_to_retry_after_is_read_by_the_servers_clock_and_digits_without_end_are_a_long_wait() {
        let now = Timestamp(784_111_777_000);
        let mut answer = headers("date", "Sun, 06 Nov 1994 12:00:00 GMT");
        let mut read = |value: &str| {
            answer.insert("retry-after", value.parse().unwrap());
            retry_after(&answer, now).map(|asked| asked.wait)
        };
        assert_eq!(read("120"), Some(Duration::from_mins(2)));
        assert_eq!(read("Sun, 06 Nov 1994 12:00:05 GMT"), Some(Duration::from_secs(5)));
        assert_eq!(read("99999999999999999999999"), Some(Duration::from_hours(24)));
        assert_eq!(read("soon"), None);
    }

    #[test]
    fn a_difference_of_clocks_is_seen_from_two_seconds() {
        let at = |ms: i64| {
            let header = headers("date", "Sun, 06 Nov 1994 08:49:37 GMT");
            skew(&header, Timestamp(784_111_777_000 + ms))
        };
        assert_eq!(at(1_999), 0);
        assert_eq!(at(3_600_000), 3_600_000);
        assert_eq!(at(-3_600_000), -3_600_000);
        assert_eq!(skew(&HeaderMap::new(), Timestamp(1)), 0);
    }
}
