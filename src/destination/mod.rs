//! Posts a lead once and reports what came back; never retries, never decides.

use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderMap, Method};

/// Where and how a connection's leads are posted.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Scheme and host of the API, e.g. `https://api.wegroup.be`; `http` only towards loopback.
    pub api_url: reqwest::Url,
    /// Fixed headers of every request.
    pub headers: HeaderMap,
    /// Time from the start of a request to the end of its answer.
    pub timeout: Duration,
    /// An explicit proxy; `None`: the environment's.
    pub proxy: Option<reqwest::Url>,
    /// PEM certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// JSON pointer (RFC 6901) to the lead's id in the answer.
    pub reference: String,
}

/// Method and path of a sync's request, e.g. `POST /v1/api/distributions/ID/leads/customers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `POST`, `PUT` or `PATCH`.
    pub method: Method,
    /// Absolute path on the API's host, with its query, if any.
    pub path: String,
}
