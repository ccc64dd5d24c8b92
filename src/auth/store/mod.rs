//! The token file of a connection: read, locked, replaced as a whole.
//!
//! `NAME.json` is written by temporary file, fsync, rename and fsync of the folder, so that a reader sees the old session or
//! the new one. `NAME.lock` is an OS lock that dies with its holder; it is never unlinked, because a second process could hold
//! the unlinked one while a third locks the new one. Calls block for some milliseconds: a session is a few kilobytes and
//! renewals are minutes or hours apart.

mod format;
#[cfg(test)]
mod tests;

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::OFlags;

use super::seal::Key;
use super::session::Session;
use super::settings::{Grant, OAuth};
use super::{Context, Error};
use crate::clock;
use format::Problem;

/// The longest wait for another process that is renewing: two tries of a token endpoint with its time limit of 30 s.
const LOCK_WAIT: Duration = Duration::from_mins(1);
/// How often a held lock is tried again.
const LOCK_POLL: Duration = Duration::from_millis(20);
/// No session is larger; what is has not been written by us.
const MAX_SIZE: u64 = 1 << 20;

/// The file of one connection.
pub(super) struct Store {
    folder: PathBuf,
    name: String,
    key: Option<Key>,
    /// How another session begins.
    another: Another,
}

/// How another session begins where the stored one cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Another {
    /// By itself, from what is configured: nothing is lost with the file.
    ByItself,
    WithRefreshToken,
    WithLogin,
}

impl Another {
    fn of(settings: &OAuth) -> Self {
        match settings.grant {
            Grant::ClientCredentials | Grant::Password { .. } => Self::ByItself,
            Grant::RefreshToken { .. } => Self::WithRefreshToken,
            Grant::AuthorizationCode { .. } => Self::WithLogin,
        }
    }

    /// What has to be done once the file is out of the way.
    fn words(self) -> &'static str {
        match self {
            Self::ByItself => "let the next run begin another session",
            Self::WithRefreshToken => "configure a new refresh_token",
            Self::WithLogin => "log in again",
        }
    }
}

/// Holds the lock of the file; only its holder may write.
pub(super) struct Locked<'a> {
    store: &'a Store,
    _lock: File,
}

impl Store {
    /// The store of the context's connection. Touches no file.
    pub(super) fn new(settings: &OAuth, context: &Context) -> Result<Self, Error> {
        Ok(Self {
            folder: context.tokens.clone(),
            name: context.connection.clone(),
            key: context.encryption_key.as_ref().map(Key::new).transpose()?,
            another: Another::of(settings),
        })
    }

    /// The session file.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.json", self.name))
    }

    fn temporary(&self) -> PathBuf {
        self.folder.join(format!(".{}.tmp", self.name))
    }

    /// The stored session, if there is one. Refuses a file that others can read or that is not ours, and one that is damaged
    /// or of another version; the file stays as it is. Where nothing is lost with it, a damaged one is none.
    pub(super) fn read(&self) -> Result<Option<Session>, Error> {
        let path = self.path();
        let Some(bytes) = read_private(&path)? else {
            return Ok(None);
        };
        match format::decode(&bytes, self.key.as_ref()) {
            Ok(session) => Ok(Some(session)),
            Err(Problem::Damaged) if self.another == Another::ByItself => {
                tracing::warn!(path = %path.display(), "the session file is damaged: the next session takes its place");
                Ok(None)
            }
            Err(problem) => Err(problem.at(&path, self.another.words())),
        }
    }

    /// Waits for the lock and finishes what a killed process left behind.
    pub(super) async fn lock(&self) -> Result<Locked<'_>, Error> {
        self.create_folder()?;
        let path = self.folder.join(format!("{}.lock", self.name));
        let file =
            private_options().create(true).write(true).open(&path).map_err(|error| failed("open", &path, &error))?;
        let started = clock::instant();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(failed("lock", &path, &error)),
                Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_WAIT => {
                    tokio::time::sleep(LOCK_POLL).await;
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::Unavailable(format!(
                        "another process has held {} for {} s: it is renewing the session or hangs",
                        path.display(),
                        LOCK_WAIT.as_secs()
                    )));
                }
            }
        }
        let locked = Locked { store: self, _lock: file };
        locked.finish_interrupted_write()?;
        Ok(locked)
    }

    fn create_folder(&self) -> Result<(), Error> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(|error| failed("create", &self.folder, &error))?;
        self.refuse_open_folder()
    }

    /// Who can write into the folder can put another session in the place of ours: leads would go to another account.
    fn refuse_open_folder(&self) -> Result<(), Error> {
        let about = fs::metadata(&self.folder).map_err(|error| failed("read", &self.folder, &error))?;
        if about.mode() & 0o022 == 0 {
            return Ok(());
        }
        let path = self.folder.display();
        Err(Error::Store(format!(
            "{path} can be written by others (its mode is {:04o}): it is not used; chmod 700 {path}",
            about.mode() & 0o7777
        )))
    }
}

