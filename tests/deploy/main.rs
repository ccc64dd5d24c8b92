//! The files that install lead-sync do what they say: units, image, manifests, and root by mistake.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

mod image;
mod manifests;
mod root;
mod site;
mod units;
