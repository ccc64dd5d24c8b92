//! What the log tells: requests, leads and counts.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// What a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A lead, WeGroup's or generic.
    Lead,
    /// Anything else but `/sandbox/…`: a probe, the identity provider.
    Other,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Received {
    /// What it was for.
    pub target: Target,
    /// When its head arrived: milliseconds since 1970-01-01T00:00:00Z.
    pub at_ms: i64,
    /// `POST`, ….
    pub method: String,
    /// The path, without its query.
    pub path: String,
    /// The header `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// The sender's id of the lead, where the body could be read.
    pub external_ref: Option<String>,
    /// Name of the fault that was played.
    pub fault: Option<&'static str>,
    /// The status of the answer; `None` if no part of an answer was sent. Whether the client still listened is not known.
    pub status: Option<u16>,
    /// A lead was stored for it.
    pub stored: bool,
    /// Its body was not received to the end.
    pub partial: bool,
}

/// One stored lead.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoredLead {
    /// The id that the answer gave, or would have given.
    pub id: String,
    /// When its request arrived: milliseconds since 1970-01-01T00:00:00Z.
    pub at_ms: i64,
    /// The path it was sent to, without its query.
    pub path: String,
    /// The header `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// The sender's id of the lead.
    pub external_ref: Option<String>,
    /// The body.
    pub body: Value,
}

/// Counts of lead requests and of what came of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Lead requests received to the end of their body.
    pub received: u64,
    /// Lead requests whose body never ended, or was not read.
    pub partial: u64,
    /// Leads stored.
    pub stored: u64,
    /// Stored leads whose idempotency key a lead stored before has.
    pub duplicates_by_idempotency_key: u64,
    /// Stored leads whose external reference a lead stored before has.
    pub duplicates_by_external_ref: u64,
    /// Complete lead requests whose idempotency key an earlier one had, stored or not.
    pub repeated_idempotency_keys: u64,
    /// The most lead requests under way at once.
    pub max_in_flight_seen: u64,
    /// The most lead requests that arrived within any 1000 ms.
    pub max_in_any_second: u64,
    /// Lead requests by the second they arrived in, in seconds since 1970-01-01T00:00:00Z.
    pub per_second: BTreeMap<i64, u64>,
}
