//! A dry run: intake over a private copy of the ledger, and nothing after it.

use super::job::{Assignment, Job};
use super::prepare::Prepared;
use super::progress::Progress;
use super::report::{Ending, Notice, Report};
use super::stop::Stop;
use super::{Purpose, Run, place};
use crate::clock;
use crate::ledger::{self, Ledger, NewLedger, OlderLedger, Trigger};

/// What a run would send and why, if it is `confirmed` or not, and begins a `new` ledger or not. Sends and writes nothing, and creates no
/// ledger. One that a run would refuse is refused, but for an older one, of which the plan is to be seen first.
pub fn plan(
    prepared: &Prepared,
    confirmed: bool,
    new: NewLedger,
    progress: &Progress,
    stop: &Stop,
) -> ledger::Result<Report> {
    let started_at = clock::now();
    let path = &prepared.settings.ledger;
    // In the ledger itself: a run may count while it is copied.
    let older = match Ledger::open_reader(path).and_then(|ledger| ledger.refuse_older()) {
        Err(error @ (ledger::Error::Older { .. } | ledger::Error::DamagedMark { .. })) => {
            Some(Notice::new(Ending::Attention, error.to_string()))
        }
        _ => None,
    };
    let mut ledger = Ledger::scratch(path, &prepared.settings.tokens, new)?;
    let job = Job {
        trigger: Trigger::Manual,
        purpose: Purpose::Send,
        limit: None,
        confirmed,
        new_ledger: new,
        older_ledger: OlderLedger::Confirmed,
    };
    let assignment = Assignment { prepared, job: &job, lease: None, progress, stop };
    let look = || {
        let mut run = Run::begin(assignment, place::enter(&mut ledger, prepared)?, started_at);
        run.dry = true;
        run.notices.extend(older);
        run.take_in(&mut ledger)?;
        run.finish(&ledger)
    };
    look().map_err(ledger::Error::of_copy)
}
