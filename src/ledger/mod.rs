//! The ledger: one SQLite file that accounts for every lead. All of its SQL is in this folder.
//!
//! | file | holds |
//! |---|---|
//! | `open.rs` | opening, creating, checking, migrating |
//! | `key.rs` | the fingerprint key beside it |
//! | `inspect.rs` | a look that changes nothing, for `check` |
//! | `lease.rs` | one holder at a time |
//! | `identity.rs` | which file it is, through links and replacements |
//! | `mark.rs` | whether it is the one that sent last |
//! | `admit.rs`, `admit/lead.rs` | intake: one transaction per source; what a row changes about its lead |
//! | `queue.rs` | the hot path: claim and settle |
//! | `recover.rs` | what a process left that died while it sent |
//! | `writer.rs` | the one thread that writes while leads are sent, many in one commit |
//! | `connections.rs` | pause, breaker, the rate limiter's last time, and where leads went |
//! | `runs.rs`, `under_way.rs` | runs and their counts; the one that is under way |
//! | `figures.rs` | sums over days, for the dashboard |
//! | `backup.rs` | a consistent copy, also before a migration |
//! | `health.rs`, `told.rs` | what is watched from outside, and what was last told |
//! | `operator.rs`, `refusal.rs` | what a person does to leads, and why a lead is left as it is |
//! | `query.rs` | answers for the commands |
//! | `layouts.rs` | in which layout of its export a kept row is written |
//! | `quarantine.rs` | rows that cannot become a lead |
//! | `rejects.rs` | rejected rows, and the corrected ones that replace them |
//! | `forget.rs` | erases a person |
//! | `person.rs` | all that is held on a person |
//! | `prune.rs` | what is kept no longer than `retain` |
//! | `storage.rs` | whether it lies where it lasts |
//! | `successor.rs` | a sync under a new name |
//! | `temporary.rs` | private copies, and SQLite's temporary files |

use std::path::PathBuf;

use crate::domain::time::Timestamp;

mod admit;
mod backup;
mod connections;
mod copies;
mod figures;
mod files;
mod forget;
mod health;
mod identity;
mod inspect;
mod key;
mod layouts;
mod lease;
mod listing;
mod mark;
mod open;
mod operator;
mod person;
mod prune;
mod quarantine;
mod query;
mod queue;
mod recover;
mod refusal;
mod rejects;
mod runs;
mod schema;
mod storage;
mod successor;
mod temporary;
mod told;
mod under_way;
mod writer;

pub use admit::{Admission, Basis, Content, KnownLead, Place};
pub use backup::Backup;
pub use connections::{ConnectionState, Former, PutOff, RateMemory};
pub use figures::DayCounts;
pub use files::check_space;
pub use forget::{Erased, Forgotten};
pub use health::{Health, SyncHealth, Version};
pub use identity::{files_of, is_beside_itself};
pub use inspect::Found;
pub use key::key_path;
pub use lease::{Custody, DAEMON, Lease, holder};
pub use mark::{OlderLedger, mark_path};
pub use open::{Ledger, NewLedger};
pub use operator::{RETRIED, Resolution, Retried, Target};
pub use person::{Held, Person, Subject};
pub use prune::Pruned;
pub use quarantine::Quarantined;
pub use query::{Event, Filter, LeadRow, SyncStatus, Told};
pub use queue::Ask;
pub use recover::{Recovered, hold_in_doubt, recover};
pub use refusal::Refusal;
pub use rejects::{Kept, Reject, RejectOrigin};
pub use runs::{Counts, Past, RunRow, Trigger};
pub use storage::storage_warning;
pub use successor::Predecessor;
pub use told::Trouble;
pub use under_way::UnderWay;
pub use writer::{Done, Writer};

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
    fn from_sqlite(path: &std::path::Path, error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
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
            Some(ErrorCode::SystemIoFailure) if matches!(files::check_space(&path), Err(Self::Full { .. })) => {
                Self::Full { path }
            }
            _ => Self::Database { path, cause: error.to_string() },
        }
    }
}
