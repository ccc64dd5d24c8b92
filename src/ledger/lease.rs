//! One holder at a time: an OS lock on `NAME.lock` beside the ledger. The kernel frees it when its holder dies, however it dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::files::{file_error, prepare_folder};
use super::schema::upgrade_to_latest;
use super::{Error, Result};
use crate::domain::time::Timestamp;

/// The right to take in and to send. Given up when dropped.
#[derive(Debug)]
pub struct Lease {
    /// The open file is the lock. It is never unlinked: unlinking and creating anew would let two holders in.
    _file: File,
}

/// `O_NOFOLLOW` of open(2), as the standard library takes it.
const NOT_THROUGH_LINKS: i32 = OFlags::NOFOLLOW.bits().cast_signed();

impl Lease {
    /// Takes the lease of the ledger at `ledger`, or says who holds it. `what` names the holder for others, e.g. `--run-now`. Who has the
    /// lease also brings a ledger of an older release to this one's schema.
    pub fn take(ledger: &Path, what: &str, now: Timestamp) -> Result<Self> {
        let path = lock_path(ledger);
        prepare_folder(&path)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            // The file is emptied below, so it must not be a link to somebody else's.
            .custom_flags(NOT_THROUGH_LINKS)
            .open(&path)
            .map_err(file_error("cannot open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Best effort: the holder may be writing its line just now.
                let _ = file.read_to_string(&mut holder);
                let holder = holder.trim();
                let holder = if holder.is_empty() { "a process that has just started" } else { holder };
                return Err(Error::Held { holder: holder.to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(file_error("cannot lock", &path)(error)),
        }
        let line = format!("process {} ({what}) since {now}\n", std::process::id());
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(line.as_bytes()))
            .map_err(file_error("cannot write", &path))?;
        let lease = Self { _file: file };
        upgrade_to_latest(ledger)?;
        Ok(lease)
    }
}

/// Who holds the lease of the ledger at `ledger`, in the holder's own words. Takes the lock for the moment of asking, shared and
/// without creating it.
pub fn holder(ledger: &Path) -> Option<String> {
    let mut file = File::open(lock_path(ledger)).ok()?;
    let Err(TryLockError::WouldBlock) = file.try_lock_shared() else { return None };
    let mut line = String::new();
    let _ = file.read_to_string(&mut line);
    Some(line.trim().to_owned())
}

pub(super) fn lock_path(ledger: &Path) -> PathBuf {
    ledger.with_extension("lock")
}
