//! The command line: the commands, and the options of a run and of `baseline`. Every other command has its options in its own file.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand};

use super::values::{duration, whole};

/// What a stranger needs to know next.
const AFTER_HELP: &str = "\
First steps:
  lead-sync demo                        a first run, needing no account
  lead-sync init                        a configuration, to be filled in
  lead-sync check && lead-sync plan     is everything there, and what would be sent?
  lead-sync --run-now                   send

Exit codes:
  0  complete
  1  unexpected error
  2  the command line, the configuration or the ledger is wrong
  3  done, but something newly needs a look
  4  deferred or interrupted; the next run goes on
  5  the credentials need a person
  6  another process holds the ledger

LEAD_SYNC_LOG=info (error, warn, info, debug) writes more to stderr.";

/// Moves sales leads from CRM exports into WeGroup, each accounted for in a local ledger.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = false, subcommand_negates_reqs = true, after_help = AFTER_HELP)]
pub struct Args {
    /// The configuration file [default: `$LEAD_SYNC_CONFIG`, config/lead-sync.toml, /etc/lead-sync/lead-sync.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    #[command(flatten)]
    #[expect(missing_docs, reason = "a doc comment here would become the help of the whole program")]
    pub run: RunOptions,

    /// What to do
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options of a run.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "One run")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the command line")]
pub struct RunOptions {
    /// Run once and exit
    #[arg(long)]
    pub run_now: bool,
    /// Only this sync; may be repeated
    #[arg(long, value_name = "NAME", requires = "run_now")]
    pub sync: Vec<String>,
    /// Send at most so many leads
    #[arg(long, value_name = "N", requires = "run_now", value_parser = whole::<u64>)]
    pub limit: Option<u64>,
    /// Show what would be sent and why; send and write nothing
    #[arg(long, requires = "run_now")]
    pub dry_run: bool,
    /// Send although there are more new and changed leads than `max_new`, or a sync has another name
    #[arg(long, requires = "run_now")]
    pub confirm: bool,
    /// Begin a new ledger where the last one was lost: every lead of the export is sent again
    #[arg(long, requires = "run_now")]
    pub new_ledger: bool,
    /// Go on with a ledger that was put back and is older than what was sent: that is sent again. For all syncs at once
    #[arg(long, requires = "run_now", conflicts_with = "sync")]
    pub older_ledger: bool,
    /// Wait so long for another process to give up the ledger, e.g. 10m
    #[arg(long, value_name = "DURATION", requires = "run_now", value_parser = duration)]
    pub wait: Option<Duration>,
    /// Print one JSON document on stdout
    #[arg(long, requires = "run_now")]
    pub json: bool,
    /// Write metrics for the textfile collector of Prometheus' node exporter: a file NAME.prom
    #[arg(long, value_name = "FILE", requires = "run_now")]
    pub metrics_file: Option<PathBuf>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// A first run against a local WeGroup; needs no account
    Demo(super::demo::DemoOptions),
    /// Write a commented configuration to begin with; never overwrites one
    Init(super::init::InitOptions),
    /// Try everything short of sending, with a hint under each failure
    ///
    /// Looks at the configuration, where each secret comes from, the ledger, the exports and their first 1,000 rows, each API's
    /// host, and the clock. Writes nothing. The exit code is that of the first failure; warnings change nothing.
    Check,
    /// What a run would send and why; sends and writes nothing
    ///
    /// Reads every export to its end and shows, for each sync, how many leads would go and the first few of each kind, their
    /// values masked unless --show-values is given. The same as --run-now --dry-run.
    Plan(super::plan::PlanOptions),
    /// Take what the export holds now as already delivered
    ///
    /// For the first day with a CRM whose people WeGroup has already: without it the first run sends everybody. Nothing is sent;
    /// later runs send only rows that are new.
    Baseline(BaselineOptions),
    /// List leads and where they stand
    Leads(super::leads::LeadsOptions),
    /// One lead's whole history
    Show(super::show::ShowOptions),
    /// Each sync at a glance, and what needs a person
    Status(super::status::StatusOptions),
    /// The latest runs
    Runs(super::runs::RunsOptions),
    /// Put rejected or failed leads back to be sent
    ///
    /// By key (lead-sync retry K1047), all in a state (lead-sync retry --state failed), or all that are rejected or failed (lead-sync
    /// retry). The next run sends them as they were read; a row that was corrected in the export is sent without this.
    Retry(super::mend::RetryOptions),
    /// Rejected rows out for correction, and back in
    Rejects(super::rejects::RejectsOptions),
    /// Erase a person from the ledger, and never send them again
    ///
    /// In every sync, or in the one named: also in those that hold nothing of the person yet. A key under which nothing is held anywhere is
    /// refused as a slip, and nothing is written down. After a sync is added run it again: what was forgotten before holds in that one, too.
    Forget(super::forget::ForgetOptions),
    /// Delete history older than `[ledger] retain`, and what names files that are gone
    Prune,
    /// All that the ledger holds on a person, as JSON
    ExportPerson(super::export_person::ExportPersonOptions),
    /// Settle a held lead by hand
    ///
    /// Under `on_in_doubt = "hold"` a lead whose answer was lost waits for a person. Look in WeGroup whether it arrived, then say so:
    /// --delivered settles it, --resend sends it again.
    Resolve(super::mend::ResolveOptions),
    /// Lift a pause or an open breaker
    ///
    /// A daemon that has put a run off goes on within half a minute (with `missed = "skip"` at its next time). A run that waits at this
    /// moment knows nothing of it: it waits on, for the connection's `patience` at most.
    Resume(super::mend::ResumeOptions),
    /// Copy the ledger and its key, also while it is in use
    Backup(super::backup::BackupOptions),
    /// Write the dashboard as one file, e.g. to send by mail
    ///
    /// What the daemon's [http] shows, without a daemon: one HTML file that needs nothing else.
    Report(super::report::ReportOptions),
    /// Exit 0 if the daemon is alive, or, without [http], if the last run is young and did not fail
    Healthcheck(super::healthcheck::HealthcheckOptions),
    /// Log in to a connection in the browser
    Login(super::login::LoginOptions),
    /// End a connection's session, at the provider too where it offers that
    Logout(super::login::SessionOptions),
    /// Whose session a connection has, and until when
    Whoami(super::login::SessionOptions),
    /// A local WeGroup on loopback, with faults on demand
    Sandbox(super::sandbox::SandboxOptions),
}

/// Options of `baseline`.
#[derive(Debug, ClapArgs)]
pub struct BaselineOptions {
    /// Only this sync; may be repeated
    #[arg(long, value_name = "NAME")]
    pub sync: Vec<String>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Begin a new ledger where the last one was lost
    #[arg(long)]
    pub new_ledger: bool,
    /// Go on with a ledger that was put back and is older than what was sent: leads that were open then are held. For all syncs at once
    #[arg(long, conflicts_with = "sync")]
    pub older_ledger: bool,
}
