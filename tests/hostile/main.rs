//! What others than the operator can put in the program's way: names, files, cells and answers that are made to do harm.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "each test crate uses a part of it")]
mod support;

mod api;
mod bombs;
mod display;
mod drops;
mod outputs;
mod places;
mod tongue;
