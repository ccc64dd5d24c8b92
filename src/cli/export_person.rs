//! `export-person KEY`: all that is held on one.

use clap::Args as ClapArgs;
use serde_json::{Value, json};

use super::args::Args;
use super::chosen::require_sync;
use super::exit::{Exit, Failure};
use super::values::key;
use super::{load, out};
use crate::ledger::{Held, Ledger, Person, Subject};
use crate::worker::columns_of;

/// Options of `export-person`.
#[derive(Debug, ClapArgs)]
pub struct ExportPersonOptions {
    /// The CRM's id of the person's row
    #[arg(allow_hyphen_values = true, value_parser = key)]
    pub key: String,
    /// Only in this sync
    #[arg(long, value_name = "NAME")]
    pub sync: Option<String>,
}

/// Prints one JSON document.
pub(super) fn export_person(args: &Args, options: &ExportPersonOptions) -> Result<Exit, Failure> {
    let loaded = load::load(args)?;
    let ledger = Ledger::open_reader(&loaded.unresolved.ledger)?;
    require_sync(options.sync.as_deref(), &loaded, &ledger)?;
    let (key, sync) = (&options.key, options.sync.as_deref());
    let columns = load::key_columns(&loaded);
    let held: Vec<Value> = ledger.person(&Subject { key, sync, columns: &columns })?.iter().map(one).collect();
    let forgotten: Vec<Value> =
        ledger.forgotten(key, sync)?.iter().map(|(sync, at)| json!({ "sync": sync, "at": at.to_string() })).collect();
    out::json(&json!({ "key": key, "held": held, "forgotten": forgotten }));
    Ok(Exit::Done)
}

/// What `show --format json` tells, with the lead's body and the columns of its row where they are still held.
fn one(person: &Person) -> Value {
    let mut told = serde_json::to_value(&person.told).unwrap_or_default();
    let content = person.held.as_ref().map(|Held { payload, record, layout }| {
        let body: Option<Value> = payload.as_deref().and_then(|body| serde_json::from_str(body).ok());
        json!({ "body": body, "row": columns_of(layout, record) })
    });
    if let Value::Object(fields) = &mut told {
        fields.extend(content.map(|content| ("content".to_owned(), content)));
        fields.extend(person.of_others.then(|| ("of_others".to_owned(), Value::Bool(true))));
    }
    told
}
