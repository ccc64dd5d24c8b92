//! `forget KEY`: erases a person.

use std::collections::BTreeSet;

use clap::Args as ClapArgs;

use super::args::Args;
use super::exit::{Exit, Failure};
use super::mend::Desk;
use super::values::key;
use super::{load, mend, out, run};
use crate::clock;
use crate::config::Loaded;
use crate::domain::count::count;
use crate::ledger::{Forgotten, Ledger, Person, Subject};
use crate::worker::files_there;

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
    let forgotten = ledger.forgotten(key, sync)?;
    let asked = asked_for(&ledger, &loaded, sync)?;
    let is_known = !held.is_empty() || ledger.has_trace(key, sync)?;
    if !is_known && (forgotten.is_empty() || forgotten.len() == asked.len()) {
        return nothing(&forgotten, &shown);
    }
    if !options.yes && !run::confirmed(&question(&shown, &held, &asked))? {
        return Err(Failure::usage("nothing was erased; --yes answers the question"));
    }
    introduce(&ledger, &loaded, &asked)?;
    let there = files_there(&loaded.unresolved.syncs, clock::now());
    match ledger.forget(&subject, clock::now(), |sync, path| there.has(sync, path))? {
        Some(forgotten) => {
            tell_of_copies(&ledger);
            told(&shown, &forgotten)
        }
        None => Err(Failure::new(
            Exit::Deferred,
            format!("{shown} began to be sent: nothing was erased. Try again in a minute"),
        )),
    }
}

/// Names the copies that migrations left: what is erased here is in them still.
pub(super) fn tell_of_copies(ledger: &Ledger) {
    for (copy, _) in ledger.copies() {
        let copy = copy.display();
        out::say(format!(
            "{copy}, from before a migration, still holds what it held then: delete it once this release has proved itself"
        ));
    }
}

/// The syncs that are meant: the one named, or all that are configured or have read something.
fn asked_for(ledger: &Ledger, loaded: &Loaded, sync: Option<&str>) -> Result<BTreeSet<String>, Failure> {
    if let Some(name) = sync {
        return Ok(BTreeSet::from([name.to_owned()]));
    }
    let configured = loaded.unresolved.syncs.iter().map(|sync| sync.name.clone());
    Ok(configured.chain(ledger.status()?.into_iter().map(|sync| sync.sync)).collect())
}

/// Makes syncs known to the ledger that have not run yet: their first run is to find the person forgotten.
fn introduce(ledger: &Ledger, loaded: &Loaded, asked: &BTreeSet<String>) -> Result<(), Failure> {
    for sync in loaded.unresolved.syncs.iter().filter(|sync| asked.contains(&sync.name)) {
        if ledger.sync_number(&sync.name)?.is_none() {
            ledger.sync_id(&sync.name, ledger.connection_id(&sync.connection)?)?;
        }
    }
    Ok(())
}

/// What is asked before anything is erased, with the rows of others that go with it.
fn question(shown: &str, held: &[Person], asked: &BTreeSet<String>) -> String {
    let places: Vec<String> = held
        .iter()
        .filter(|person| person.of_others)
        .map(|Person { told, .. }| format!("{} of {}", out::shown(&told.lead.origin), told.lead.sync))
        .collect();
    let question = format!(
        "Erase everything that the ledger holds on {shown}, for good? The next exports of {} will not bring the person back.",
        names(asked)
    );
    if places.is_empty() {
        return question;
    }
    format!(
        "{question} With it go {} of others with a row of theirs inside: {}; listed again only if the export is read again and still holds them.",
        count(places.len() as u64, "rejected row"),
        places.join(", ")
    )
}

fn names<'n>(syncs: impl IntoIterator<Item = &'n String>) -> String {
    syncs.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn nothing(forgotten: &[(String, crate::domain::time::Timestamp)], shown: &str) -> Result<Exit, Failure> {
    if forgotten.is_empty() {
        let text = format!(
            "the ledger holds nothing under the key {shown}: nothing was erased or written down, and a later export may still bring \
             the person; lead-sync leads lists the keys"
        );
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
    if !forgotten.kept_out_of.is_empty() {
        out::say(format!("the next exports of {} are read without {shown}", names(&forgotten.kept_out_of)));
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
    traces_gone(forgotten.unwiped.as_deref())
}

/// How a command ends that has erased something and rewritten the ledger, unless something was in the way.
fn traces_gone(unwiped: Option<&str>) -> Result<Exit, Failure> {
    let Some(why) = unwiped else { return Ok(Exit::Done) };
    let text = format!(
        "what was to be erased is erased, but the ledger's files still hold traces of it: {why}. Run lead-sync prune once that is done"
    );
    Err(Failure::new(Exit::Deferred, text))
}
