//! The sandbox over loopback: what a client sees, and whether the log tells the truth about it.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as the tests do")]

mod client;
mod control;
mod faults;
mod leads;
mod server;
