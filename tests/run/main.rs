//! The real binary against the sandbox: what a user sees of a run.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "what was left out is told to whoever reads the output")]

#[path = "../support/mod.rs"]
mod support;

mod baseline;
mod changes;
mod configuration;
mod contract;
mod corpus;
mod cursor;
mod disk;
mod frozen;
mod full_disk;
mod globs;
mod guard;
mod holder;
mod killed;
mod ledger_file;
mod limit;
mod older;
mod outcomes;
mod place;
mod privacy;
mod rate;
mod refused;
mod stop;
mod tokens;
mod turned_away;
mod withdrawn;
mod words;
