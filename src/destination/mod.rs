//! Posts a lead once and reports what came back; never retries, never decides.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, DATE, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, Method};
use reqwest::{Client, Response, Url};

mod body;
mod failure;

use crate::domain::outcome::{Answer, Reply};

/// Where and how a connection's leads are posted.
#[derive(Clone, PartialEq)]
pub struct Settings {
    /// Scheme and host of the API, e.g. `https://api.wegroup.be`; `http` only towards loopback.
    pub api_url: Url,
    /// Fixed headers of every request.
    pub headers: HeaderMap,
    /// Time from the start of a request to the end of its answer.
    pub timeout: Duration,
    /// An explicit proxy; `None`: the environment's. Towards this machine none is used.
    pub proxy: Option<Url>,
    /// PEM certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// JSON pointer (RFC 6901) to the lead's id in the answer.
    pub reference: String,
}

impl Settings {
    /// The host and path of the API, for a person. All addresses of this machine are one: a test server is on another port each time.
    pub fn place(&self) -> String {
        if is_loopback(&self.api_url) {
            return "this machine".to_owned();
        }
        let path = self.api_url.path().trim_end_matches('/');
        let port = self.api_url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}{port}{path}", self.api_url.host_str().unwrap_or_default())
    }
}

/// Without the proxy, whose address may hold a password, and without the values of the headers, one of which may be a key.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("api_url", &self.api_url.as_str())
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("timeout", &self.timeout)
            .field("ca_file", &self.ca_file)
            .field("reference", &self.reference)
            .finish_non_exhaustive()
    }
}

/// Method and path of a sync's request, e.g. `POST /v1/api/distributions/ID/leads/customers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `POST`, `PUT` or `PATCH`.
    pub method: Method,
    /// Absolute path on the API's host, with its query, if any.
    pub path: String,
}

/// The largest answer that is read, in bytes: an id and a few words, with room; more is dropped, not stored.
const ANSWER_LIMIT: usize = 256 * 1024;

/// An idle connection is dropped after this: shorter than any common server's own limit, so that it rarely closes a connection just as it is
/// used again, which would put a lead in doubt (RELIABILITY 3.3).
const IDLE: Duration = Duration::from_secs(2);

/// Longest wait for a TCP and TLS handshake. A host that does not answer by then is away; nothing was sent.
const CONNECT: Duration = Duration::from_secs(10);

/// The header of draft-ietf-httpapi-idempotency-key-header, sent bare (DESIGN section 6).
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A shorter value of a header is no key, but perhaps a word of the answer. In bytes.
const SHORTEST_SECRET: usize = 8;

/// Why a destination cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The CA file cannot be read or holds no certificate.
    #[error("ca_file {}: {cause}", .path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// The path does not make an address together with the API's host.
    #[error("'{path}' is no path on {host}")]
    Path {
        /// The path.
        path: String,
        /// The host.
        host: String,
    },
    /// The TLS or proxy settings do not work.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(String),
}

/// An HTTP client for one connection.
#[derive(Debug, Clone)]
pub struct Destination {
    client: Client,
    settings: Settings,
}

/// The address of a sync's requests, checked once.
#[derive(Debug, Clone)]
pub struct Target {
    method: Method,
    url: Url,
}

