//! `cargo bench`: what lead-sync reaches on this machine, each figure beside a reference measured in the same run.
//!
//! | figure | reference |
//! |---|---|
//! | `server` | the local WeGroup (`sandbox --light`) beside the bare server of these benches: which is the leaner one |
//! | `start` | from the start to the first request, beside the bare load generator |
//! | `send0` | 100,000 new leads at 0 ms server latency, 64 in flight, beside a bare load generator, and beside lead-sync's own client without a ledger |
//! | `send20` | new leads at 20 ms, 16, 64 and 256 in flight, beside the load generator |
//! | `matrix` | the same at 0, 20 and 200 ms, 1 to 256 in flight; only if it is named |
//! | `reread` | 1,000,000 unchanged rows, beside a plain read of the same file with the csv crate |
//! | `reread10` | ten times as many: two gigabytes; only if it is named |
//! | `admit` | first intake of 1,000,000 rows, as leads to be sent and as a baseline |
//! | `desk` | `status`, `show`, `leads` with 1,000,000 leads in the ledger, beside the program's start and a plain query |
//! | `idle` | none: a daemon with nothing to do for a minute; only if it is named |
//! | `soak` | its own second quarter: a daemon with a run every second for ten minutes (`LEAD_SYNC_SOAK_MINUTES`), faults on; draws `docs/soak.svg`; only if it is named |
//!
//! `cargo bench -- send0 reread` runs those only; `LEAD_SYNC_BENCH=quick` makes everything smaller; `LEAD_SYNC_BENCH_PAGE` names a page that
//! keeps the tables (`just figures`). Ratios carry over to other machines, rates do not. Everything is on loopback and in a temporary folder
//! under `target/`.
//!
//! Server, clients and the process that measures are this same program under another first argument, each in a process of its own.

#![expect(
    clippy::disallowed_methods,
    reason = "measuring is what these benches are for; the clock of the library is for its own decisions"
)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is all they do")]

mod admit;
mod chart;
mod client;
mod desk;
mod figures;
mod load;
mod meter;
mod page;
mod rates;
mod recording;
mod reread;
mod rows;
mod sandbox;
mod send;
mod server;
mod sheet;
mod soak;
mod start;
mod subject;
mod watched;

use std::error::Error;
use std::process::ExitCode;

type Failure = Box<dyn Error>;
type Result<T, E = Failure> = std::result::Result<T, E>;

fn main() -> ExitCode {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let by_cargo_bench = args.iter().any(|arg| arg == "--bench");
    args.retain(|arg| !arg.starts_with("--"));
    let done = match args.split_first() {
        Some((role, rest)) if role == server::ROLE => server::serve(rest),
        Some((role, rest)) if role == load::ROLE => load::generate(rest),
        Some((role, rest)) if role == client::ROLE => client::post_all(rest),
        Some((role, rest)) if role == meter::ROLE => meter::measure(rest),
        Some((role, rest)) if role == rows::ROLE => rows::export(rest),
        _ if by_cargo_bench => figures::print(&args),
        // `cargo test --all-targets` comes here: nothing in the tests is timed.
        _ => Ok(()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}