impl Locked<'_> {
    /// Replaces the session file.
    pub(super) fn write(&self, session: &Session) -> Result<(), Error> {
        let bytes = format::encode(session, self.store.key.as_ref())?;
        self.replace(&bytes)
    }

    /// Deletes the session file, if there is one.
    pub(super) fn remove(&self) -> Result<(), Error> {
        let path = self.store.path();
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("delete", &path, &error)),
            _ => self.sync_folder(),
        }
    }

    /// Finds out whether a renewed session could be saved, in the way it would be: a folder that is read-only, a full disk, a
    /// single bind-mounted file that cannot be renamed over. The content stays as it is.
    pub(super) fn probe(&self) -> Result<(), Error> {
        if let Some(bytes) = read_private(&self.store.path())? {
            return self.replace(&bytes);
        }
        self.write_temporary(&[b' '; 4096])?;
        let path = self.store.temporary();
        fs::remove_file(&path).map_err(|error| failed("delete", &path, &error))
    }

    fn replace(&self, bytes: &[u8]) -> Result<(), Error> {
        self.write_temporary(bytes)?;
        self.rename()
    }

    fn write_temporary(&self, bytes: &[u8]) -> Result<(), Error> {
        let path = self.store.temporary();
        let written = private_options()
            .create_new(true)
            .write(true)
            .open(&path)
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
        written.map_err(|error| {
            // Best effort: what is cut short would be found and deleted at the next lock.
            let _ = fs::remove_file(&path);
            failed("write", &path, &error)
        })
    }

    fn rename(&self) -> Result<(), Error> {
        let path = self.store.path();
        fs::rename(self.store.temporary(), &path).map_err(|error| {
            let _ = fs::remove_file(self.store.temporary());
            let cure = if error.kind() == io::ErrorKind::ResourceBusy {
                ": it is mounted on its own; mount its folder instead"
            } else {
                ""
            };
            Error::Store(format!(
                "cannot replace {}: {error}{cure}. No session can be kept until that is mended",
                path.display()
            ))
        })?;
        self.sync_folder()
    }

    fn sync_folder(&self) -> Result<(), Error> {
        File::open(&self.store.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| failed("sync", &self.store.folder, &error))
    }

    /// A process that was killed between write and rename left the newest session in the temporary file: if it is whole it
    /// takes its place (it may hold the only copy of a rotated refresh token), if it was cut short it is deleted. One that is
    /// whole but that we cannot read (a key that is not configured, a newer program's) is left for whoever can.
    fn finish_interrupted_write(&self) -> Result<(), Error> {
        let path = self.store.temporary();
        let Some(bytes) = read_private(&path)? else {
            return Ok(());
        };
        match format::decode(&bytes, self.store.key.as_ref()) {
            Ok(_) => self.rename(),
            Err(Problem::Damaged) => fs::remove_file(&path).map_err(|error| failed("delete", &path, &error)),
            Err(problem) => Err(problem.at(&path, self.store.another.words())),
        }
    }
}

/// Private to us, and no symbolic link is followed.
fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .mode(0o600)
        .custom_flags(i32::try_from((OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK).bits()).unwrap_or(0));
    options
}

/// The bytes of a regular file that is ours and ours alone, as ssh asks of a key.
fn read_private(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let file = match private_options().read(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err(unsafe_file(path, "is a symbolic link", "put the file itself there"));
        }
        Err(error) => return Err(failed("open", path, &error)),
    };
    let about = file.metadata().map_err(|error| failed("read", path, &error))?;
    if !about.is_file() {
        return Err(unsafe_file(path, "is not a regular file", "move it away"));
    }
    if about.uid() != rustix::process::geteuid().as_raw() {
        return Err(unsafe_file(path, "belongs to another user", "run as that user, or give it to this one"));
    }
    if about.mode() & 0o077 != 0 {
        let why = format!("can be read or written by others (its mode is {:04o})", about.mode() & 0o7777);
        return Err(unsafe_file(path, &why, &format!("chmod 600 {}", path.display())));
    }
    let mut bytes = Vec::new();
    file.take(MAX_SIZE).read_to_end(&mut bytes).map_err(|error| failed("read", path, &error))?;
    Ok(Some(bytes))
}

fn unsafe_file(path: &Path, why: &str, cure: &str) -> Error {
    Error::Store(format!("{} {why}: it is neither used nor changed; {cure}", path.display()))
}

fn failed(what: &str, path: &Path, error: &io::Error) -> Error {
    Error::Store(format!("cannot {what} {}: {error}", path.display()))
}
