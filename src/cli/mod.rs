//! The commands: one file each. They print; they know no business rule.

mod args;
mod backup;
mod check;
mod chosen;
mod daemon;
mod demo;
mod exit;
mod export_person;
mod forget;
mod format;
mod healthcheck;
mod init;
mod leads;
mod load;
mod login;
mod logout;
mod mend;
mod operator;
mod out;
mod outlook;
mod outside;
mod plan;
mod progress;
mod prune;
mod reader;
mod rejects;
mod report;
mod run;
mod runs;
mod sandbox;
mod sessions;
mod show;
mod signals;
mod status;
mod surroundings;
mod table;
mod target;
mod values;
mod whoami;

use std::io::{IsTerminal, stderr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::Parser;

pub use args::{Args, Command};
pub use exit::{Exit, Failure};
use plan::PlanOptions;

use crate::telemetry::{self, Talk};

/// A panic is the same failure everywhere; where it happened is in the log.
const PANICKED: &str = "ended by a programming error: the ledger has everything that was done, and the next run goes on; \
                        please report the place above";

/// Parses the command line, carries it out, and gives the exit code.
pub fn main() -> ExitCode {
    // clap prints help on stdout with code 0, and mistakes on stderr with code 2: the same as ours.
    let args = Args::parse();
    let is_daemon = args.command.is_none() && !args.run.run_now;
    telemetry::start(if is_daemon { Talk::Freely } else { Talk::Little });
    if args.command.is_none() && !stderr().is_terminal() {
        out::nobody_sits_here();
    }
    telemetry::keep_panics_quiet();
    let ended = catch_unwind(AssertUnwindSafe(|| carry_out(&args)));
    let ended = ended.unwrap_or_else(|_| Err(Failure::new(Exit::Error, PANICKED)));
    let ended = match (ended, out::lost()) {
        (Ok(_), Some(error)) => Err(Failure::new(Exit::Error, format!("the result cannot be written: {error}"))),
        (ended, _) => ended,
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(failure) => {
            out::fail(failure.exit, &failure.text);
            failure.exit.into()
        }
    }
}

fn carry_out(args: &Args) -> Result<Exit, Failure> {
    let Some(command) = &args.command else { return without_command(args) };
    match command {
        Command::Demo(options) => demo::demo(args, options),
        Command::Init(options) => init::init(args, options),
        Command::Check => check::check(args),
        Command::Plan(options) => plan::plan(args, options),
        Command::Baseline(options) => run::baseline(args, options),
        Command::Leads(options) => leads::leads(args, options),
        Command::Show(options) => show::show(args, options),
        Command::Status(options) => status::status(args, options),
        Command::Runs(options) => runs::runs(args, options),
        Command::Retry(options) => mend::retry(args, options),
        Command::Rejects(options) => rejects::rejects(args, options),
        Command::Forget(options) => forget::forget(args, options),
        Command::Prune => prune::prune(args),
        Command::ExportPerson(options) => export_person::export_person(args, options),
        Command::Resolve(options) => mend::resolve(args, options),
        Command::Resume(options) => mend::resume(args, options),
        Command::Report(options) => report::report(args, options),
        Command::Backup(options) => backup::backup(args, options),
        Command::Healthcheck(options) => healthcheck::healthcheck(args, options),
        Command::Login(options) => login::login(args, options),
        Command::Logout(options) => logout::logout(args, options),
        Command::Whoami(options) => whoami::whoami(args, options),
        Command::Sandbox(options) => sandbox::sandbox(options),
    }
}

fn without_command(args: &Args) -> Result<Exit, Failure> {
    if !args.run.run_now {
        return daemon::daemon(args);
    }
    if args.run.dry_run {
        let args::RunOptions { sync, limit, confirm, json, .. } = args.run.clone();
        let options = PlanOptions { sync, limit, confirm, show_values: false, json };
        return plan::plan(args, &options);
    }
    run::run_now(args)
}
