//! Exit codes: what scripts, timers and monitoring decide by.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use crate::worker::report::Ending;
use crate::{auth, ledger};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything due is settled, or nothing was due.
    Done = 0,
    /// Unexpected error.
    Error = 1,
    /// Usage or configuration; also a path that is not the API's, a missing path, an unusable ledger.
    Usage = 2,
    /// Done, but something newly needs a look.
    Attention = 3,
    /// The next run goes on.
    Deferred = 4,
    /// Credentials need a person.
    Auth = 5,
    /// Another process holds the ledger.
    Held = 6,
}

impl Exit {
    /// The number that the process ends with.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl From<Ending> for Exit {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Complete => Self::Done,
            Ending::Attention => Self::Attention,
            Ending::Interrupted | Ending::Deferred => Self::Deferred,
            Ending::Auth => Self::Auth,
            Ending::Usage => Self::Usage,
            Ending::Error => Self::Error,
        }
    }
}

impl From<&ledger::Error> for Exit {
    fn from(error: &ledger::Error) -> Self {
        use ledger::Error;
        match error {
            Error::Held { .. } => Self::Held,
            Error::Missing { .. }
            | Error::Dangling { .. }
            | Error::Foreign { .. }
            | Error::Newer { .. }
            | Error::Corrupt { .. }
            | Error::Lost { .. }
            | Error::Older { .. }
            | Error::DamagedMark { .. }
            | Error::Folder { .. }
            | Error::SeveralNames { .. }
            | Error::Replaced { .. }
            | Error::LockLost { .. }
            | Error::Key { .. } => Self::Usage,
            Error::Full { .. } | Error::Temporary { .. } | Error::File { .. } | Error::Database { .. } => Self::Error,
        }
    }
}

/// A command that could not do its work: what to print on stderr, and the exit code.
#[derive(Debug)]
pub struct Failure {
    /// How it ends.
    pub exit: Exit,
    /// What, where and what next; may be several lines.
    pub text: String,
}

impl Failure {
    /// A failure.
    #[expect(clippy::needless_pass_by_value, reason = "an error is handed over at the place where it is met")]
    pub fn new(exit: Exit, text: impl ToString) -> Self {
        Self { exit, text: text.to_string() }
    }

    /// A file for a person that was not written: its name is taken, its folder is missing, or the system refuses.
    pub fn unwritten(file: &Path, error: &io::Error) -> Self {
        let name = file.display();
        match error.kind() {
            io::ErrorKind::AlreadyExists => {
                Self::usage(format!("{name} exists and stays as it is: name a file that does not"))
            }
            io::ErrorKind::NotFound => Self::usage(format!(
                "cannot write {name}: its folder does not exist; make the folder, or name another one"
            )),
            _ => Self::new(Exit::Error, format!("cannot write {name}: {error}")),
        }
    }

    /// Wrong usage or configuration.
    pub fn usage(text: impl ToString) -> Self {
        Self::new(Exit::Usage, text)
    }
}

impl From<ledger::Error> for Failure {
    fn from(error: ledger::Error) -> Self {
        Self::new(Exit::from(&error), error)
    }
}

impl From<auth::Error> for Failure {
    fn from(error: auth::Error) -> Self {
        Self::new(Ending::from(&error).into(), error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new(Exit::Error, error)
    }
}
