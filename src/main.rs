//! The `lead-sync` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    lead_sync::cli::main()
}
