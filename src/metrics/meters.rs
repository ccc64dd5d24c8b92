//! What happens to requests, counted and timed as it happens.

use std::time::Duration;

use metrics::{Counter, Histogram, counter, histogram};

use super::{ATTEMPTS, LATENCY};
use crate::domain::outcome::Outcome;

/// Counts and times the requests of one connection. Made once for a run: a request then costs two atomic operations, and nothing at
/// all where nobody measures.
#[derive(Debug)]
pub struct Meters {
    latency: Histogram,
    outcomes: [(&'static str, Counter); Outcome::KINDS.len()],
}

impl Meters {
    /// For the connection of this name. Every outcome begins at 0, so that the first of its kind is seen as a rise.
    pub fn new(connection: &str) -> Self {
        let counter = |kind: &'static str| counter!(ATTEMPTS, "connection" => connection.to_owned(), "outcome" => kind);
        Self {
            latency: histogram!(LATENCY, "connection" => connection.to_owned()),
            outcomes: Outcome::KINDS.map(|kind| (kind, counter(kind))),
        }
    }

    /// One request has ended after `took`.
    pub fn record(&self, outcome: &Outcome, took: Duration) {
        self.latency.record(took.as_secs_f64());
        if let Some((_, counter)) = self.outcomes.iter().find(|(kind, _)| *kind == outcome.kind()) {
            counter.increment(1);
        }
    }
}
