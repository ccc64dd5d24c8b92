//! What the documentation says is so: its commands run, its configurations load, its recipes give what they show.

#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

mod commands;
mod page;
mod reasons;
mod recipes;
