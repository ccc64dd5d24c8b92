//! Rows whose lead the ledger knows by its key: they have changed, or the mapping has.

use super::Pass;
use crate::domain::delivery::State;
use crate::domain::known::Place;
use crate::domain::mapping::{Lead, Rejection};
use crate::domain::plan::{self, Change, Known};
use crate::domain::record::Record;
use crate::ledger::{self, Content, KnownLead};
use crate::worker::intake::Purpose;

impl Pass<'_> {
    /// A row whose fingerprint no lead has, or whose mapping is no longer the one its lead was made with (`same_row`).
    pub(super) fn unknown(
        &mut self,
        record: &Record,
        fingerprint: [u8; 16],
        place: Place,
        same_row: bool,
    ) -> ledger::Result<()> {
        let Some(lead) = self.admission.lookup(record.key())? else { return self.new_lead(record, fingerprint, place) };
        if !same_row && let Some(first) = self.known.met(&lead.fingerprint) {
            return self.repeated(record, first);
        }
        if !same_row && self.unread.contains(&lead.origin) {
            self.known.replace(&lead.fingerprint, fingerprint, place);
            self.counts.changed += 1;
            return Ok(());
        }
        if lead.other_basis {
            // The mapping reads other columns than before: nothing tells whether the row changed, so it did not.
            self.admission.rebase(lead.known.lead, &fingerprint)?;
            self.known.add(fingerprint, place);
            if !lead.known.is_open() {
                self.counts.unchanged += 1;
                return Ok(());
            }
        } else if !same_row {
            self.known.replace(&lead.fingerprint, fingerprint, place);
            if self.by_hand.has_corrections() {
                self.admission.end_correction(lead.known.lead)?;
            }
        }
        self.changed(record, &lead, (fingerprint, place), same_row || lead.other_basis)
    }

    /// A baseline takes what is known as delivered, too, and what was delivered as the row has it now.
    fn overtaken(&mut self, lead: &KnownLead, fingerprint: &[u8; 16]) -> ledger::Result<()> {
        self.counts.unchanged += 1;
        if lead.known.state == State::Delivered {
            return self.admission.rebase(lead.known.lead, fingerprint);
        }
        self.overtaken += u64::from(self.admission.settle_as_delivered(lead.known.lead, fingerprint)?);
        Ok(())
    }

    /// A row of a known lead that has changed, or whose mapping has (`same_row`).
    fn changed(
        &mut self,
        record: &Record,
        lead: &KnownLead,
        (fingerprint, place): ([u8; 16], Place),
        same_row: bool,
    ) -> ledger::Result<()> {
        let number = lead.known.lead;
        let rendered = match self.mapping.wants(record) {
            Ok(true) => self.mapping.render(record),
            Err(rejection) => Err(rejection),
            Ok(false) => return self.unwanted(record, lead.known, fingerprint, place),
        };
        if rendered.is_ok() {
            self.mend(record)?;
        }
        // What is queued would be sent, whatever has become of its row.
        if self.purpose == Purpose::Baseline && (rendered.is_ok() || lead.known.is_queued()) {
            return self.overtaken(lead, &fingerprint);
        }
        if lead.delivered == Some(fingerprint) && lead.known.is_open() && !lead.known.possibly_sent {
            self.counts.unchanged += 1;
            return self.admission.restore(number, "its row is again as it was delivered").map(drop);
        }
        let row = if rendered.is_ok() { plan::Row::Wanted } else { plan::Row::Refused };
        match (plan::change(lead.known, row, self.sync.on_change), rendered) {
            (Change::Renew, Ok(rendered)) => self.renew(record, lead.known, &fingerprint, &rendered, same_row),
            (Change::RefuseAgain, Err(rejection)) => {
                self.refuse_again(record, number, (&fingerprint, same_row), &rejection)
            }
            (Change::Quarantine, Err(rejection)) => self.quarantine(record, &rejection.to_string()),
            _ if same_row => {
                self.counts.unchanged += 1;
                Ok(())
            }
            _ => {
                self.counts.changed += 1;
                self.too_early += u64::from(lead.known.state != State::Delivered);
                Ok(())
            }
        }
    }

    /// A row of a known lead for which `where` is false: its key is taken in this pass, whatever becomes of the lead.
    fn unwanted(&mut self, record: &Record, known: Known, fingerprint: [u8; 16], place: Place) -> ledger::Result<()> {
        self.counts.skipped += 1;
        self.mend(record)?;
        match plan::change(known, plan::Row::Unwanted, self.sync.on_change) {
            Change::Withdraw => {
                tracing::debug!(sync = self.sync.name, line = record.line, "not sent any more: `where` is false now");
                let key_hash = self.fingerprinter.raw(record.key().as_bytes()).0;
                self.known.skip(key_hash, fingerprint, place);
                self.admission.keep_version(known.lead, &key_hash)?;
                self.admission.withdraw(known.lead)
            }
            Change::Restore => {
                let why = "its change was not sent: `where` is false for the row";
                let put_back = self.admission.restore(known.lead, why)?;
                self.known.outdo(put_back, place);
                Ok(())
            }
            Change::Hold => {
                self.counts.held += u64::from(known.state != State::Held);
                self.admission.hold(known.lead, plan::UNWANTED)
            }
            _ => Ok(()),
        }
    }

    /// The lead's content is made anew, unless it is what it was.
    fn renew(
        &mut self,
        record: &Record,
        known: Known,
        fingerprint: &[u8; 16],
        rendered: &Lead,
        same_row: bool,
    ) -> ledger::Result<()> {
        if same_row && self.admission.payload(known.lead)?.as_deref() == Some(&rendered.body) {
            self.counts.unchanged += 1;
            return Ok(());
        }
        self.counts.changed += 1;
        self.again += u64::from(!known.is_queued());
        self.sample(record, "changed", self.counts.changed, &rendered.body);
        let content = Content { payload: &rendered.body, record: &record.raw, backref: rendered.backref.as_deref() };
        self.admission.renew(known.lead, fingerprint, self.place(record), content)
    }

    fn refuse_again(
        &mut self,
        record: &Record,
        number: i64,
        (fingerprint, same_row): (&[u8; 16], bool),
        rejection: &Rejection,
    ) -> ledger::Result<()> {
        let reason = rejection.to_string();
        if same_row {
            self.counts.invalid += 1;
        } else {
            // What somebody has changed is looked at anew, and they are told that it still will not do.
            self.refused(record, &reason);
        }
        self.admission.refuse_again(number, fingerprint, self.place(record), &record.raw, &reason)
    }
}
