//! The files that install lead-sync do what they say: units, image, manifests, and root by mistake.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod image;
mod manifests;
mod root;
mod site;
mod units;
