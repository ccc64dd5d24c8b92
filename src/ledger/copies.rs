//! What is left beside the ledger and has an end: the copies of migrations, and files that were never finished.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::files::{file_error, folder_of};
use super::{Ledger, Result};
use crate::domain::time::Timestamp;
use crate::{aside, clock};

impl Ledger {
    /// The copies that migrations left beside the ledger, each with the time at which it was made.
    pub fn copies(&self) -> Vec<(PathBuf, Timestamp)> {
        let (Some(folder), Some(name)) = (self.path().parent(), self.path().file_name()) else { return Vec::new() };
        let begin = [name.as_encoded_bytes(), b".bak-v"].concat();
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let is_copy = |entry: &fs::DirEntry| entry.file_name().as_encoded_bytes().starts_with(&begin);
        let made = |entry: fs::DirEntry| {
            let modified = entry.metadata().and_then(|found| found.modified()).ok()?;
            Some((entry.path(), Timestamp::from(modified)))
        };
        // A folder that cannot be listed: whatever is in it is left alone.
        fs::read_dir(folder).into_iter().flatten().flatten().filter(is_copy).filter_map(made).collect()
    }

    /// Deletes the copies that migrations made before `before`: by then this release has proved itself, and they hold what has been
    /// erased since. Returns how many.
    pub(super) fn delete_copies(&self, before: Timestamp) -> Result<usize> {
        let old: Vec<PathBuf> =
            self.copies().into_iter().filter(|(_, made)| *made < before).map(|(path, _)| path).collect();
        for copy in &old {
            fs::remove_file(copy).map_err(file_error("cannot delete", copy))?;
            tracing::info!(copy = %copy.display(), "deleted: older than `retain`");
        }
        Ok(old.len())
    }

    /// The provisional files in the folder of the ledger at `path`: of a copy, an export or a report that is being written, or whose writer was
    /// killed. They hold what the finished file would have held.
    pub fn unfinished(path: &Path) -> Vec<PathBuf> {
        aside::unfinished(folder_of(path)).into_iter().map(|(path, _)| path).collect()
    }

    /// Deletes the provisional files beside the ledger that nobody writes any more. Returns how many. One that cannot be deleted is only
    /// logged: other processes clear away, too.
    pub(super) fn delete_abandoned(&self) -> usize {
        let now = clock::now();
        let mut deleted = 0;
        for (path, written) in aside::unfinished(folder_of(self.path())) {
            if !aside::is_abandoned(written, now) {
                continue;
            }
            let file = path.display();
            match fs::remove_file(&path) {
                Ok(()) => {
                    deleted += 1;
                    tracing::info!(%file, "deleted: its writer was killed");
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => tracing::warn!(%file, %error, "left behind by a killed writer, and cannot be deleted"),
            }
        }
        deleted
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::ledger::NewLedger;

    #[test]
    fn a_copy_from_before_a_migration_goes_once_it_is_older_than_what_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger =
            Ledger::open_or_create(&folder.path().join("l.db"), folder.path(), NewLedger::Confirmed).unwrap();
        let hours_old = |name: &str, hours: u64| {
            let path = folder.path().join(name);
            File::create(&path)
                .unwrap()
                .set_modified(SystemTime::UNIX_EPOCH + Duration::from_hours(1000 - hours))
                .unwrap();
            path
        };
        let (old, young, other) =
            (hours_old("l.db.bak-v1", 30), hours_old("l.db.bak-v2", 10), hours_old("m.db.bak-v1", 30));
        let before = Timestamp::from(SystemTime::UNIX_EPOCH + Duration::from_hours(1000 - 20));
        assert_eq!(ledger.prune(before, 10).unwrap().copies, 1);
        assert!(!old.exists() && young.exists() && other.exists());
        assert_eq!(ledger.prune(before, 10).unwrap().copies, 0);
    }
}
