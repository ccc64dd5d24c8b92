//! `backup FILE`: a copy of the ledger, also while it is in use.

use std::io::ErrorKind;
use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::args::Args;
use super::exit::{Exit, Failure};
use super::{load, out, target};
use crate::domain::count::count;
use crate::ledger::{Error, Ledger};

/// Options of `backup`.
#[derive(Debug, ClapArgs)]
pub struct BackupOptions {
    /// Where the copy goes; NAME.key beside it gets the fingerprint key. Neither may exist, but for the same key that a backup which was killed left
    pub file: PathBuf,
}

/// Copies ledger and key, and says where they are.
pub(super) fn backup(args: &Args, options: &BackupOptions) -> Result<Exit, Failure> {
    let loaded = load::load(args)?;
    for file in [&options.file, &options.file.with_extension("key")] {
        target::refuse_in_use(&loaded, file)?;
    }
    let ledger = Ledger::open_reader(&loaded.unresolved.ledger)?;
    let backup = ledger.back_up(&options.file).map_err(|error| match &error {
        Error::File { source, .. } if source.kind() == ErrorKind::AlreadyExists => Failure::usage(error),
        Error::File { source, path, .. } if source.kind() == ErrorKind::NotFound => Failure::unwritten(path, source),
        _ => Failure::from(error),
    })?;
    let (copy, key) = (backup.ledger.display(), backup.key.display());
    out::say(format!("{copy}: {}, {} bytes, verified", count(backup.leads, "lead"), backup.bytes));
    out::say(format!("{key}: the key of its fingerprints; keep the two together"));
    Ok(Exit::Done)
}
