//! Files that appear under their name whole or not at all: written under a provisional name beside it, then renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A new file under a provisional name, for its owner only (mode 0600). It is removed unless it was given its name.
///
/// A process that is killed leaves it behind, as `NAME.0123456789abcdef.partial`.
#[derive(Debug)]
pub struct Aside {
    path: PathBuf,
    file: File,
}

impl Aside {
    /// An empty file beside `target`. Its name holds 64 random bits: two processes that write the same target never write the same file, and
    /// what is removed in the end is nobody else's. Process ids would not do: in containers that share a folder they are often the same.
    pub fn beside(target: &Path) -> io::Result<Self> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
        let mut name = target.as_os_str().to_owned();
        name.push(format!(".{:016x}.partial", u64::from_ne_bytes(random)));
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
