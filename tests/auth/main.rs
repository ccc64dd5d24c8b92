//! Sessions over loopback, against the sandbox's identity provider.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]
#![expect(clippy::print_stdout, reason = "what was left out is told to whoever reads the output")]

mod changed;
mod desk;
mod distribution;
mod endpoint;
mod fixed;
mod hostile;
mod login;
mod meanwhile;
mod operator;
mod process;
mod refused;
mod rotation;
mod services;
mod sessions;
#[path = "../torture/strace.rs"]
mod strace;
mod support;
mod unusable;
