//! Which file a ledger is: one place for all its names, and whether it is still the one that was opened.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::lease::lock_path;
use super::{Error, Ledger, Result, key_path, mark_path};

/// A file itself, whatever its name: its device and its inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The file that `path` leads to; `None` if there is none, or none that can be seen.
    pub(super) fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|about| Self::from(&about))
    }
}

impl From<&Metadata> for FileId {
    fn from(about: &Metadata) -> Self {
        Self { device: about.dev(), inode: about.ino() }
    }
}

impl FileId {
    /// Refuses another ledger than this one at `path`, or none, or one with several names.
    pub(super) fn require_at(self, path: &Path) -> Result<()> {
        match fs::metadata(path) {
            Ok(about) if Self::from(&about) == self => refuse_several_names(path, &about),
            _ => Err(Error::Replaced { path: path.into() }),
        }
    }
}

/// Where the ledger at `path` really lies. Its lock and its key lie beside that place, so that whoever comes through a link meets the same
/// ones. A ledger that is not there yet will lie in its folder, wherever that is.
pub(super) fn resolve(path: &Path) -> PathBuf {
    let in_its_folder = || {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some(fs::canonicalize(folder).ok()?.join(path.file_name()?))
    };
    fs::canonicalize(path).ok().or_else(in_its_folder).unwrap_or_else(|| path.to_path_buf())
}

/// Refuses a link to a ledger that is not there: it is no ledger that a run could begin anew, and "nothing has run here yet" would be wrong.
pub(super) fn refuse_dangling(path: &Path) -> Result<()> {
    match fs::read_link(path) {
        Ok(target) if !path.try_exists().unwrap_or(true) => Err(Error::Dangling { path: path.into(), target }),
        _ => Ok(()),
    }
}

/// Whether a ledger at `path` would be its own key, lock or mark, and be overwritten with it.
pub fn is_beside_itself(path: &Path) -> bool {
    [key_path(path), lock_path(path), mark_path(path)].contains(&resolve(path))
}

/// Where the ledger at `path` lies, with all that lies beside it: key, lock and mark, and SQLite's own files.
pub fn files_of(path: &Path) -> [PathBuf; 6] {
    let ledger = resolve(path);
    let [wal, shm] = ["-wal", "-shm"].map(|end| {
        let mut name = ledger.clone().into_os_string();
        name.push(end);
        name.into()
    });
    [key_path(path), lock_path(path), mark_path(path), wal, shm, ledger]
}

/// Refuses a folder, and a ledger with several names: SQLite's log and our lock lie beside a name, so two processes could write to it at once
/// (<https://sqlite.org/howtocorrupt.html#_multiple_links_to_the_same_file>).
pub(super) fn require_one_file(path: &Path) -> Result<()> {
    match fs::metadata(path) {
        Ok(about) if about.is_dir() => Err(Error::Folder { path: path.into() }),
        Ok(about) => refuse_several_names(path, &about),
        Err(_) => Ok(()),
    }
}

fn refuse_several_names(path: &Path, about: &Metadata) -> Result<()> {
    match about.nlink() {
        0 | 1 => Ok(()),
        names => Err(Error::SeveralNames { path: path.into(), names }),
    }
}

impl Ledger {
    /// Refuses to go on if the file that was opened is no longer the one at its path: what is recorded there, nobody finds again.
    pub fn require_in_place(&self) -> Result<()> {
        if self.file.is_none() || FileId::of(&self.path) == self.file {
            Ok(())
        } else {
            Err(Error::Replaced { path: self.path.clone() })
        }
    }
}
