//! The dashboard and the report: over real HTTP from the real daemon, and in a real browser.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails in a helper fails the test")]
#![expect(clippy::print_stderr, reason = "who reads the log of the tests is told what was left out")]

mod browser;
mod desk;
#[path = "../daemon/process.rs"]
#[expect(dead_code, reason = "each test crate uses a part of it")]
mod process;
mod report;
mod stage;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "each test crate uses a part of it")]
mod support;
