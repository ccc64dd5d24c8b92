//! `forget KEY`: erases a person.

use clap::Args as ClapArgs;

use super::args::Args;
use super::exit::{Exit, Failure};
use super::values::key;
use super::{mend, out, run};
use crate::clock;
use crate::ledger::Forgotten;

/// Options of `forget`.
#[derive(Debug, ClapArgs)]
pub struct ForgetOptions {
    /// The CRM's id of the person's row
    #[arg(allow_hyphen_values = true, value_parser = key)]
    pub key: String,
    /// Only in this sync
    #[arg(long, value_name = "NAME")]
    pub sync: Option<String>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// Erases.
pub(super) fn forget(args: &Args, options: &ForgetOptions) -> Result<Exit, Failure> {
    let mut ledger = mend::open(args, options.sync.as_deref())?.ledger;
    let (key, sync) = (&options.key, options.sync.as_deref());
    let shown = out::shown(key);
    if let Some(name) = ledger.being_sent(key, sync)?.first() {
        let text = format!(
            "{shown} of {name} is being sent just now: nothing was erased. Try again in a minute; if no run is under way, \
             the next run takes the lead up first"
        );
        return Err(Failure::new(Exit::Deferred, text));
    }
    if ledger.show(key, sync)?.is_empty() {
        return nothing(&ledger.forgotten(key, sync)?, &shown);
    }
    let question = format!(
        "Erase everything that the ledger holds on {shown}, for good? The next exports will not bring the person back."
    );
    if !options.yes && !run::confirmed(&question)? {
        return Err(Failure::usage("nothing was erased; --yes answers the question"));
    }
    match ledger.forget(key, sync, clock::now())? {
        Some(forgotten) => {
            for (copy, _) in ledger.copies() {
                let copy = copy.display();
                out::say(format!(
                    "{copy}, from before a migration, still holds what it held then: delete it once this release has proved itself"
                ));
            }
            told(&shown, &forgotten)
        }
        None => Err(Failure::new(
            Exit::Deferred,
            format!("{shown} began to be sent: nothing was erased. Try again in a minute"),
        )),
    }
}

fn nothing(forgotten: &[(String, crate::domain::time::Timestamp)], shown: &str) -> Result<Exit, Failure> {
    if forgotten.is_empty() {
        let text = format!("the ledger holds nothing under the key {shown}; lead-sync leads lists the keys");
        return Err(Failure::usage(text));
    }
    for (sync, at) in forgotten {
        out::say(format!("{shown} was forgotten in {sync} at {at}: nothing is held"));
    }
    Ok(Exit::Done)
}

fn told(shown: &str, forgotten: &Forgotten) -> Result<Exit, Failure> {
    let places: Vec<&str> = forgotten.leads.iter().map(|erased| erased.sync.as_str()).collect();
    if !places.is_empty() {
        out::say(format!("{shown} is erased from {}", places.join(", ")));
    }
    if forgotten.quarantined > 0 {
        out::say(format!("{} quarantined rows of {shown} are erased", forgotten.quarantined));
    }
    if forgotten.mentions > 0 {
        let text = "quarantined rows of others held the key in a cell and are erased, too; they come back while the export holds them";
        out::say(format!("{} {text}", forgotten.mentions));
    }
    for erased in &forgotten.leads {
        let known = erased.remote_ids.iter().map(|id| format!("as {}", out::shown(id)));
        let unknown = erased.without_id.then(|| "under an unknown id".to_owned());
        for id in known.chain(unknown) {
            out::say(format!(
                "the recipient has the lead {id}: ask for its erasure there; the ledger no longer knows it"
            ));
        }
    }
    out::say("exports, archived files, backups of the ledger and rejects files are yours to clean");
    if forgotten.wiped {
        return Ok(Exit::Done);
    }
    let text = "another process was reading the ledger, or its disk is full: its files still hold traces of what was erased. \
                Run lead-sync prune once that is done";
    Err(Failure::new(Exit::Deferred, text))
}
