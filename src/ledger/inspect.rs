//! A look at a ledger that changes nothing, for `check`.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::process::geteuid;

use super::files::{check_space, file_error, refuse_lost};
use super::identity::{refuse_dangling, require_one_file};
use super::lease::lock_path;
use super::open::is_empty;
use super::{Error, Ledger, Result, key_path, mark_path};

/// What is where the ledger is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing, and no trace of a lost one: the first run creates it.
    Absent,
    /// A ledger without any lead.
    Empty,
    /// A ledger that can be used.
    Sound {
        /// Rows of its `leads` view.
        leads: u64,
    },
}

impl Ledger {
    /// Checks all that would keep the next run from using the ledger at `path`: whether it is readable, whole, ours, not newer than
    /// this program, with its own key, the one that sent last, and writable, and whether the disk has room.
    pub fn inspect(path: &Path, tokens: &Path) -> Result<Found> {
        check_space(path)?;
        refuse_dangling(path)?;
        if !path.try_exists().map_err(file_error("cannot look at", path))? {
            refuse_lost(path, tokens)?;
            require_writable(existing_folder(path))?;
            return Ok(Found::Absent);
        }
        require_one_file(path)?;
        require_writable(path)?;
        require_writable(existing_folder(path))?;
        if is_empty(path) {
            refuse_lost(path, tokens)?;
        }
        let ledger = match Self::open_reader(path) {
            Err(Error::Missing { .. }) => return Ok(Found::Empty),
            opened => opened?,
        };
        ledger.integrity()?;
        ledger.verify_key()?;
        ledger.refuse_older()?;
        match ledger.count_leads()? {
            0 => Ok(Found::Empty),
            leads => Ok(Found::Sound { leads }),
        }
    }

    /// The files of the ledger at `path` that others than its owner can read.
    pub fn exposed(path: &Path) -> Vec<PathBuf> {
        let beside = |end: &str| {
            let mut name = path.as_os_str().to_owned();
            name.push(end);
            PathBuf::from(name)
        };
        [path.to_path_buf(), beside("-wal"), key_path(path), lock_path(path), mark_path(path)]
            .into_iter()
            .filter(|file| {
                fs::metadata(file)
                    .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o077 != 0)
            })
            .collect()
    }

    /// The folder of the ledger at `path` if others than this user and root can remove its files or put their own in place of them.
    /// A sticky folder such as `/tmp` counts, too: there the files beside the ledger can be made by others first.
    pub fn replaceable(path: &Path) -> Option<PathBuf> {
        let folder = existing_folder(path);
        let about = fs::metadata(folder).ok()?;
        let trusted = [0, geteuid().as_raw()].contains(&about.uid());
        (about.mode() & 0o022 != 0 || !trusted).then(|| folder.to_path_buf())
    }
}

/// Refuses what this process may not write to.
fn require_writable(path: &Path) -> Result<()> {
    access(path, Access::WRITE_OK).map_err(|error| file_error("cannot write to", path)(error.into()))
}

/// The nearest folder above `path` that is there: what is missing below it is made.
pub(super) fn existing_folder(path: &Path) -> &Path {
    let here = Path::new(".");
    let folders = path.ancestors().skip(1).map(|folder| if folder.as_os_str().is_empty() { here } else { folder });
    folders.into_iter().find(|folder| folder.is_dir()).unwrap_or(here)
}
