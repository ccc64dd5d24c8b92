//! `retry`, `resolve`, `resume`: what a person does to leads and connections.

use std::collections::BTreeSet;
use std::io::IsTerminal;

use clap::Args as ClapArgs;

use super::args::Args;
use super::exit::{Exit, Failure};
use super::operator::operator;
use super::values::{key, retried};
use super::{load, out, run, status};
use crate::clock;
use crate::config::Loaded;
use crate::domain::delivery::State;
use crate::ledger::{Ledger, Refusal, Resolution, Retried, Target, holder};

/// Options of `retry`.
#[derive(Debug, ClapArgs)]
pub struct RetryOptions {
    /// The keys of the leads; before one that begins with a hyphen: --
    #[arg(allow_negative_numbers = true, value_parser = key)]
    pub keys: Vec<String>,
    /// All leads in this state: rejected, failed or waiting [default without keys: rejected and failed]
    #[arg(long, value_parser = retried)]
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
    /// The API, the distribution or the connection has another name by now: what was delivered to the old one counts
    #[arg(long)]
    pub moved: bool,
}

/// The ledger, open for a change.
pub(super) struct Desk {
    pub(super) ledger: Ledger,
    /// The configuration that names it.
    pub(super) loaded: Loaded,
    /// How commands for the same configuration begin.
    pub(super) program: String,
}

/// Opens the ledger for a change; `sync` must be one that it knows.
pub(super) fn open(args: &Args, sync: Option<&str>) -> Result<Desk, Failure> {
    let loaded = load::load(args)?;
    let ledger = Ledger::open(&loaded.unresolved.ledger)?;
    if let Some(name) = sync {
        check_sync(&ledger, name)?;
    }
    let program = format!("lead-sync{}", loaded.unresolved.config_option);
    Ok(Desk { ledger, loaded, program })
}

/// Refuses a sync that the ledger does not know.
pub(super) fn check_sync(ledger: &Ledger, name: &str) -> Result<(), Failure> {
    if ledger.sync_number(name)?.is_none() {
        let text = format!("the ledger knows no sync '{}'; lead-sync status lists them", out::shown(name));
        return Err(Failure::usage(text));
    }
    Ok(())
}

/// Says what keeps the next run of these syncs from sending.
pub(super) fn tell_obstacles(desk: &Desk, syncs: &BTreeSet<String>) -> Result<(), Failure> {
    let configured = &desk.loaded.unresolved.syncs;
    for gone in syncs.iter().filter(|name| configured.iter().all(|sync| sync.name != **name)) {
        out::say(format!(
            "but there is no sync {gone} in the configuration any more: nothing of it is sent until it is there again"
        ));
    }
    let told: BTreeSet<String> = desk
        .ledger
        .status()?
        .iter()
        .filter(|sync| syncs.contains(&sync.sync))
        .flat_map(|sync| status::obstacles(sync, &desk.program))
        .collect();
    for obstacle in told {
        out::say(format!("but {obstacle}"));
    }
    Ok(())
}

/// Puts leads back to be sent. A script is not asked: what is put back can be seen, and is sent by the next run only.
pub(super) fn retry(args: &Args, options: &RetryOptions) -> Result<Exit, Failure> {
    let mut desk = open(args, options.sync.as_deref())?;
    let target = Target {
        keys: options.keys.clone(),
        sync: options.sync.clone(),
        state: options.state,
        reason: options.reason.clone(),
    };
    let mut shown = None;
    if !options.yes && std::io::stdin().is_terminal() {
        let many = desk.ledger.count_target(&target, clock::now())?;
        if many > 1 {
            let question = format!("{many} leads would be put back, to be sent by the next run. Do that?");
            ask(&question, "--yes answers the question")?;
        }
        shown = Some(many);
    }
    let retried = desk.ledger.retry(&target, shown, &operator(), clock::now())?.ok_or_else(changed)?;
    out::say(format!("{} leads are to be sent by the next run", retried.leads));
    tell_obstacles(&desk, &retried.syncs)?;
    if retried.unmended > 0 {
        out::say(format!(
            "{} rows are refused before they are sent, which no retry changes: {} rejects export FILE writes them for correction; \
             or correct them in the export",
            retried.unmended, desk.program
        ));
    }
    told(&retried, &desk.program)
}

/// Exit 2 if a key that was named was not put back, with the cause.
fn told(retried: &Retried, program: &str) -> Result<Exit, Failure> {
    if retried.refused.is_empty() {
        return Ok(Exit::Done);
    }
    let causes: Vec<String> = retried.refused.iter().map(|(key, cause)| refusal(key, *cause, program)).collect();
    let space = if causes.len() == 1 { " " } else { "\n  " };
    Err(Failure::usage(format!("not put back:{space}{}", causes.join(space))))
}

