//! Whether a ledger's leads go where they went before.
//!
//! What is delivered to one place would count as delivered at the other, and what waits for the one would be sent to the other.

use std::collections::BTreeMap;

use super::Prepared;
use super::report::{Ending, Notice};
use super::settings::{Api, Connection, Settings, Sync};
use crate::ledger::{self, Former, Ledger};

/// The syncs of a run, as the ledger knows them.
#[derive(Default)]
pub(super) struct Entered {
    /// Name → the numbers of the sync and of its configured connection.
    pub(super) ids: BTreeMap<String, (i64, i64)>,
    /// What to say of those whose leads were delivered elsewhere: nothing of them is taken in or sent.
    pub(super) elsewhere: BTreeMap<String, Notice>,
}

/// Where a connection's leads are delivered, for a person.
pub(super) fn of(connection: &Connection, distribution: Option<&str>) -> String {
    let place = connection.destination.place();
    distribution.map_or_else(|| place.clone(), |id| format!("distribution {id} at {place}"))
}

/// What to say if the connection's first lead was delivered elsewhere, to `before`, than leads go `now`.
pub(super) fn moved(settings: &Settings, connection: &Connection, now: &str, before: Option<&str>) -> Option<Notice> {
    let before = before.filter(|before| *before != now)?;
    Some(refusal(settings, connection, &format!("connection {}", connection.name), before, now))
}

/// As [`moved`], of a sync that was on another connection.
pub(super) fn sync_moved(
    settings: &Settings,
    connection: &Connection,
    now: &str,
    sync: &str,
    former: &Former,
) -> Option<Notice> {
    let before = former.destination.as_deref().filter(|before| *before != now)?;
    let what = format!("sync {sync}, of connection {} before and {} now", former.connection, connection.name);
    Some(refusal(settings, connection, &what, before, now))
}

fn refusal(settings: &Settings, connection: &Connection, what: &str, before: &str, now: &str) -> Notice {
    let (name, option) = (&connection.name, &settings.config_option);
    let text = format!(
        "{what}: its leads were delivered to {before}, and go to {now} by the configuration: what is delivered there would count as \
         delivered here, and what waits for there would be sent here. Give this configuration a ledger of its own ([ledger] path), or correct \
         it; if it is the same place under a new name: lead-sync{option} resume {name} --moved"
    );
    Notice::new(Ending::Usage, text)
}

/// Makes the prepared syncs known to the ledger, before anything is taken in: leads of one place must not lie in the ledger of another.
pub(super) fn enter(ledger: &mut Ledger, prepared: &Prepared) -> ledger::Result<Entered> {
    let mut entered = Entered::default();
    for sync in prepared.syncs.iter().map(|sync| &sync.settings) {
        let connection = ledger.connection_id(&sync.connection)?;
        let ids = (ledger.sync_id(&sync.name, connection)?, connection);
        entered.ids.insert(sync.name.clone(), ids);
        if let Some(notice) = follow(ledger, &prepared.settings, sync, ids)? {
            entered.elsewhere.insert(sync.name.clone(), notice);
        }
    }
    Ok(entered)
}

/// Lets a sync go with the configuration to another connection; or says why neither it nor its leads may go there.
fn follow(
    ledger: &mut Ledger,
    settings: &Settings,
    sync: &Sync,
    (id, connection_id): (i64, i64),
) -> ledger::Result<Option<Notice>> {
    let Some(connection) = settings.connections.iter().find(|known| known.name == sync.connection) else {
        return Ok(None);
    };
    let here = ledger.connection_state(connection_id)?.0.destination;
    let now = by_configuration(connection);
    let elsewhere = now.as_deref().and_then(|now| moved(settings, connection, now, here.as_deref()));
    if elsewhere.is_some() {
        return Ok(elsewhere);
    }
    let Some(former) = ledger.former(&sync.name, &connection.name)? else { return Ok(None) };
    // Where neither is known the connection takes over the former place, and is held against that when its session is opened.
    if let Some(now) = now.or(here)
        && let Some(notice) = sync_moved(settings, connection, &now, &sync.name, &former)
    {
        return Ok(Some(notice));
    }
    // The pause of a connection that is still there may be about its credential.
    let is_renamed = settings.connections.iter().all(|known| known.name != former.connection);
    ledger.move_sync(id, connection_id, is_renamed)?;
    Ok(None)
}

/// Where leads go, if the configuration alone tells: with a session it is known only when that is opened.
fn by_configuration(connection: &Connection) -> Option<String> {
    match &connection.api {
        Api::WeGroup { distribution_id, .. } => distribution_id.as_deref().map(|id| of(connection, Some(id))),
        Api::Http => Some(of(connection, None)),
    }
}
