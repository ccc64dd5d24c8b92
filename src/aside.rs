//! Files that appear under their name whole or not at all: written under a provisional name beside it, then renamed.
//!
//! A process that is killed leaves the provisional file behind, as `NAME.0123456789abcdef.partial`. It stands in nobody's way; whoever writes
//! the same name again, and whoever prunes the ledger beside it, deletes it once it is surely nobody's any more ([`ABANDONED`]).

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock;
use crate::domain::time::Timestamp;

/// A provisional file that nobody has written to for so long belongs to no living process: the longest write, a copy of a large ledger, takes
/// minutes.
pub const ABANDONED: Duration = Duration::from_hours(24);

/// How a provisional name ends, after a point and 16 hexadecimal digits.
const END: &str = ".partial";

/// A new file under a provisional name, for its owner only (mode 0600). It is removed unless it was given its name.
#[derive(Debug)]
pub struct Aside {
    path: PathBuf,
    file: File,
}

impl Aside {
    /// An empty file beside `target`. Its name holds 64 random bits: two processes that write the same target never write the same file, and
    /// what is removed in the end is nobody else's. Process ids would not do: in containers that share a folder they are often the same.
    /// What killed processes left of the same target more than [`ABANDONED`] ago is deleted.
    pub fn beside(target: &Path) -> io::Result<Self> {
        let now = clock::now();
        for (path, _) in unfinished_of(target).filter(|(_, written)| is_abandoned(*written, now)) {
            // Best effort: it is in nobody's way.
            let _ = fs::remove_file(path);
        }
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
        let mut name = target.as_os_str().to_owned();
        name.push(format!(".{:016x}{END}", u64::from_ne_bytes(random)));
        let path = PathBuf::from(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self { path, file })
    }

    /// Where it is for now, for what opens files by name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its name, durable, unless that is taken ([`io::ErrorKind::AlreadyExists`]), even if it was free a moment ago.
    pub fn publish(self, target: &Path) -> io::Result<()> {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        self.file.sync_all()?;
        match renameat_with(CWD, &self.path, CWD, target, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(()),
            // A file system that cannot refuse by itself: the name is claimed with an empty file, which is ours to replace.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(target)?;
                fs::rename(&self.path, target)
            }
            Err(errno) => Err(errno.into()),
        }
    }

    /// Gives the file its name, durable, in place of what has it now: a reader sees the old file or the new one.
    pub fn replace(self, target: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, target)
    }
}

/// The provisional files in `folder`, each with the time of its last change: of processes that write now, or were killed.
pub fn unfinished(folder: &Path) -> Vec<(PathBuf, Timestamp)> {
    in_folder(folder).filter(|(path, _)| target_of(path).is_some()).collect()
}

/// Whether a provisional file that was last changed at `written` belongs to nobody any more. One from the future was written under a wrong
/// clock; how long ago, nobody knows.
pub fn is_abandoned(written: Timestamp, now: Timestamp) -> bool {
    written.apart(now) > ABANDONED
}

/// Deletes every provisional file of `target`, however young: for whoever holds a lock that keeps others from writing it.
pub fn delete_unfinished_of(target: &Path) -> io::Result<()> {
    unfinished_of(target).try_for_each(|(path, _)| fs::remove_file(path))
}

fn unfinished_of(target: &Path) -> impl Iterator<Item = (PathBuf, Timestamp)> {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = target.file_name().map(ToOwned::to_owned);
    in_folder(folder).filter(move |(path, _)| target_of(path).is_some_and(|of| Some(of) == name.as_deref()))
}

/// The files of a folder; none of one that cannot be listed.
fn in_folder(folder: &Path) -> impl Iterator<Item = (PathBuf, Timestamp)> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten().filter_map(|entry| {
        let about = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        Some((entry.path(), about.modified().ok()?.into()))
    })
}

/// `NAME` of a file `NAME.0123456789abcdef.partial`.
fn target_of(path: &Path) -> Option<&OsStr> {
    let stem = Path::new(path.file_name()?.to_str()?.strip_suffix(END)?);
    let digits = stem.extension()?.to_str()?;
    let random = digits.len() == 16 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    stem.file_stem().filter(|_| random)
}

impl Write for Aside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn of_two_that_write_the_same_name_at_once_one_gets_it_and_the_other_removes_nothing_but_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out.csv");
        let mut first = Aside::beside(&target).unwrap();
        let mut second = Aside::beside(&target).unwrap();
        first.write_all(b"first").unwrap();
        second.write_all(b"second").unwrap();
        second.publish(&target).unwrap();
        assert_eq!(first.publish(&target).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&target).unwrap(), b"second");
        assert_eq!(names(folder.path()), ["out.csv"]);
    }

    #[test]
    fn what_a_killed_process_left_of_a_file_goes_when_it_is_written_again_a_day_later() {
        let folder = tempfile::tempdir().unwrap();
        let now = std::time::UNIX_EPOCH + Duration::from_millis(clock::now().0.unsigned_abs());
        let left = |name: &str, hours: u64| {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(now - Duration::from_hours(hours)).unwrap();
        };
        left("out.csv.0123456789abcdef.partial", 25);
        left("out.csv.0123456789abcdee.partial", 23);
        left("another.csv.0123456789abcdef.partial", 25);
        left("out.csv.0123456789ABCDEF.partial", 25);
        left("out.csv.partial", 25);
        assert_eq!(unfinished(folder.path()).len(), 3);
        Aside::beside(&folder.path().join("out.csv")).unwrap().publish(&folder.path().join("out.csv")).unwrap();
        let (old, young) = ("out.csv.0123456789abcdef.partial", "out.csv.0123456789abcdee.partial");
        assert!(!names(folder.path()).contains(&old.to_owned()), "{:?}", names(folder.path()));
        assert!(names(folder.path()).contains(&young.to_owned()) && names(folder.path()).len() == 5);
        delete_unfinished_of(&folder.path().join("out.csv")).unwrap();
        assert!(!names(folder.path()).contains(&young.to_owned()) && names(folder.path()).len() == 4);
    }

    #[test]
    fn a_file_that_is_not_finished_leaves_nothing_and_one_that_replaces_leaves_only_the_new() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("report.html");
        fs::write(&target, "old").unwrap();
        drop(Aside::beside(&target).unwrap());
        assert_eq!(fs::read(&target).unwrap(), b"old");
        let mut aside = Aside::beside(&target).unwrap();
        aside.write_all(b"new").unwrap();
        aside.replace(&target).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["report.html"]);
    }
}
