//! What keeps a sync from sending far more than anybody expects, until a person confirms it.

use super::{Order, Purpose};
use crate::domain::count::count;
use crate::ledger::{self, Counts, Ledger};
use crate::worker::report::{Ending, Notice};
use crate::worker::settings::{Settings, Sync};

/// How a person confirms it.
const CONFIRM: &str = "run once with --confirm (stop a daemon before, and start it again afterwards)";

/// Why nothing of the source is taken in: the sync is `renamed`, it has more new leads than expected, or no row at all, unless a person has
/// confirmed it.
pub(super) fn guard(
    order: &Order<'_>,
    counts: &Counts,
    again: u64,
    is_all: bool,
    renamed: Option<String>,
) -> Option<Notice> {
    if order.confirmed || order.purpose != Purpose::Send {
        return None;
    }
    let name = &order.sync.name;
    if let Some(text) = renamed {
        return Some(Notice::new(Ending::Attention, text));
    }
    if let Some(most) = order.sync.max_new.filter(|most| counts.new + again > *most) {
        let text = format!(
            "sync {name}: {} and {again} changed ones to be sent again, more than max_new = {most}: nothing of this export was taken in. \
             Was the key column or another one shifted, the mapping changed, or the ledger lost? If they are right, {CONFIRM}",
            count(counts.new, "new lead")
        );
        return Some(Notice::new(Ending::Attention, text));
    }
    (order.sync.expects_rows && counts.read == 0 && is_all).then(|| {
        let text = format!(
            "sync {name}: not a single row was read (no_rows = \"warn\"); was the export cut short or written elsewhere? If it is to be empty, {CONFIRM}"
        );
        Notice::new(Ending::Attention, text)
    })
}

/// A sync without a lead that reads what another one did.
pub(in crate::worker) struct Renamed {
    /// The other one's name.
    pub(in crate::worker) old: String,
    /// What to say of it.
    pub(in crate::worker) text: String,
}

/// What to say of a sync without a lead that reads what one read that is not configured any more: most likely it is that one under a new name,
/// which the ledger cannot know, so that all its leads look new.
pub(in crate::worker) fn renamed(ledger: &Ledger, settings: &Settings, sync: &Sync) -> ledger::Result<Option<Renamed>> {
    let configured: Vec<&str> = settings.syncs.iter().map(|sync| sync.name.as_str()).collect();
    let old = ledger.predecessor(&sync.name, &configured, |origin| sync.source.has_origin(origin))?;
    Ok(old.map(|old| {
        let (new, option) = (&sync.name, &settings.config_option);
        let text = format!(
            "sync {new}: it has no lead yet and reads what sync {} did, which is not configured any more and has {}, {} of them still to be sent: \
             whoever is known there would be sent again under the new name, so that nothing is taken in then; put the old name back, or, once nothing waits under it, take \
             what the export holds as delivered (lead-sync{option} baseline --sync {new}), or, if all are to be sent again, {CONFIRM}",
            old.name,
            count(old.leads, "lead"),
            old.waiting,
        );
        Renamed { old: old.name, text }
    }))
}
