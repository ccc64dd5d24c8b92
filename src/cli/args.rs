//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand};

use super::format::Form;
use crate::clock;
use crate::domain::delivery::State;
use crate::domain::record::trimmed_key;
use crate::domain::time::Timestamp;

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
    #[arg(long, value_name = "N", requires = "run_now")]
    pub limit: Option<u64>,
    /// Show what would be sent and why; send and write nothing
    #[arg(long, requires = "run_now")]
    pub dry_run: bool,
    /// Send although there are more new and changed leads than `max_new`
    #[arg(long, requires = "run_now")]
    pub confirm: bool,
    /// Begin a new ledger where the last one was lost: every lead of the export is sent again
    #[arg(long, requires = "run_now")]
    pub new_ledger: bool,
    /// Go on with a ledger that was put back and is older than what was sent: that is sent again
    #[arg(long, requires = "run_now")]
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
    Demo(DemoOptions),
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
    Plan(PlanOptions),
    /// Take what the export holds now as already delivered
    ///
    /// For the first day with a CRM whose people WeGroup has already: without it the first run sends everybody. Nothing is sent;
    /// later runs send only rows that are new.
    Baseline(BaselineOptions),
    /// List leads and where they stand
    Leads(LeadsOptions),
    /// One lead's whole history
    Show(ShowOptions),
    /// Each sync at a glance, and what needs a person
    Status(StatusOptions),
    /// The latest runs
    Runs(RunsOptions),
    /// Put rejected or failed leads back to be sent
    ///
    /// By key (lead-sync retry K1047), or all in a state (lead-sync retry --state failed). The next run sends them as they were
    /// read; a row that was corrected in the export is sent without this.
    Retry(RetryOptions),
    /// Rejected rows out for correction, and back in
    Rejects(super::rejects::RejectsOptions),
    /// Erase a person from the ledger, and never send them again
    Forget(super::forget::ForgetOptions),
    /// Delete history older than `[ledger] retain`
    Prune,
    /// All that the ledger holds on a person, as JSON
    ExportPerson(super::export_person::ExportPersonOptions),
    /// Settle a held lead by hand
    ///
    /// Under `on_in_doubt = "hold"` a lead whose answer was lost waits for a person. Look in WeGroup whether it arrived, then say so:
    /// --delivered settles it, --resend sends it again.
    Resolve(ResolveOptions),
    /// Lift a pause or an open breaker
    Resume(ResumeOptions),
    /// Copy the ledger and its key, also while it is in use
    Backup(super::backup::BackupOptions),
    /// Write the dashboard as one file, e.g. to send by mail
    ///
    /// What the daemon's [http] shows, without a daemon: one HTML file that needs nothing else.
    Report(super::report::ReportOptions),
    /// Exit 0 if the daemon is alive, or, without [http], if the last run is young and did not fail
    Healthcheck(super::healthcheck::HealthcheckOptions),
    /// Log in to a connection in the browser
    Login(LoginOptions),
    /// End a connection's session, at the provider too where it offers that
    Logout(SessionOptions),
    /// Whose session a connection has, and until when
    Whoami(SessionOptions),
    /// A local WeGroup on loopback, with faults on demand
    Sandbox(super::sandbox::SandboxOptions),
}

/// Options of `demo`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "A second demo in the same folder goes on with its ledger and overwrites nothing in it.")]
pub struct DemoOptions {
    /// The folder for the export, the configuration and the ledger; made if it is missing
    #[arg(long, value_name = "DIR", default_value = "lead-sync-demo")]
    pub folder: PathBuf,
    /// Forget the demos before: write everything in the folder anew
    #[arg(long)]
    pub fresh: bool,
}

/// Options of `plan`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Fields of json: those of --run-now, and `samples`, the first rows of each kind: sync, key, origin, group (new, changed, rejected),\n\
and body, what would be sent, or reason, why not.")]
pub struct PlanOptions {
    /// Only this sync; may be repeated
    #[arg(long, value_name = "NAME")]
    pub sync: Vec<String>,
    /// Show what would be sent as it is, names and addresses included
    #[arg(long)]
    pub show_values: bool,
    /// Print one JSON document on stdout
    #[arg(long)]
    pub json: bool,
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
    /// Go on with a ledger that was put back and is older than what was sent
    #[arg(long)]
    pub older_ledger: bool,
}

/// Options of `leads`.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Fields of json and csv: sync, key, state, backref, remote_id, attempts, http_status, reason, origin, updated_at.\n\
                        Times are RFC 3339 in UTC. In csv a cell that a spreadsheet would run as a formula gets an apostrophe in front."
)]
pub struct LeadsOptions {
    /// Only this sync
    #[arg(long, value_name = "NAME")]
    pub sync: Option<String>,
    /// Only this state: pending, sending, waiting, delivered, rejected, held, failed
    #[arg(long, value_parser = state)]
    pub state: Option<State>,
    /// Only what changed since then: 2026-01-31, 2026-01-31T08:00:00Z, or how long ago: 90m, 7d
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<Timestamp>,
    /// Only where the reason holds this text
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// At most so many [default: 50 in a table, else all]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub limit: Option<usize>,
    /// Pass over the first so many
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub offset: usize,
    #[command(flatten)]
    pub form: Form,
}

