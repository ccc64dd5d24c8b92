//! Sessions over loopback, against the sandbox's identity provider.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod login;
mod process;
mod services;
mod sessions;
mod support;
