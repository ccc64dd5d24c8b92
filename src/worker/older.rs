//! A run on a ledger that is older than what was sent, as the operator has confirmed.

use std::fmt::Write;

use super::report::{self, Ending, Notice, Report};
use super::{Purpose, Run};
use crate::ledger::{self, Ledger};

impl Run<'_> {
    /// Whether the next run may go on with an older ledger: what a baseline could not read it would send. A run that sends has settled that
    /// before its first request, or has found nothing to send.
    pub(super) fn leaves_nothing_open(&self, ledger: &Ledger, report: &Report) -> ledger::Result<bool> {
        let mut due = 0;
        for sync in self.counts.keys() {
            due += ledger.count_due(*sync)?;
        }
        Ok(due == 0 && self.unread.is_empty() && report::went_through(&report.notices))
    }

    /// Says that the ledger is older than what was sent, as nothing else in it will tell why leads went out again. What a baseline leaves open
    /// in it is held: the next run would send it, and may not be the first to do so.
    pub(super) fn go_on_with_older(&mut self, ledger: &mut Ledger) -> ledger::Result<()> {
        let which = match ledger.refuse_older() {
            Err(ledger::Error::Older { run, .. }) => format!("does not know all of run {run}"),
            Err(ledger::Error::DamagedMark { .. }) => "may be older than what was sent".to_owned(),
            sound => return sound,
        };
        let mut held: u64 = 0;
        let is_baseline = self.assignment.job.purpose == Purpose::Baseline;
        if is_baseline && !self.unread.is_empty() {
            let names = self.unread.join(", ");
            let text = format!(
                "--older-ledger: not confirmed, as not all of the export of {names} was there to be read; run it again once it is"
            );
            self.notices.push(Notice::new(Ending::Attention, text));
            return Ok(());
        }
        if is_baseline && report::went_through(&self.notices) {
            let newly = ledger.hold_open(self.number, self.started_at)?;
            held = newly.values().sum();
            self.add_held(&newly);
        }
        let mut text = format!("--older-ledger: went on with a ledger that {which}");
        if held > 0 {
            write!(
                text,
                "; {held} leads that were still to be sent in it are held, see `lead-sync leads --state held`"
            )
            .unwrap_or_default();
        }
        self.notices.push(Notice::new(Ending::Complete, text));
        Ok(())
    }
}
