//! What one sandbox accepts and how it answers.

use std::time::Duration;

use super::fault::{Fault, RandomFaults};

/// The options of one sandbox. [`Options::default`] is what the demo uses.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The one distribution it knows; leads for any other are answered 403.
    pub distribution_id: String,
    /// The lead types it knows; any other is answered 404.
    pub lead_types: Vec<String>,
    /// Tokens accepted as `Authorization: apikey TOKEN`. They are made up: never put a real one here.
    pub api_tokens: Vec<String>,
    /// Added to the answer of every lead request, after the lead is stored.
    pub latency: Duration,
    /// Keeps counts and hashes only, no requests and no bodies: for load tests, where memory and time count.
    pub light: bool,
    /// A repeated `Idempotency-Key` of a stored lead gets the first answer again and stores nothing. Off unless set: WeGroup
    /// documents no such thing. The keys are recorded in any case.
    pub honour_idempotency_key: bool,
    /// A lead whose external reference is stored already is answered 409. Off unless set: WeGroup documents no such thing.
    pub conflict_on_duplicate: bool,
    /// Faults to begin with, in this order.
    pub faults: Vec<Fault>,
    /// Faults by chance, for requests that no queued fault is for.
    pub random_faults: Option<RandomFaults>,
}

impl Options {
    /// The distribution of the defaults, the one of the example configuration.
    pub const DISTRIBUTION_ID: &str = "42f9b29d-a302-44dd-a984-515faacf2acd";
    /// The API token of the defaults.
    pub const API_TOKEN: &str = "sandbox-token";
}

impl Default for Options {
    fn default() -> Self {
        Self {
            distribution_id: Self::DISTRIBUTION_ID.to_owned(),
            lead_types: vec!["customers".to_owned(), "companies".to_owned()],
            api_tokens: vec![Self::API_TOKEN.to_owned()],
            latency: Duration::ZERO,
            light: false,
            honour_idempotency_key: false,
            conflict_on_duplicate: false,
            faults: Vec::new(),
            random_faults: None,
        }
    }
}
