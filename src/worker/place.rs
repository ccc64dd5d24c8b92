//! Whether a ledger's leads go where they went before.
//!
//! What is delivered to one place would count as delivered at the other, and what waits for the one would be sent to the other.

use super::Run;
use super::report::{Ending, Notice};
use super::settings::{Api, Connection, Settings};
use crate::ledger::{self, Ledger};

/// Where a connection's leads are delivered, for a person.
pub(super) fn of(connection: &Connection, distribution: Option<&str>) -> String {
    let place = connection.destination.place();
    distribution.map_or_else(|| place.clone(), |id| format!("distribution {id} at {place}"))
}

/// What to say if the connection's first lead was delivered elsewhere: to `before`.
pub(super) fn moved(
    settings: &Settings,
    connection: &Connection,
    distribution: Option<&str>,
    before: Option<&str>,
) -> Option<Notice> {
    let now = of(connection, distribution);
    let before = before.filter(|before| *before != now)?;
    let (name, option) = (&connection.name, &settings.config_option);
    let text = format!(
        "connection {name}: its leads were delivered to {before}, and go to {now} by the configuration: what is delivered there would count as \
         delivered here, and what waits for there would be sent here. Give this configuration a ledger of its own ([ledger] path), or correct \
         it; if it is the same place under a new name: lead-sync{option} resume {name} --moved"
    );
    Some(Notice::new(Ending::Usage, text))
}

impl Run<'_> {
    /// As [`moved`], before the export of a sync is taken in, if the configuration alone tells the place: leads of one place must not lie in the
    /// ledger of another. With a session it is known only when that is opened.
    pub(super) fn is_elsewhere(&self, ledger: &Ledger, sync: &str) -> ledger::Result<Option<Notice>> {
        let prepared = self.assignment.prepared;
        let Some((_, id)) = self.ids.get(sync) else { return Ok(None) };
        let of_sync = prepared.syncs.iter().find(|known| known.settings.name == sync);
        let name = of_sync.map(|sync| &sync.settings.connection);
        let Some(connection) = prepared.settings.connections.iter().find(|known| Some(&known.name) == name) else {
            return Ok(None);
        };
        let distribution = match &connection.api {
            Api::WeGroup { distribution_id: None, .. } => return Ok(None),
            Api::WeGroup { distribution_id, .. } => distribution_id.as_deref(),
            Api::Http => None,
        };
        let state = ledger.connection_state(*id)?.0;
        Ok(moved(&prepared.settings, connection, distribution, state.destination.as_deref()))
    }
}
