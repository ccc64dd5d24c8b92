//! Kills, cuts, full disks, and an oracle that judges what they left.
//!
//! Every random test prints its seed as `LEAD_SYNC_TEST_SEED=N` and takes one from that variable. `LEAD_SYNC_TEST_KILLS` and
//! `LEAD_SYNC_TEST_POINTS` say how much is done; `just torture` does all.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "seeds and points are told to whoever reads the output of a failure")]

mod answers;
mod clock;
mod crash;
mod crowd;
mod cuts;
mod disk;
mod oracle;
mod peer;
mod policy;
mod race;
mod random;
mod stories;
mod strace;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "each test crate uses a part of it")]
mod support;
mod sweep;
mod tls;
