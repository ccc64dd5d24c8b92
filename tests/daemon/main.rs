//! The daemon as a process: its times, its signals, its restarts, and what works beside it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails in a helper fails the test")]

mod asked;
mod beside;
mod life;
mod log;
mod monitor;
mod process;
mod reload;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "each test crate uses a part of it")]
mod support;
mod systemd;
mod turns;