/// Options of `status`.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Fields of json and csv: sync, connection, configured, pending, sending, waiting, delivered, rejected, held, failed,\n\
                        quarantined (listed as rejected, too), last_run, last_outcome, paused_until, breaker_open_until,\n\
                        session_ends_at (when a person has to log in again, if that is known),\n\
                        last_notices (what the last run had to say: a list of texts; in csv a line each)."
)]
pub struct StatusOptions {
    #[command(flatten)]
    pub form: Form,
}

/// Options of `show`.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Fields of json: those of `leads`, possibly_sent_twice, next_at, and history, a list of run, attempt, at, kind,\n\
                        http_status, reason, took_ms. csv is the history: sync, key, at, run, attempt, kind, http_status, took_ms, reason."
)]
pub struct ShowOptions {
    /// The CRM's id of the row
    #[arg(allow_hyphen_values = true, value_parser = key)]
    pub key: String,
    /// Only this sync
    #[arg(long, value_name = "NAME")]
    pub sync: Option<String>,
    #[command(flatten)]
    pub form: Form,
}

/// Options of `runs`.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Fields of json and csv: run, started_at, finished_at, trigger, outcome, read, new, changed, unchanged, skipped,\n\
                        invalid, delivered, rejected, waiting, held, failed, pending."
)]
pub struct RunsOptions {
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = at_least_one)]
    pub limit: usize,
    #[command(flatten)]
    pub form: Form,
}

/// Options of `retry`.
#[derive(Debug, ClapArgs)]
pub struct RetryOptions {
    /// The keys of the leads; before one that begins with a hyphen: --
    #[arg(allow_negative_numbers = true, value_parser = key)]
    pub keys: Vec<String>,
    /// All leads in this state: rejected, failed or waiting
    #[arg(long, value_parser = state, required_unless_present = "keys")]
    pub state: Option<State>,
    /// Only where the reason holds this text
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Only this sync
    #[arg(long, value_name = "NAME")]
    pub sync: Option<String>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// Options of `resolve`.
#[derive(Debug, ClapArgs)]
#[command(group(clap::ArgGroup::new("how").required(true).args(["delivered", "resend"])))]
pub struct ResolveOptions {
    /// The key of the held lead
    #[arg(allow_hyphen_values = true, value_parser = key)]
    pub key: String,
    /// It arrived
    #[arg(long)]
    pub delivered: bool,
    /// The API's id of the lead, if known
    #[arg(long, value_name = "ID", requires = "delivered")]
    pub remote_id: Option<String>,
    /// Send it again, possibly for the second time
    #[arg(long)]
    pub resend: bool,
    /// Only this sync
    #[arg(long, value_name = "NAME")]
    pub sync: Option<String>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// Options of `resume`.
#[derive(Debug, ClapArgs)]
pub struct ResumeOptions {
    /// Name of the connection
    pub connection: String,
}

/// Options of `logout` and `whoami`.
#[derive(Debug, ClapArgs)]
pub struct SessionOptions {
    /// Name of the connection [default: the only one with a login]
    pub connection: Option<String>,
}

/// Options of `login`.
#[derive(Debug, ClapArgs)]
pub struct LoginOptions {
    /// Name of the connection [default: the only one with a login]
    pub connection: Option<String>,
    /// Print the address and read the one that the browser ends up at from stdin
    #[arg(long)]
    pub no_browser: bool,
    /// How long to wait for the person, e.g. 10m
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    pub time_limit: Duration,
}

/// A key as a person gives it. An argument for one key allows a leading hyphen: what is no option is a key. One for
/// several cannot: every option after the first key would be a key, too.
pub(super) fn key(text: &str) -> Result<String, String> {
    match trimmed_key(text) {
        "" => Err("no key is empty".to_owned()),
        key => Ok(key.to_owned()),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "write a number of at least 1".to_owned())
}

fn state(text: &str) -> Result<State, String> {
    text.parse().map_err(|error: crate::domain::delivery::UnknownState| error.to_string())
}

/// A point in time, or how long ago.
fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(ago) = crate::config::parse_duration(text) {
        return Ok(clock::now() - ago);
    }
    let at = text.parse::<jiff::Timestamp>().ok();
    let day = || text.parse::<jiff::civil::Date>().ok().and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC).ok());
    at.or_else(|| day().map(|day| day.timestamp()))
        .map(|at| Timestamp(at.as_millisecond()))
        .ok_or_else(|| "write a day (2026-01-31), a time (2026-01-31T08:00:00Z), or how long ago (90m, 7d)".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    crate::config::parse_duration(text)
}
