//! What the monitor is still to hear. It may be slow, or away for an hour: nothing is told out of its order, and a success never in the
//! place of a failure.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::line::Line;
use super::ping::{Ping, Rid, Signal};
use super::send::NotTaken;

/// If more signals wait, those give way that a later one makes up for.
const LONGEST: usize = 64;

/// The signals that the monitor has not heard, oldest first, and the line of those who tell them.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    line: Line,
    waiting: Mutex<VecDeque<(Rid, Signal)>>,
}

impl Backlog {
    /// Puts a signal behind those that wait. It is for [`Backlog::tell`] to tell it.
    pub(super) fn add(&self, rid: Rid, signal: Signal) {
        let mut waiting = self.waiting();
        waiting.push_back((rid, signal));
        if waiting.len() > LONGEST {
            thin_out(&mut waiting);
        }
    }

    /// Tells all that waits, unless somebody who came later does. What the monitor does not take waits for the next one who tells.
    pub(super) async fn tell(&self, ping: &Ping) {
        let place = self.line.join(&[]);
        let Some(_turn) = self.line.turn(&place).await else { return };
        while let Some((rid, signal)) = self.next() {
            if let Err(NotTaken { why, for_good }) = ping.tell(rid, &signal).await {
                tracing::warn!(signal = %signal.name(), error = why, "the monitor could not be told");
                // What it does not know (not every monitor has `/log`) must not stand in the way of what it does.
                if !for_good {
                    self.put_back(rid, signal);
                    return;
                }
            }
        }
    }

    fn next(&self) -> Option<(Rid, Signal)> {
        self.waiting().pop_front()
    }

    /// The end of a run is told later; its beginning is of no use then.
    fn put_back(&self, rid: Rid, signal: Signal) {
        if let Signal::End { .. } = signal {
            let mut waiting = self.waiting();
            waiting.push_front((rid, signal));
            thin_out(&mut waiting);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<(Rid, Signal)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of the ends of runs over the same syncs with the same exit code leaves the last one, and no beginning of a run whose end has gone.
fn thin_out(waiting: &mut VecDeque<(Rid, Signal)>) {
    let mut later = BTreeSet::new();
    let mut gone = BTreeSet::new();
    for (rid, signal) in waiting.iter().rev() {
        if let Signal::End { syncs, exit, .. } = signal
            && !later.insert((syncs, exit))
        {
            gone.insert(*rid);
        }
    }
    if !gone.is_empty() {
        tracing::warn!(runs = gone.len(), "the monitor will not hear of these runs, only of later ones that ended so");
        waiting.retain(|(rid, _)| !gone.contains(rid));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Runs that the monitor has not heard of: syncs and exit codes, in order; what it hears once they are thinned out.
    fn heard(runs: &[(&str, Option<u8>)]) -> Vec<String> {
        let mut waiting = VecDeque::new();
        for (sync, exit) in runs {
            let rid = Rid::new();
            waiting.push_back((rid, Signal::Start));
            waiting.push_back((rid, Signal::End { syncs: vec![(*sync).to_owned()], exit: *exit, counts: Value::Null }));
        }
        thin_out(&mut waiting);
        let mut heard = Vec::new();
        let mut begun = None;
        for (rid, signal) in waiting {
            match signal {
                Signal::Start => begun = Some(rid),
                Signal::End { ref syncs, .. } => {
                    assert_eq!(begun.take(), Some(rid), "a beginning for each end, and no other");
                    heard.push(format!("{} {}", syncs[0], signal.name()));
                }
            }
        }
        heard
    }

    #[test]
    fn of_an_hour_a_monitor_hears_the_last_end_of_each_sync_and_no_success_in_the_place_of_a_failure() {
        let hour = [("a", Some(0)), ("b", Some(2)), ("a", Some(3)), ("b", Some(2)), ("a", Some(0)), ("b", Some(2))];
        assert_eq!(heard(&hour), ["a 3", "a 0", "b 2"]);
        assert_eq!(heard(&[("a", Some(0)), ("a", None), ("a", None)]), ["a 0", "a log"]);
    }

    #[test]
    fn what_waits_for_a_monitor_does_not_grow_for_ever() {
        let backlog = Backlog::default();
        for exit in (0..4).cycle().take(1000) {
            let rid = Rid::new();
            backlog.add(rid, Signal::Start);
            let end = Signal::End { syncs: vec!["a".to_owned()], exit: Some(exit), counts: Value::Null };
            backlog.add(rid, end);
            assert!(backlog.waiting().len() <= LONGEST);
        }
    }
}