impl Destination {
    /// Sets up the client: no redirects, no retries, no cookies, no decompression, HTTP/1.1, idle connections dropped early.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let mut builder = Client::builder()
            .user_agent(concat!("lead-sync/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .tcp_nodelay(true)
            .connect_timeout(CONNECT.min(settings.timeout))
            .timeout(settings.timeout)
            .pool_idle_timeout(IDLE)
            .default_headers(settings.headers.clone());
        if is_loopback(&settings.api_url) {
            // A proxy's own 127.0.0.1 is another machine.
            builder = builder.no_proxy();
        } else if let Some(proxy) = &settings.proxy {
            let proxy = reqwest::Proxy::all(proxy.clone()).map_err(|error| Error::Client(failure::cause(&error)))?;
            builder = builder.proxy(proxy);
        }
        if settings.api_url.scheme() == "http" {
            // Without TLS there is nothing to trust: a machine without certificates can do this, too.
            builder = builder.tls_certs_only([]);
        } else if let Some(path) = &settings.ca_file {
            builder = builder.tls_certs_merge(read_certificates(path)?);
        }
        let client = builder.build().map_err(|error| Error::Client(failure::cause(&error)))?;
        Ok(Self { client, settings })
    }

    /// The address of an endpoint on this connection's host.
    pub fn target(&self, endpoint: &Endpoint) -> Result<Target, Error> {
        let host = &self.settings.api_url;
        let wrong = || Error::Path { path: endpoint.path.clone(), host: host.to_string() };
        let base = host.as_str().trim_end_matches('/');
        let url = Url::parse(&format!("{base}{}", endpoint.path)).map_err(|_| wrong())?;
        // The path must not be able to change the host the credential goes to.
        if url.origin() == host.origin() && endpoint.path.starts_with('/') {
            Ok(Target { method: endpoint.method.clone(), url })
        } else {
            Err(wrong())
        }
    }

    /// JSON pointer to the lead's id in an answer.
    pub fn reference(&self) -> &str {
        &self.settings.reference
    }

    /// Values of the configured headers that may be credentials, and their last words (`Bearer TOKEN`). Nothing tells a key from
    /// another value, so each counts that is long enough for one, unless its header never holds any.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let named = |name: &HeaderName| name.as_str().starts_with("accept") || name == USER_AGENT;
        let headers = self.settings.headers.iter().filter(move |(name, _)| !named(name));
        let values = headers.filter_map(|(_, value)| str::from_utf8(value.as_bytes()).ok().map(str::trim));
        let words = values.flat_map(|value| [value].into_iter().chain(value.split_whitespace().last()));
        words.filter(|secret| secret.len() >= SHORTEST_SECRET)
    }

    /// Sends one lead, once.
    pub async fn post(
        &self,
        target: &Target,
        authorization: Option<&(HeaderName, HeaderValue)>,
        idempotency_key: &str,
        payload: Bytes,
    ) -> Reply {
        let (body, asked_for) = body::probe(payload);
        let mut request = self
            .client
            .request(target.method.clone(), target.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(IDEMPOTENCY_KEY, idempotency_key)
            .body(body);
        if let Some((name, value)) = authorization {
            request = request.header(name, value);
        }
        match request.send().await {
            Ok(response) => read(response).await,
            Err(error) => failure::reply(&error, asked_for.was_polled()),
        }
    }

    /// Asks the host for a sign of life by a request without side effects (OPTIONS, RFC 9110 section 9.3.7).
    pub async fn probe(&self) -> Reply {
        match self.client.request(Method::OPTIONS, self.settings.api_url.clone()).send().await {
            Ok(response) => read(response).await,
            Err(error) => failure::reply(&error, false),
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Reads an answer up to the limit. A status that arrived counts, whatever becomes of the body.
async fn read(mut response: Response) -> Reply {
    let text = |name: HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let status = response.status().as_u16();
    let (retry_after, date) = (text(RETRY_AFTER), text(DATE));
    let mut body = Vec::new();
    let complete = loop {
        match response.chunk().await {
            Ok(None) => break true,
            Ok(Some(chunk)) if body.len() + chunk.len() <= ANSWER_LIMIT => body.extend_from_slice(&chunk),
            Ok(Some(_)) | Err(_) => break false,
        }
    };
    Reply::Answered(Answer { status, retry_after, date, body: complete.then_some(body) })
}

fn read_certificates(path: &Path) -> Result<Vec<reqwest::Certificate>, Error> {
    let wrong = |cause: String| Error::CaFile { path: path.into(), cause };
    let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let certificates = reqwest::Certificate::from_pem_bundle(&pem)
        .map_err(|_| wrong("is no PEM bundle of certificates".to_owned()))?;
    if certificates.is_empty() { Err(wrong("holds no certificate".to_owned())) } else { Ok(certificates) }
}
