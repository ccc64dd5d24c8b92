//! One holder at a time: an OS lock on `NAME.lock` beside the ledger. The kernel frees it when its holder dies, however it dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::fs::OFlags;

use super::files::{file_error, prepare_folder};
use super::identity::{FileId, refuse_dangling, require_one_file, resolve};
use super::schema::upgrade_to_latest;
use super::{Error, Ledger, NewLedger, Result};
use crate::domain::time::Timestamp;

/// The right to take in and to send. Given up when dropped.
#[derive(Debug)]
pub struct Lease {
    /// The open file is the lock. It is never unlinked: unlinking and creating anew would let two holders in.
    lock: File,
    /// As configured.
    ledger: PathBuf,
    /// The ledger that is held, once there is one.
    held: OnceLock<FileId>,
}

/// What the daemon names itself.
pub const DAEMON: &str = "daemon";

/// `O_NOFOLLOW` of open(2), as the standard library takes it.
const NOT_THROUGH_LINKS: i32 = OFlags::NOFOLLOW.bits().cast_signed();

/// How often a lock that is not free is tried: [`holder`] takes it for the moment of asking, and someone may replace its file.
const TRIES: usize = 5;

/// The pause between two tries. It is much longer than [`holder`] takes, and not felt by who is refused.
const PAUSE: Duration = Duration::from_millis(20);

impl Lease {
    /// Takes the lease of the ledger at `ledger`, or says who holds it. `what` names the holder for others, e.g. `--run-now`. Who has the
    /// lease also brings a ledger of an older release to this one's schema.
    pub fn take(ledger: &Path, what: &str, now: Timestamp) -> Result<Self> {
        // To be woken early does no harm.
        Self::take_with(ledger, what, now, || std::thread::park_timeout(PAUSE))
    }

    fn take_with(ledger: &Path, what: &str, now: Timestamp, mut pause: impl FnMut()) -> Result<Self> {
        prepare_folder(ledger)?;
        refuse_dangling(ledger)?;
        require_one_file(ledger)?;
        let path = lock_path(ledger);
        let mut lock = open_lock(&path)?;
        for left in (0..TRIES).rev() {
            match lock.try_lock() {
                Ok(()) if is_at(&lock, &path)? => break,
                Err(TryLockError::Error(error)) => return Err(file_error("cannot lock", &path)(error)),
                _ if left == 0 => return Err(Error::Held { holder: said_by_holder(&mut lock) }),
                _ => {
                    pause();
                    lock = open_lock(&path)?;
                }
            }
        }
        let line = format!("process {} ({what}) since {now}\n", std::process::id());
        lock.set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| lock.write_all(line.as_bytes()))
            .map_err(file_error("cannot write", &path))?;
        let held = FileId::of(ledger).map_or_else(OnceLock::new, OnceLock::from);
        let lease = Self { lock, ledger: ledger.into(), held };
        upgrade_to_latest(ledger)?;
        Ok(lease)
    }

    /// Opens the ledger for writing. It is created only if this lease has never seen one; `tokens` and `new` as in
    /// [`Ledger::open_or_create`]. One that is gone or replaced since is [`Error::Replaced`].
    pub fn open_ledger(&self, tokens: &Path, new: NewLedger) -> Result<Ledger> {
        self.confirm()?;
        let ledger = match (self.held.get(), new) {
            (Some(_), NewLedger::Unconfirmed) => Ledger::open(&self.ledger),
            (Some(_), NewLedger::Confirmed) => Ledger::open_existing(&self.ledger),
            (None, _) => Ledger::open_or_create(&self.ledger, tokens, new),
        }?;
        self.confirm()?;
        Ok(ledger)
    }

    /// Refuses to go on if the lock's file is no longer this one ([`Error::LockLost`]), for then somebody else may hold the ledger, too; or
    /// if the ledger is another file than before ([`Error::Replaced`]), for then the leads that were sent are not in it.
    pub fn confirm(&self) -> Result<()> {
        self.custody()?.confirm()
    }

    /// What this lease rests on, to be confirmed in a thread of its own.
    pub fn custody(&self) -> Result<Custody> {
        if let Some(found) = FileId::of(&self.ledger) {
            self.held.get_or_init(|| found);
        }
        let lock_path = lock_path(&self.ledger);
        let about = self.lock.metadata().map_err(file_error("cannot look at", &lock_path))?;
        let (lock, held) = (FileId::from(&about), self.held.get().copied());
        Ok(Custody { ledger: self.ledger.clone(), held, lock_path, lock })
    }
}

/// The two files that a lease rests on: the ledger, once there is one, and its lock.
#[derive(Debug, Clone)]
pub struct Custody {
    /// As configured.
    ledger: PathBuf,
    held: Option<FileId>,
    lock_path: PathBuf,
    lock: FileId,
}

impl Custody {
    /// As [`Lease::confirm`]. Looks at each file once, so that it can be asked before every commit.
    pub fn confirm(&self) -> Result<()> {
        if let Some(held) = self.held {
            held.require_at(&self.ledger)?;
        }
        if FileId::of(&self.lock_path) == Some(self.lock) {
            Ok(())
        } else {
            Err(Error::LockLost { path: self.lock_path.clone() })
        }
    }
}

fn open_lock(path: &Path) -> Result<File> {
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        // The file is emptied once it is locked, so it must not be a link to somebody else's.
        .custom_flags(NOT_THROUGH_LINKS)
        .open(path);
    opened.map_err(file_error("cannot open", path))
}

/// Whether `lock` is the file at `path`, and not one that was there before.
fn is_at(lock: &File, path: &Path) -> Result<bool> {
    let about = lock.metadata().map_err(file_error("cannot look at", path))?;
    Ok(FileId::of(path) == Some(FileId::from(&about)))
}

fn said_by_holder(lock: &mut File) -> String {
    let mut holder = String::new();
    // Best effort: the holder may be writing its line just now.
    let _ = lock.read_to_string(&mut holder);
    let holder = holder.trim();
    if holder.is_empty() { "a process that has just started".to_owned() } else { holder.to_owned() }
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
    resolve(ledger).with_extension("lock")
}

#[cfg(test)]
#[path = "lease_tests.rs"]
mod tests;