/// Why a key was not put back, and what next.
fn refusal(key: &str, cause: Refusal, program: &str) -> String {
    let argument = out::pasted_key(key);
    let why = match cause {
        Refusal::Unknown => format!("no lead has this key; {program} leads lists them"),
        Refusal::Held => format!(
            "it is held, for it may have arrived: look there, then {program} resolve --delivered {argument}, or --resend"
        ),
        Refusal::Row => format!(
            "its row is refused before it is sent: {program} rejects export FILE writes it for correction; or correct it in the export"
        ),
        Refusal::Sending => "it is being sent just now; the next run takes it up if that fails".to_owned(),
        Refusal::Due => "it is to be sent by the next run already".to_owned(),
        Refusal::Delivered => format!("it is delivered; {program} show {argument} tells when"),
        Refusal::Other(state) => format!("it is {state}, and not what --state and --reason ask for"),
    };
    format!("{}: {why}", out::shown(key))
}

/// Settles a held lead.
pub(super) fn resolve(args: &Args, options: &ResolveOptions) -> Result<Exit, Failure> {
    let mut desk = open(args, options.sync.as_deref())?;
    let target = Target { keys: vec![options.key.clone()], sync: options.sync.clone(), ..Target::default() };
    let how = if options.resend {
        Resolution::Resend
    } else {
        Resolution::Delivered { remote_id: options.remote_id.clone() }
    };
    let key = out::shown(&options.key);
    let held = desk.ledger.holding(&target)?;
    let program = &desk.program;
    if held.is_empty() {
        let text = format!("no lead with the key {key} is held ({program} leads --state {} lists them)", State::Held);
        return Err(Failure::usage(text));
    }
    let unwanted = options.resend && desk.ledger.is_unwanted(&target)?;
    let is_terminal = std::io::stdin().is_terminal();
    if unwanted && !options.yes && !is_terminal {
        let text = format!("{key} was not put back: {NOT_WANTED}. --yes sends it all the same");
        return Err(Failure::usage(text));
    }
    let asked = !options.yes && (held.len() > 1 || options.delivered || unwanted) && is_terminal;
    if asked {
        ask_to_settle(&key, &held, options.resend, unwanted)?;
    }
    let expected = asked.then_some(&held);
    let settled = desk.ledger.resolve(&target, &how, expected, &operator(), clock::now())?.ok_or_else(changed)?;
    if settled.is_empty() {
        return Err(changed());
    }
    let places = listed(&settled);
    if options.delivered {
        out::say(format!("{key} of {places} is settled as delivered"));
    } else {
        let although = if unwanted { format!(", although {NOT_WANTED}") } else { String::new() };
        out::say(format!("{key} of {places} is to be sent again by the next run{although}"));
        tell_obstacles(&desk, &settled)?;
    }
    Ok(Exit::Done)
}

/// What speaks against sending a lead again.
const NOT_WANTED: &str = "`where` was false for its row when that was read last (consent may be withdrawn)";

fn ask_to_settle(key: &str, held: &BTreeSet<String>, resend: bool, unwanted: bool) -> Result<(), Failure> {
    let but = if unwanted { format!(" But {NOT_WANTED}.") } else { String::new() };
    let act = if resend {
        "would be sent again by the next run, possibly for the second time"
    } else {
        "would be settled as delivered: it is not sent again"
    };
    ask(&format!("{key} of {} {act}.{but} Do that?", listed(held)), "--sync chooses one, --yes answers the question")
}

fn listed(syncs: &BTreeSet<String>) -> String {
    syncs.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn ask(question: &str, instead: &str) -> Result<(), Failure> {
    if run::confirmed(question)? {
        return Ok(());
    }
    Err(Failure::usage(format!("nothing was changed; {instead}")))
}

/// A run or another person was faster than the answer.
fn changed() -> Failure {
    Failure::usage(
        "the leads became others before this was done: nothing was changed. Give the command again to see them as they are",
    )
}

/// Lifts a pause and closes the breaker.
pub(super) fn resume(args: &Args, options: &ResumeOptions) -> Result<Exit, Failure> {
    let mut desk = open(args, None)?;
    let syncs = desk.loaded.unresolved.syncs.iter().filter(|sync| sync.connection == options.connection);
    let syncs: Vec<&str> = syncs.map(|sync| sync.name.as_str()).collect();
    if options.moved && desk.ledger.forget_destination(&options.connection, &syncs)? {
        out::say(format!("connection {}: the next delivery tells where its leads go from now on", options.connection));
    }
    match desk.ledger.resume(&options.connection, clock::now())? {
        Some(due) => {
            out::say(format!("connection {} goes on; {due} waiting leads are due now", options.connection));
            if holder(&desk.loaded.unresolved.ledger).is_some() {
                out::say(
                    "a daemon sees that within half a minute (syncs with missed = \"skip\" go at their next time); a run that waits at this moment waits on, for `patience` at most",
                );
            }
            Ok(Exit::Done)
        }
        None => Err(Failure::usage(format!("the ledger knows no connection '{}'", out::shown(&options.connection)))),
    }
}
