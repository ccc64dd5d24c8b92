//! `prune`: deletes what is older than `[ledger] retain`.

use super::args::Args;
use super::exit::{Exit, Failure};
use super::{load, out};
use crate::clock;
use crate::domain::time::Timestamp;
use crate::ledger::{Ledger, Pruned};
use crate::worker::files_there;

/// Entries deleted in one transaction: others may write in between.
const BATCH: usize = 10_000;

/// Deletes, batch after batch, and empties the write-ahead log.
pub(super) fn prune(args: &Args) -> Result<Exit, Failure> {
    let settings = load::load(args)?.unresolved;
    let mut ledger = Ledger::open(&settings.ledger)?;
    // A `retain` of a million years means for ever, and its beginning is no date.
    let before = (clock::now() - settings.retain).max(Timestamp(0));
    let mut all = Pruned::default();
    loop {
        let pruned = ledger.prune(before, BATCH)?;
        if pruned.is_empty() {
            break;
        }
        all.events += pruned.events;
        all.runs += pruned.runs;
        all.copies += pruned.copies;
        all.unfinished += pruned.unfinished;
    }
    out::say(format!("{} entries of history and {} runs older than {before} are deleted", all.events, all.runs));
    if all.copies > 0 {
        out::say(format!("{} copies of the ledger from before a migration are deleted", all.copies));
    }
    if all.unfinished > 0 {
        out::say(format!("{} files that a killed process left unfinished are deleted", all.unfinished));
    }
    let there = files_there(&settings.syncs, clock::now());
    let origins = ledger.drop_origins(|sync, path| there.has(sync, path))?;
    if origins > 0 {
        out::say(format!("{origins} names of files that are gone and that no lead was read from are deleted"));
    }
    match ledger.wipe() {
        Ok(true) => Ok(Exit::Done),
        Ok(false) => {
            let text = "another process was reading the ledger: its write-ahead log is not emptied yet. Run lead-sync prune again";
            Err(Failure::new(Exit::Deferred, text))
        }
        Err(error) => {
            let text =
                format!("what was to be deleted is deleted, but the ledger's files still hold traces of it: {error}");
            Err(Failure::new(Exit::from(&error), text))
        }
    }
}
