//! Exports as they come: polluted, and changed by others while they are read.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod changing;
mod live;
mod pollution;
#[path = "slow.rs"]
mod slow;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "each test crate uses a part of the support")]
mod support;
