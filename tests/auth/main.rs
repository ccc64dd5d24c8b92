//! Sessions over loopback, against the sandbox's identity provider.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod desk;
mod hostile;
mod login;
mod meanwhile;
mod operator;
mod process;
mod rotation;
mod services;
mod sessions;
mod support;
