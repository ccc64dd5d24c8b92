//! The ledger for the commands that look and never fail for want of something to see.

use std::path::Path;

use super::exit::Failure;
use super::out;
use crate::ledger::{Error, Ledger};

/// Opens the ledger for reading. Before the first run there is none: an empty one stands in for it, and a person is told.
pub(super) fn open(path: &Path) -> Result<Ledger, Failure> {
    match Ledger::open_reader(path) {
        Err(missing @ Error::Missing { .. }) => {
            out::note(missing);
            Ok(Ledger::scratch(path)?)
        }
        opened => Ok(opened?),
    }
}
