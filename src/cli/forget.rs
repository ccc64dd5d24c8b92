//! `forget KEY`: erases a person.

use clap::Args as ClapArgs;

use super::args::Args;
use super::exit::{Exit, Failure};
use super::mend::Desk;
use super::values::key;
use super::{load, mend, out, run};
use crate::clock;
use crate::domain::count::count;
use crate::ledger::{Forgotten, Person, Subject};

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
    let Desk { mut ledger, loaded, .. } = mend::open(args, options.sync.as_deref())?;
    let (key, sync) = (options.key.as_str(), options.sync.as_deref());
    let columns = load::key_columns(&loaded);
    let subject = Subject { key, sync, columns: &columns };
    let shown = out::shown(key);
    if let Some(name) = ledger.being_sent(key, sync)?.first() {
        let text = format!(
            "{shown} of {name} is being sent just now: nothing was erased. Try again in a minute; if no run is under way, \
             the next run takes the lead up first"
        );
        return Err(Failure::new(Exit::Deferred, text));
    }
    let held = ledger.person(&subject)?;
    if held.is_empty() {
        return nothing(&ledger.forgotten(key, sync)?, &shown);
    }
    if !options.yes && !run::confirmed(&question(&shown, &held))? {
        return Err(Failure::usage("nothing was erased; --yes answers the question"));
    }
    match ledger.forget(&subject, clock::now())? {
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

/// What is asked before anything is erased, with the rows of others that go with it.
fn question(shown: &str, held: &[Person]) -> String {
    let places: Vec<String> = held
        .iter()
        .filter(|person| person.of_others)
        .map(|Person { told, .. }| format!("{} of {}", out::shown(&told.lead.origin), told.lead.sync))
        .collect();
    let mut question = format!(
        "Erase everything that the ledger holds on {shown}, for good? The next exports will not bring the person back."
    );
    if !places.is_empty() {
        question += &format!(
            " With it go {} of others with a row of theirs inside: {}; listed again only if the export is read again and still holds them.",
            count(places.len() as u64, "rejected row"),
            places.join(", ")
        );
    }
    question
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
    if forgotten.of_others > 0 {
        let text = "quarantined rows of others had taken a row of theirs in and are erased, too; they come back if the export is read \
                    again and still holds them";
        out::say(format!("{} {text}", forgotten.of_others));
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
