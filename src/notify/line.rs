//! Before each receiver a line: one telling at a time, and what waits gives way to what is newer, so that a receiver that does not
//! answer keeps neither another one waiting nor ever more tellings.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::MutexGuard;

use crate::domain::standing::Told;

/// What a process has told, by channel and sync: the ledger cannot always be written. A channel that SIGHUP made anew goes on with it.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<BTreeMap<(&'static str, String), Told>>>);

impl Memory {
    /// What was told through `channel`.
    pub(super) fn of(&self, channel: &str) -> BTreeMap<String, Told> {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.iter().filter(|((name, _), _)| *name == channel).map(|((_, sync), told)| (sync.clone(), *told)).collect()
    }

    /// Keeps what was told now.
    pub(super) fn keep(&self, channel: &'static str, now: impl Iterator<Item = (String, Told)>) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.extend(now.map(|(sync, now)| ((channel, sync), now)));
    }
}

/// The line before one receiver.
#[derive(Debug, Default)]
pub(super) struct Line {
    turn: tokio::sync::Mutex<()>,
    newest: Mutex<BTreeMap<Vec<String>, u64>>,
}

/// A place in it: about what, and the how manieth.
#[derive(Debug)]
pub(super) struct Place {
    about: Vec<String>,
    number: u64,
}

impl Line {
    /// Takes the next place. Whoever waits at an earlier one about the same gives way.
    pub(super) fn join(&self, about: &[String]) -> Place {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let number = newest.entry(about.to_vec()).or_default();
        *number += 1;
        Place { about: about.to_vec(), number: *number }
    }

    /// Waits for the turn of this place; `None` if something newer about the same waits by then.
    pub(super) async fn turn(&self, place: &Place) -> Option<MutexGuard<'_, ()>> {
        let turn = self.turn.lock().await;
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        (newest.get(&place.about) == Some(&place.number)).then_some(turn)
    }

    /// The turn, if nobody has it or waits for it.
    pub(super) fn at_once(&self) -> Option<MutexGuard<'_, ()>> {
        self.turn.try_lock().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_waits_gives_way_to_what_is_newer_about_the_same() {
        let line = Line::default();
        let (one, other) = (["a".to_owned()], ["b".to_owned()]);
        let (stale, of_other, newest) = (line.join(&one), line.join(&other), line.join(&one));
        assert!(line.turn(&stale).await.is_none());
        assert!(line.turn(&of_other).await.is_some());
        let turn = line.turn(&newest).await;
        assert!(turn.is_some() && line.at_once().is_none(), "one at a time");
        drop(turn);
        assert!(line.at_once().is_some());
    }
}
