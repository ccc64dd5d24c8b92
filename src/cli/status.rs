//! `status`: each sync at a glance.

use clap::Args as ClapArgs;
use serde::Serialize;

use super::args::Args;
use super::exit::{Exit, Failure};
use super::format::{Form, Format};
use super::sessions::Sessions;
use super::{load, out, reader, table};
use crate::clock;
use crate::config::Loaded;
use crate::daemon::LONGEST_REST;
use crate::domain::breaker::Gate;
use crate::domain::delivery::State;
use crate::domain::time::Timestamp;
use crate::ledger::{Ledger, SyncStatus, UnderWay};
use crate::worker::report::Ending;
use crate::worker::settings::Schedule;

/// Options of `status`.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Fields of json and csv: sync, connection, configured, pending, sending, waiting, delivered, rejected, held, failed,\n\
                        quarantined (listed as rejected, too), last_run, last_outcome, paused_until, breaker_open_until,\n\
                        session_ends_at (when a person has to log in again, if that is known),\n\
                        last_notices (what the last run had to say: a list of texts; in csv a line each),\n\
                        running_since (when the run over it that is under way began)."
)]
pub struct StatusOptions {
    #[command(flatten)]
    pub form: Form,
}

/// Each sync at a glance, and the commands that settle what needs a person.
pub(super) fn status(args: &Args, options: &StatusOptions) -> Result<Exit, Failure> {
    let loaded = load::load(args)?;
    let ledger = reader::open(&loaded)?;
    let syncs = ledger.status()?;
    let under_way = ledger.under_way()?;
    let sessions = Sessions::of(&loaded);
    let is_configured = |name: &str| loaded.unresolved.syncs.iter().any(|known| known.name == name);
    let glances = syncs.iter().map(|sync| Glance::of(sync, is_configured(&sync.sync), &sessions, under_way.as_ref()));
    match options.form.format() {
        Format::Json => out::json(&glances.collect::<Vec<_>>()),
        Format::Csv => csv(glances),
        Format::Table => {
            under_way.iter().for_each(running);
            screen(&loaded, &ledger, &syncs, &sessions)?;
        }
    }
    // What is shown is true of an older ledger, too, and on a full disk; but nothing is sent from it.
    for error in [ledger.refuse_older(), ledger.check_space()].into_iter().filter_map(Result::err) {
        out::warn(error);
    }
    Ok(Exit::Done)
}

/// The run that keeps all others waiting: without it a run that does not end would look like one that is to come.
fn running(run: &UnderWay) {
    let UnderWay { run, since, syncs } = run;
    out::say(format!(
        "run {run} over {} is under way since {since}; the next one begins when it has ended",
        syncs.join(", ")
    ));
}

fn screen(loaded: &Loaded, ledger: &Ledger, syncs: &[SyncStatus], sessions: &Sessions) -> Result<(), Failure> {
    let configured = &loaded.unresolved.syncs;
    let program = format!("lead-sync{}", loaded.unresolved.config_option);
    for sync in syncs {
        let known = configured.iter().find(|known| known.name == sync.sync);
        let leads: Vec<String> = sync.leads.iter().map(|(state, count)| format!("{count} {state}")).collect();
        let leads = if leads.is_empty() { "no leads".to_owned() } else { leads.join(", ") };
        let note = if known.is_some() { "" } else { " (no longer configured: not sent)" };
        out::say(format!("{}: {leads}{note}", sync.sync));
        if let (Some(at), Some(outcome)) = (&sync.last_run, &sync.last_outcome) {
            out::say(format!("  last run {at}: {outcome}"));
            sync.last_notices.iter().for_each(|notice| out::paragraph("    ", &out::shown(notice)));
        }
        let schedule = known.and_then(|known| known.schedule.as_ref());
        if let Some(by) = schedule.zip(put_off(ledger, sync)?).and_then(|(schedule, by)| taken_up(schedule, by)) {
            out::say(format!("  the run that was put off is taken up again by {by}, if a daemon is up"));
        }
        next_run(schedule);
        for obstacle in obstacles(sync, &program) {
            out::say(format!("  {obstacle}"));
        }
        sessions.tell(&sync.connection);
        needs(sync, &program);
    }
    for new in configured.iter().filter(|known| syncs.iter().all(|sync| sync.sync != known.name)) {
        out::say(format!("{}: has not run yet", new.name));
        next_run(new.schedule.as_ref());
        sessions.tell(&new.connection);
    }
    Ok(())
}

/// By when a daemon has taken up the last run again, if that was put off: once what did that is over, and a rest that only the daemon knows.
fn put_off(ledger: &Ledger, sync: &SyncStatus) -> Result<Option<Timestamp>, Failure> {
    let deferred = sync.last_outcome.as_deref() == Some(Ending::Deferred.as_str());
    let Some(ended) = sync.last_run.as_deref().filter(|_| deferred).and_then(|at| at.parse::<jiff::Timestamp>().ok())
    else {
        return Ok(None);
    };
    let rested = Timestamp(ended.as_millisecond()) + LONGEST_REST;
    Ok(Some(ledger.put_off(&sync.sync)?.until().map_or(rested, |until| until.max(rested))))
}

/// `by`, if the schedule does not come sooner and what is missed is made up for.
fn taken_up(schedule: &Schedule, by: Timestamp) -> Option<Timestamp> {
    let now = clock::now();
    let sooner = schedule.times.after(now).is_none_or(|next| by < next);
    Some(by).filter(|by| schedule.catch_up && sooner && *by > now)
}

