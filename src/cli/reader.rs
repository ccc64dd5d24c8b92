//! The ledger for the commands that look and never fail for want of something to see.

use super::exit::Failure;
use super::out;
use crate::config::Loaded;
use crate::ledger::{Error, Ledger, NewLedger};

/// Opens the ledger for reading. Before the first run there is none: an empty one stands in for it, and a person is told. One that was lost
/// is an error: a script that looks for failed leads must not find that there are none.
pub(super) fn open(loaded: &Loaded) -> Result<Ledger, Failure> {
    let (ledger, tokens) = (&loaded.unresolved.ledger, &loaded.unresolved.tokens);
    match Ledger::open_reader(ledger) {
        Err(missing @ Error::Missing { .. }) => {
            let empty = Ledger::scratch(ledger, tokens, NewLedger::Unconfirmed)?;
            out::note(missing);
            Ok(empty)
        }
        opened => Ok(opened?),
    }
}
