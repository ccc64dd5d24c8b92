//! `retry`, `resolve`, `resume`: what a person does to leads and connections.

use std::io::IsTerminal;

use super::args::{Args, ResolveOptions, ResumeOptions, RetryOptions};
use super::exit::{Exit, Failure};
use super::{load, out, run};
use crate::clock;
use crate::ledger::{Ledger, Resolution, Target};

/// More leads than this, and a terminal is asked first.
const MANY: usize = 10;

/// Who did it, for the lead's history.
pub(super) fn operator() -> String {
    ["SUDO_USER", "USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_else(|| "somebody".to_owned())
}

/// Opens the ledger for a change; `sync` must be one that it knows.
pub(super) fn open(args: &Args, sync: Option<&str>) -> Result<Ledger, Failure> {
    let ledger = Ledger::open(&load::load(args)?.unresolved.ledger)?;
    if let Some(name) = sync {
        check_sync(&ledger, name)?;
    }
    Ok(ledger)
}

/// Refuses a sync that the ledger does not know.
pub(super) fn check_sync(ledger: &Ledger, name: &str) -> Result<(), Failure> {
    if ledger.sync_number(name)?.is_none() {
        let text = format!("the ledger knows no sync '{}'; lead-sync status lists them", out::shown(name));
        return Err(Failure::usage(text));
    }
    Ok(())
}

/// Puts leads back to be sent. A script is not asked: what is put back can be seen, and is sent by the next run only.
pub(super) fn retry(args: &Args, options: &RetryOptions) -> Result<Exit, Failure> {
    let mut ledger = open(args, options.sync.as_deref())?;
    let target = Target {
        keys: options.keys.clone(),
        sync: options.sync.clone(),
        state: options.state,
        reason: options.reason.clone(),
    };
    let many = ledger.count_target(&target)?;
    if many > MANY && !options.yes && std::io::stdin().is_terminal() {
        let question = format!("Put {many} leads back to be sent by the next run?");
        if !run::confirmed(&question)? {
            return Err(Failure::usage("nothing was changed; --yes answers the question"));
        }
    }
    let retried = ledger.retry(&target, &operator(), clock::now())?;
    for key in options.keys.iter().filter(|key| !retried.contains(key)) {
        out::note(format!(
            "{}: not retried; it is not rejected, failed or waiting, or the mapping refuses its row (lead-sync show tells)",
            out::shown(key)
        ));
    }
    out::say(format!("{} leads are to be sent by the next run", retried.len()));
    Ok(Exit::Done)
}

/// Settles a held lead.
pub(super) fn resolve(args: &Args, options: &ResolveOptions) -> Result<Exit, Failure> {
    let mut ledger = open(args, options.sync.as_deref())?;
    let target = Target { keys: vec![options.key.clone()], sync: options.sync.clone(), ..Target::default() };
    let how = if options.resend {
        Resolution::Resend
    } else {
        Resolution::Delivered { remote_id: options.remote_id.clone() }
    };
    let key = out::shown(&options.key);
    let held = ledger.count_held(&target)?;
    if held > 1 && !options.yes && std::io::stdin().is_terminal() {
        let question = format!("{held} syncs hold a lead with the key {key}. Settle all of them?");
        if !run::confirmed(&question)? {
            return Err(Failure::usage("nothing was changed; --sync chooses one, --yes answers the question"));
        }
    }
    if ledger.resolve(&target, &how, &operator(), clock::now())? == 0 {
        let text = format!("no lead with the key {key} is held (lead-sync leads --state held lists them)");
        return Err(Failure::usage(text));
    }
    let done = if options.resend { "is to be sent again by the next run" } else { "is settled as delivered" };
    out::say(format!("{key} {done}"));
    Ok(Exit::Done)
}

/// Lifts a pause and closes the breaker.
pub(super) fn resume(args: &Args, options: &ResumeOptions) -> Result<Exit, Failure> {
    let mut ledger = open(args, None)?;
    match ledger.resume(&options.connection, clock::now())? {
        Some(due) => {
            out::say(format!("connection {} goes on; {due} waiting leads are due now", options.connection));
            Ok(Exit::Done)
        }
        None => Err(Failure::usage(format!("the ledger knows no connection '{}'", out::shown(&options.connection)))),
    }
}
