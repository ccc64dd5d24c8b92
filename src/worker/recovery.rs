//! What a run does first about leads that may have arrived.

use std::collections::BTreeMap;

use super::report::{Ending, Notice};
use super::{Prepared, Run};
use crate::domain::count::{are, count};
use crate::domain::verdict::OnInDoubt;
use crate::ledger::{self, Ledger};

impl Run<'_> {
    /// Takes up what a dead process was sending, and what must not be sent again where that is held.
    pub(super) fn recover(&mut self, ledger: &mut Ledger) -> ledger::Result<()> {
        let prepared = self.assignment.prepared;
        let recovered = ledger::recover(ledger, self.started_at, |name| in_doubt(prepared, name))?;
        if recovered.leads > 0 {
            let (were, they_are) = if recovered.leads == 1 { ("was", "it is") } else { ("were", "they are") };
            let leads = count(recovered.leads as u64, "lead");
            let text = format!("{leads} {were} being sent when the last run was cut off: {they_are} in doubt");
            self.notices.push(Notice::new(Ending::Complete, text));
        }
        self.add_held(&recovered.held);
        for connection in
            prepared.settings.connections.iter().filter(|known| known.policy.on_in_doubt == OnInDoubt::Hold)
        {
            self.add_held(&ledger::hold_in_doubt(ledger, &connection.name, self.started_at)?);
        }
        Ok(())
    }

    /// Counts leads that are newly held, by sync.
    pub(super) fn add_held(&mut self, held: &BTreeMap<i64, u64>) {
        for (sync, held) in held {
            if let Some(counts) = self.counts.get_mut(sync) {
                counts.held += held;
            } else {
                // A sync that this run is not over must not look as if it had run.
                let (leads, are) = (count(*held, "lead"), are(*held));
                let text = format!("{leads} of another sync {are} held: see `lead-sync leads --state held`");
                self.notices.push(Notice { sync: Some(*sync), ..Notice::new(Ending::Complete, text) });
                self.holds_others = true;
            }
        }
    }
}

fn in_doubt(prepared: &Prepared, connection: &str) -> OnInDoubt {
    let found = prepared.settings.connections.iter().find(|known| known.name == connection);
    // A connection that is no longer configured sends nothing; a person decides about its leads.
    found.map_or(OnInDoubt::Hold, |known| known.policy.on_in_doubt)
}
