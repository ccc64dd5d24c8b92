//! The real binary against the sandbox: what a user sees of a run.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "each test crate uses a part of it")]
mod support;

mod changes;
mod contract;
mod corpus;
mod guard;
mod ledger_file;
mod limit;
mod older;
mod outcomes;
mod privacy;
mod rate;
mod stop;
