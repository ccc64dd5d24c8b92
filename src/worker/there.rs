//! Which files the syncs would read now.

use std::collections::{BTreeMap, BTreeSet};

use super::settings::Sync;
use crate::domain::time::Timestamp;
use crate::sources::{self, csv};

/// The files of each sync, as its origins name them.
#[derive(Debug)]
pub struct FilesThere {
    /// `None`: nobody can tell, as of a folder that is not mounted.
    of: BTreeMap<String, Option<BTreeSet<String>>>,
}

impl FilesThere {
    /// True unless this file of the sync is certainly not there. Of a sync that is not configured no file is read.
    pub fn has(&self, sync: &str, path: &str) -> bool {
        self.of.get(sync).is_some_and(|files| files.as_ref().is_none_or(|files| files.contains(path)))
    }
}

/// Lists the files of the syncs that read CSV. A database counts as none, as it is read as a whole or not at all, and so do files that are moved
/// away once they are read, as the next one of the same name is another file.
pub fn files_there(syncs: &[Sync], now: Timestamp) -> FilesThere {
    let of = |sync: &Sync| {
        let sources::Settings::Csv(settings) = &sync.source else { return Some(BTreeSet::new()) };
        if settings.after != csv::After::Keep {
            return Some(BTreeSet::new());
        }
        let entries = csv::list(settings, now).ok().filter(|entries| !entries.is_empty())?;
        Some(entries.into_iter().map(|entry| entry.origin).collect())
    };
    FilesThere { of: syncs.iter().map(|sync| (sync.name.clone(), of(sync))).collect() }
}
