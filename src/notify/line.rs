//! Before each receiver a line: one telling at a time, and what waits gives way to what is newer, so that a receiver that does not
//! answer keeps neither another one waiting nor ever more tellings.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::MutexGuard;

use super::backlog::Backlog;
use super::settings::SecretUrl;
use crate::domain::standing::Told;

/// What a process has told, and what it is still to tell. A receiver that SIGHUP made anew goes on with it.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// By channel and sync: the ledger cannot always be written.
    told: Mutex<BTreeMap<(&'static str, String), Told>>,
    /// What the monitor at this address has not heard.
    backlog: Mutex<Option<(SecretUrl, Arc<Backlog>)>>,
}

impl Memory {
    /// What was told through `channel`.
    pub(super) fn of(&self, channel: &str) -> BTreeMap<String, Told> {
        let told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.iter().filter(|((name, _), _)| *name == channel).map(|((_, sync), told)| (sync.clone(), *told)).collect()
    }

    /// Keeps what was told now.
    pub(super) fn keep(&self, channel: &'static str, now: impl Iterator<Item = (String, Told)>) {
        let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.extend(now.map(|(sync, now)| ((channel, sync), now)));
    }

    /// What the monitor at `url` has not heard; another one has missed nothing.
    pub(super) fn backlog(&self, url: &SecretUrl) -> Arc<Backlog> {
        let mut kept = self.0.backlog.lock().unwrap_or_else(PoisonError::into_inner);
        let same = kept.take().filter(|(before, _)| before == url);
        Arc::clone(&kept.insert(same.unwrap_or_else(|| (url.clone(), Arc::default()))).1)
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
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn what_waits_gives_way_to_what_is_newer_about_the_same() {
        let line = Line::default();
        let (one, other) = (["a".to_owned()], ["b".to_owned()]);
        let (stale, of_other, newest) = (line.join(&one), line.join(&other), line.join(&one));
        assert!(line.turn(&stale).await.is_none());
        assert!(line.turn(&of_other).await.is_some());
        let turn = line.turn(&newest).await;
        let at_once = line.turn(&newest).now_or_never();
        assert!(turn.is_some() && at_once.is_none(), "one at a time");
    }
}
