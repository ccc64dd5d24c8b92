//! What can go wrong with the ledger, and what SQLite's errors mean.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::files::check_space;
use crate::domain::time::Timestamp;

/// What can go wrong with the ledger. Each text says what, where and what next.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no ledger yet.
    #[error("there is no ledger at {}: nothing has run here yet (lead-sync --run-now creates it)", .path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A link that leads nowhere, e.g. to a disk that is not mounted.
    #[error(
        "the ledger {} is a link to {}, where there is nothing: mount the disk that it was on, or restore it there; or set [ledger] path to \
         another file",
        .path.display(), .target.display()
    )]
    Dangling {
        /// The link.
        path: PathBuf,
        /// What it names.
        target: PathBuf,
    },
    /// The file is a SQLite database of something else.
    #[error("{} is a SQLite database, but not a ledger of lead-sync: set [ledger] path to another file", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A later release has migrated it.
    #[error("{} was written by a newer lead-sync (ledger version {found}, this program knows {known}): install that version again", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The version of this program.
        known: i64,
    },
    /// Not readable as a database.
    #[error("{} is not a readable ledger ({cause}): keep the file, restore the last backup, or move it away and see the README on a lost ledger", .path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        cause: String,
    },
    /// A fingerprint key or token folder without its ledger.
    #[error(
        "there is {}, but no ledger at {}: a ledger that is lost sends every lead of the export again. \
         Restore it from a backup, or start anew with --new-ledger (and consider `lead-sync baseline` first)",
        .trace.display(), .path.display()
    )]
    Lost {
        /// The ledger's path.
        path: PathBuf,
        /// What is left of it.
        trace: PathBuf,
    },
    /// It does not know what was sent last.
    #[error(
        "the ledger {} does not know all of run {run}, which was about to send at {begun_at}: an older copy was put back, and what was delivered \
         since would be sent again. Restore the newest backup; or look at what would be sent (`lead-sync plan`), then take it as delivered \
         (`lead-sync baseline --older-ledger`) or send it (`lead-sync --run-now --older-ledger`)",
        .path.display()
    )]
    Older {
        /// The ledger's path.
        path: PathBuf,
        /// The number of the last run that was about to send.
        run: i64,
        /// When it began.
        begun_at: Timestamp,
    },
    /// Whether the ledger is the one that sent last cannot be told.
    #[error(
        "{} is damaged: it tells whether the ledger beside it is the one that sent last. If no older copy was put back, delete that file, and the \
         next run writes it anew; if one was, look at what would be sent (`lead-sync plan`), then take it as delivered \
         (`lead-sync baseline --older-ledger`) or send it (`lead-sync --run-now --older-ledger`)",
        .path.display()
    )]
    DamagedMark {
        /// The mark's path.
        path: PathBuf,
    },
    /// The fingerprint key is missing or another one.
    #[error(
        "the fingerprint key {} {problem}: without the right one every row would look changed. Restore it from the backup that holds the ledger",
        .path.display()
    )]
    Key {
        /// The key's path.
        path: PathBuf,
        /// `is missing`, …
        problem: &'static str,
    },
    /// Another process holds the lease.
    #[error("another process holds the ledger: {holder}")]
    Held {
        /// Who, since when.
        holder: String,
    },
    /// A folder is where the ledger is to be.
    #[error("{} is a folder: set [ledger] path to a file in it, such as {}", .path.display(), .path.join("lead-sync.db").display())]
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// The file has hard links.
    #[error(
        "{} has {names} names (hard links): the ledger's lock and log lie beside a name, so two processes could send from it at once. \
         Remove all names but one; a symbolic link is fine",
        .path.display()
    )]
    SeveralNames {
        /// The name it was opened by.
        path: PathBuf,
        /// How many there are.
        names: u64,
    },
    /// The file is gone, or another one is at its place, since this process opened it.
    #[error(
        "the ledger {} was removed or replaced while this process used it: nothing more is sent, for what was sent is not recorded there. \
         Put the file back, or restore a backup, and start lead-sync again",
        .path.display()
    )]
    Replaced {
        /// Where it was.
        path: PathBuf,
    },
    /// The lock's file is gone, or another one is at its place, since this process locked it.
    #[error(
        "the lock {} was removed or replaced while this process held it: nothing more is sent, for another process may hold the ledger, too. \
         Start lead-sync again, and leave that file where it is",
        .path.display()
    )]
    LockLost {
        /// Where it was.
        path: PathBuf,
    },
    /// No space left, or not enough to begin.
    #[error("the disk of the ledger {} is full or nearly so: free some space; nothing is lost, the next run goes on", .path.display())]
    Full {
        /// The ledger.
        path: PathBuf,
    },
    /// No space left for a temporary copy.
    #[error(
        "the folder for temporary files {} has no room for a copy of the ledger {}: free some space there, or set SQLITE_TMPDIR to a folder \
         with room, such as the ledger's own",
        .folder.display(), .path.display()
    )]
    Temporary {
        /// The folder.
        folder: PathBuf,
        /// The ledger.
        path: PathBuf,
    },
    /// The file system refuses.
    #[error("{doing} {}: {source}", .path.display())]
    File {
        /// What was being done, e.g. `cannot create`.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Anything else that SQLite reports.
    #[error("the ledger {}: {cause}", .path.display())]
    Database {
        /// The ledger.
        path: PathBuf,
        /// What SQLite said.
        cause: String,
    },
}

/// A result of this module.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Gives SQLite's error its meaning.
    pub(super) fn from_sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        let path = path.to_path_buf();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full { path },
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::Corrupt { path, cause: error.to_string() }
            }
            // SQLite's own words name neither the cause nor a cure.
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
                let cause = format!(
                    "{error}; also to read it lead-sync must be able to write to the file and its folder (SQLite keeps its -wal and \
                     -shm files there): run as the user that owns them, or read a copy made with `lead-sync backup`"
                );
                Self::Database { path, cause }
            }
            // No folder that it may write to.
            Some(ErrorCode::SystemIoFailure)
                if error.sqlite_error().is_some_and(|e| e.extended_code == rusqlite::ffi::SQLITE_IOERR_GETTEMPPATH) =>
            {
                Self::temporary(path)
            }
            // A file of SQLite's own that finds no room, such as the index of the log, is told as an I/O error.
            Some(ErrorCode::SystemIoFailure) if matches!(check_space(&path), Err(Self::Full { .. })) => {
                Self::Full { path }
            }
            _ => Self::Database { path, cause: error.to_string() },
        }
    }
}