/// When the schedule comes next; whether a daemon is up to follow it, this command does not know.
fn next_run(schedule: Option<&Schedule>) {
    if let Some(schedule) = schedule
        && let Some(next) = schedule.times.after(clock::now())
    {
        out::say(format!("  next run {next} by its schedule {}, if a daemon is up", schedule.times));
    }
}

/// A sync as JSON and CSV tell it.
#[derive(Serialize)]
struct Glance<'s> {
    sync: &'s str,
    connection: &'s str,
    configured: bool,
    pending: u64,
    sending: u64,
    waiting: u64,
    delivered: u64,
    rejected: u64,
    held: u64,
    failed: u64,
    quarantined: u64,
    last_run: Option<&'s str>,
    last_outcome: Option<&'s str>,
    paused_until: Option<String>,
    breaker_open_until: Option<String>,
    session_ends_at: Option<String>,
    last_notices: &'s [String],
    running_since: Option<&'s str>,
}

impl<'s> Glance<'s> {
    fn of(sync: &'s SyncStatus, configured: bool, sessions: &Sessions, under_way: Option<&'s UnderWay>) -> Self {
        let now = clock::now();
        let running = under_way.filter(|run| run.syncs.contains(&sync.sync));
        let pause = sync.state.pause.as_ref().filter(|(until, _)| *until > now);
        let open = match sync.state.breaker.gate(now) {
            Gate::OpenUntil(until) => Some(until.to_string()),
            _ => None,
        };
        Self {
            sync: &sync.sync,
            connection: &sync.connection,
            configured,
            pending: count(sync, State::Pending),
            sending: count(sync, State::Sending),
            waiting: count(sync, State::Waiting),
            delivered: count(sync, State::Delivered),
            rejected: count(sync, State::Rejected),
            held: count(sync, State::Held),
            failed: count(sync, State::Failed),
            quarantined: sync.quarantined,
            last_run: sync.last_run.as_deref(),
            last_outcome: sync.last_outcome.as_deref(),
            paused_until: pause.map(|(until, _)| until.to_string()),
            breaker_open_until: open,
            session_ends_at: sessions.end(&sync.connection).map(|end| end.to_string()),
            last_notices: &sync.last_notices,
            running_since: running.map(|run| run.since.as_str()),
        }
    }
}

fn count(sync: &SyncStatus, state: State) -> u64 {
    sync.leads.iter().find(|(known, _)| known == state.as_str()).map_or(0, |(_, count)| *count)
}

fn csv<'s>(syncs: impl Iterator<Item = Glance<'s>>) {
    let head = [
        "sync",
        "connection",
        "configured",
        "pending",
        "sending",
        "waiting",
        "delivered",
        "rejected",
        "held",
        "failed",
        "quarantined",
        "last_run",
        "last_outcome",
        "paused_until",
        "breaker_open_until",
        "session_ends_at",
        "last_notices",
        "running_since",
    ];
    table::csv(head, syncs.map(cells));
}

fn cells(g: Glance<'_>) -> [String; 18] {
    [
        g.sync.to_owned(),
        g.connection.to_owned(),
        g.configured.to_string(),
        g.pending.to_string(),
        g.sending.to_string(),
        g.waiting.to_string(),
        g.delivered.to_string(),
        g.rejected.to_string(),
        g.held.to_string(),
        g.failed.to_string(),
        g.quarantined.to_string(),
        g.last_run.unwrap_or_default().to_owned(),
        g.last_outcome.unwrap_or_default().to_owned(),
        g.paused_until.unwrap_or_default(),
        g.breaker_open_until.unwrap_or_default(),
        g.session_ends_at.unwrap_or_default(),
        g.last_notices.join("\n"),
        g.running_since.unwrap_or_default().to_owned(),
    ]
}

/// Why the next run of a sync may send nothing: a pause of its connection, an open breaker. Each with what lifts it.
pub(super) fn obstacles(sync: &SyncStatus, program: &str) -> Vec<String> {
    let now = clock::now();
    let name = &sync.connection;
    let pause = sync.state.pause.as_ref().filter(|(until, _)| *until > now).map(|(until, why)| {
        format!("connection {name} is paused until {until}: {why} ({program} resume {name} lifts it)")
    });
    let open = match sync.state.breaker.gate(now) {
        Gate::OpenUntil(until) => Some(format!(
            "connection {name} failed several times in a row; nothing is sent until {until} ({program} resume {name} tries it now)"
        )),
        Gate::Closed | Gate::Probe => None,
    };
    pause.into_iter().chain(open).collect()
}

fn needs(sync: &SyncStatus, program: &str) {
    let name = &sync.sync;
    for (state, cure) in State::ALL.into_iter().filter_map(|state| Some((state, state.cure()?))) {
        if count(sync, state) > 0 {
            out::say(format!(
                "  {} {state}: {program} leads --sync {name} --state {state} shows why; {cure}",
                count(sync, state),
                cure = cure.replace("lead-sync ", &format!("{program} "))
            ));
        }
    }
    if sync.quarantined > 0 {
        out::say(format!(
            "  {} rows in quarantine, listed as rejected: {program} leads --sync {name} --state rejected shows why; \
             {program} rejects export FILE writes them for correction",
            sync.quarantined
        ));
    }
}
