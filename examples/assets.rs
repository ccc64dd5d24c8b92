//! Writes the man pages and the shell completions, as they are packaged: `cargo run --example assets -- DIR`.
//!
//! An example, so that the program itself carries none of it.

#![expect(clippy::print_stderr, reason = "a program of its own, run while packaging")]

use std::fs;
use std::io::{self, Error};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;
use lead_sync::cli::Args;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: assets DIR");
        return ExitCode::from(2);
    };
    match man_pages(&folder.join("man")).and_then(|()| completions(&folder.join("completions"))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}

/// `lead-sync.1`, and one page for each command.
fn man_pages(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Args::command().disable_help_subcommand(true), folder)
}

/// One file for each shell whose place for them is agreed upon.
fn completions(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let mut command = Args::command();
        clap_complete::generate_to(shell, &mut command, "lead-sync", folder)
            .map_err(|error| Error::other(format!("completions for {shell}: {error}")))?;
    }
    Ok(())
}
