//! The core: what rows mean and what is to happen next.
//!
//! Everything here is pure: no clock, no randomness, no I/O, no async, and no import from the rest of the crate.
//! The shell tells the core what it needs to know (now, jitter, a reply) and carries out what the core decides.

pub mod blocked;
pub mod breaker;
pub mod count;
pub mod delivery;
pub mod fingerprint;
pub mod known;
pub mod latency;
pub mod mapping;
pub mod outcome;
pub mod plan;
pub mod pseudonym;
pub mod reason;
pub mod record;
pub mod retry;
pub mod retry_after;
pub mod schedule;
pub mod standing;
pub mod time;
pub mod verdict;
