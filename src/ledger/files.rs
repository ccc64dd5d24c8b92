//! What a ledger needs around its database: the folder, its turn in it, and the room on the disk.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::Duration;

use super::identity::resolve;
use super::inspect::existing_folder;
use super::key::key_path;
use super::open::{BUSY, is_empty};
use super::{Error, Result};
use crate::clock;

/// Less than this, in bytes, and nothing is sent: room for the write-ahead log of a run.
const LEAST_FREE: u64 = 16 << 20;

/// Refuses a ledger at `path` for whose outcomes there might be no room.
pub fn check_space(path: &Path) -> Result<()> {
    // Of the disk that it is on, through links.
    let place = resolve(path);
    let folder = existing_folder(&place);
    let space = rustix::fs::statvfs(folder)
        .map_err(|error| file_error("cannot read the free space of", folder)(error.into()))?;
    if space.f_bavail.saturating_mul(space.f_frsize) < LEAST_FREE {
        return Err(Error::Full { path: path.into() });
    }
    Ok(())
}

/// A key or sessions without their ledger: it was lost, moved, or its volume is not mounted.
pub(super) fn refuse_lost(path: &Path, tokens: &Path) -> Result<()> {
    let key = key_path(path);
    let session = fs::read_dir(tokens).ok().and_then(|mut entries| {
        entries.find_map(|entry| {
            entry.ok().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "json"))
        })
    });
    match [Some(key).filter(|key| key.exists()), session].into_iter().flatten().next() {
        Some(trace) => Err(Error::Lost { path: path.into(), trace }),
        None => Ok(()),
    }
}

/// Why there is no ledger at `path`: one whose key is left was lost, and it is not true that nothing has run.
pub(super) fn none_at(path: &Path) -> Error {
    let key = key_path(path);
    // In this order: a process that makes both at this moment begins with the ledger.
    if key.exists() && is_empty(path) {
        Error::Lost { path: path.into(), trace: key }
    } else {
        Error::Missing { path: path.into() }
    }
}

/// Creates the ledger's folder, for its owner only.
pub(super) fn prepare_folder(path: &Path) -> Result<()> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(file_error("cannot create", folder))
}

/// Makes a new file's name durable.
pub(super) fn sync_folder(path: &Path) -> Result<()> {
    let folder = folder_of(path);
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(file_error("cannot sync", folder))
}

/// Waits for its turn among the processes that make something in the folder of `path` that is there once; not for ever, as another program
/// may have locked it for its own purpose (`flock FOLDER lead-sync …`). Over when the file is dropped, or its process dies.
pub(super) fn lock_folder(path: &Path) -> Result<File> {
    let folder = folder_of(path);
    let failed = |source: std::io::Error| file_error("cannot lock", folder)(source);
    let locked = File::open(folder).map_err(failed)?;
    let began = clock::instant();
    loop {
        match locked.try_lock() {
            Ok(()) => return Ok(locked),
            Err(TryLockError::WouldBlock) if began.elapsed() < BUSY => rest(),
            Err(TryLockError::WouldBlock) => {
                return Err(failed(std::io::Error::other(
                    "another program holds a lock on it; lead-sync needs it for a moment",
                )));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
    }
}

/// How long [`lock_folder`] rests between two looks: what is waited for takes some milliseconds.
const TURN: Duration = Duration::from_millis(20);

#[expect(
    clippy::disallowed_methods,
    reason = "a lock of another process tells nobody when it ends, and may not be waited for without a limit"
)]
fn rest() {
    std::thread::sleep(TURN);
}

/// The folder that a file lies in.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Says what could not be done with which file.
pub(super) fn file_error(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_path_buf();
    move |source| Error::File { doing, path, source }
}
