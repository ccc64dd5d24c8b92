//! `[syncs.NAME]`.

use http::Method;

use super::connection::Outline;
use super::entry::Entry;
use super::reader::{Table, nearest};
use super::source::{self, Source};
use super::target::Kind;
use super::{form, schedule};
use crate::destination::Endpoint;
use crate::domain::mapping::Spec;
use crate::domain::plan::OnChange;
use crate::sources::Settings;
use crate::worker::settings::Sync;

/// Reads one sync; `None` if it has a problem.
pub(super) fn read(name: &str, mut table: Table<'_>, connections: &[Outline]) -> Option<Sync> {
    let connection = connection(&mut table, connections);
    let kind = connection.and_then(|connection| connection.kind);
    let source = source::read(&mut table);
    let settings = source.settings.as_ref();
    let schedule = schedule::read(&mut table);
    let on_change = table.or("on_change", OnChange::Ignore, |entry| {
        entry.word(&[("ignore", OnChange::Ignore), ("resend", OnChange::Resend)])
    });
    if on_change == OnChange::Resend && kind == Some(Kind::WeGroup) {
        table.warn("on_change", "resend makes a second lead at WeGroup of every row that changes; ignore does not");
    }
    let max_new = table.optional("max_new", Entry::number);
    let expects_rows = table.or("no_rows", false, |entry| entry.word(&[("ok", false), ("warn", true)]));
    if expects_rows && matches!(settings, Some(Settings::Sqlite(sqlite)) if sqlite.cursor.is_some()) {
        table.problem("no_rows", "a source with a cursor often has no new rows; remove it");
    }
    let request = request(&mut table, connection);
    let mapping = mapping(name, &mut table, &source);
    table.finish();
    Some(Sync {
        name: name.to_owned(),
        connection: connection?.name.clone(),
        source: source.settings?,
        mapping: mapping?,
        request,
        on_change,
        max_new,
        expects_rows,
        schedule,
    })
}

/// The connection that the sync names.
fn connection<'o>(table: &mut Table<'_>, connections: &'o [Outline]) -> Option<&'o Outline> {
    let names: Vec<&str> = connections.iter().map(|connection| connection.name.as_str()).collect();
    table.required("connection", "name one of the connections", |entry| {
        let name = entry.filled()?;
        connections.iter().find(|connection| connection.name == name).ok_or_else(|| match nearest(name, &names) {
            Some(near) => format!("there is no connection '{name}'; did you mean {near}?"),
            None => format!("there is no connection '{name}'; add [connections.{name}]"),
        })
    })
}

/// The request of a sync: there must be one if its connection is of kind `http`, and none if it is WeGroup.
fn request(table: &mut Table<'_>, connection: Option<&Outline>) -> Option<Endpoint> {
    let mut request = match connection.and_then(|connection| connection.kind) {
        Some(Kind::Http) => table.required_table("request", "write { method = \"POST\", path = \"/leads\" }")?,
        _ if !table.has("request") => return None,
        None => table.table("request"),
        Some(Kind::WeGroup) => {
            table.reject("request", "is only for connections of kind = \"http\"; remove it");
            return None;
        }
    };
    let method = request.or("method", &Method::POST, |entry| {
        entry.word(&[("POST", &Method::POST), ("PUT", &Method::PUT), ("PATCH", &Method::PATCH)])
    });
    let path = request.required("path", "write e.g. /leads", form::request_path);
    request.finish();
    Some(Endpoint { method: method.clone(), path: format!("{}{}", connection?.base_path, path?) })
}

fn key(source: &Settings) -> &str {
    match source {
        Settings::Csv(csv) => &csv.key,
        Settings::Sqlite(sqlite) => &sqlite.key,
    }
}

/// What the sync says of its mapping; `None` if it has a problem of form. Its templates are noted in any case.
fn mapping(name: &str, table: &mut Table<'_>, source: &Source) -> Option<Spec> {
    let filter = table.optional("where", |entry| Ok(entry.filled()?.to_owned()));
    let required = table.or("required", Vec::new(), Entry::texts);
    let lead = table.required("lead", "add a table with the fields of the lead", |entry| {
        if entry.table()?.is_empty() {
            return Err("is empty; add the fields of the lead".to_owned());
        }
        entry.json()
    });
    let spec = Spec {
        sync: name.to_owned(),
        // Without a key the sync has a problem already, and this mapping is never used.
        key: source.settings.as_ref().map(key).unwrap_or_default().to_owned(),
        text_only: source.text_only,
        lead: lead.clone().unwrap_or_else(|| serde_json::json!({})),
        filter,
        // What a lead must have that is not there is no news.
        required: if lead.is_some() { required } else { Vec::new() },
    };
    table.findings().mapping(spec.clone());
    lead.map(|_| spec)
}
