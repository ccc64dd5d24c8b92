//! Kills, cuts, full disks, wrong clocks, and an oracle that judges what they left.
//!
//! Every random test prints its seed as `LEAD_SYNC_TEST_SEED=N` and takes one from that variable; seeds that once found a fault are run always
//! (`random.rs`). How much is done is said by a variable of each test, e.g. `LEAD_SYNC_TEST_KILLS`; `just torture` sets them all.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "seeds and points are told to whoever reads the output of a failure")]

mod acts;
mod answers;
#[path = "../auth/support.rs"]
#[expect(dead_code, reason = "the login is all that is used of it")]
mod browser;
mod chaos;
mod clock;
mod crash;
mod crowd;
mod cuts;
mod damage;
mod desk;
mod disk;
mod mark;
mod oracle;
mod peer;
mod policy;
mod race;
mod random;
mod sessions;
mod skew;
mod stop;
mod stories;
mod strace;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "each test crate uses a part of it")]
mod support;
mod sweep;
mod tls;
