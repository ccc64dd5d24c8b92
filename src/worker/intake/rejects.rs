//! The two ways of a rejects file: rejected rows out of the ledger, and corrected ones through the intake's rules back in.
//!
//! When a correction counts, and for how long, is told in the ledger's `rejects.rs`.

mod export;
mod forms;
mod import;
mod reader;
mod zeros;

use std::io;

pub use export::{ChosenRejects, export_rejects};
pub use import::{Imported, import_rejects};

use crate::ledger;
use crate::sources;

/// Why a rejects file cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum RejectsError {
    /// The ledger's.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// The file's.
    #[error(transparent)]
    Source(#[from] sources::Error),
    /// The file cannot be written.
    #[error("cannot write the file: {0}")]
    Io(#[from] io::Error),
    /// What was asked for cannot be done as it was asked.
    #[error("{0}")]
    Usage(String),
}
