//! The real binary against the sandbox: what a user sees of a run.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(
    clippy::print_stdout,
    reason = "a seed and a skipped mount are told to whoever reads the output of a failure"
)]

#[path = "../support/mod.rs"]
mod support;

mod changes;
mod contract;
mod corpus;
mod ledger_file;
mod outcomes;
mod privacy;
mod rate;
mod stop;
