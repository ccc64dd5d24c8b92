//! The operator's desk: what a person sees, mends and erases.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "other test crates use the rest")]
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/terminal.rs"]
mod terminal;

mod acts;
mod desk;
mod dropped;
mod forget;
mod layouts;
mod moved;
mod rejects;
mod replacing;
