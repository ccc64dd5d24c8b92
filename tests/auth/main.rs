//! Sessions over loopback, against the sandbox's identity provider.

mod login;
mod services;
mod sessions;
mod support;
