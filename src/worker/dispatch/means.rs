//! What a dispatch is given.

use std::collections::HashMap;
use std::time::Duration;

use super::Budget;
use crate::auth::TokenSource;
use crate::destination::{Destination, Target};
use crate::domain::pseudonym::Pseudonyms;
use crate::ledger::{ConnectionState, Writer};
use crate::metrics::Meters;
use crate::worker::pace::Pace;
use crate::worker::progress::Progress;
use crate::worker::settings::Connection;
use crate::worker::stop::Stop;

/// A sync whose leads are sent.
pub(in crate::worker) struct Sender {
    pub(in crate::worker) name: String,
    /// The name of the connection that it was on first.
    pub(in crate::worker) keyed_by: String,
    /// Where its leads go.
    pub(in crate::worker) target: Target,
}

/// Everything that one connection's dispatch works with.
pub(in crate::worker) struct Means<'m> {
    pub(in crate::worker) connection: &'m Connection,
    /// Its number in the ledger.
    pub(in crate::worker) id: i64,
    /// Its syncs, by number.
    pub(in crate::worker) syncs: &'m HashMap<i64, Sender>,
    pub(in crate::worker) destination: &'m Destination,
    pub(in crate::worker) tokens: &'m dyn TokenSource,
    /// Each run renews what it would otherwise end, also a run with nothing to send: a person would have to log in again.
    pub(in crate::worker) keeps_session: bool,
    pub(in crate::worker) writer: &'m Writer,
    pub(in crate::worker) pace: Pace,
    pub(in crate::worker) meters: Meters,
    pub(in crate::worker) pseudonyms: &'m Pseudonyms,
    pub(in crate::worker) state: ConnectionState,
    /// Where its leads are delivered.
    pub(in crate::worker) place: &'m str,
    /// Runs so far: of runs that send one lead each, every other one begins with a lead that was never tried.
    pub(in crate::worker) turn: u64,
    pub(in crate::worker) budget: &'m Budget,
    pub(in crate::worker) progress: &'m Progress,
    pub(in crate::worker) stop: &'m Stop,
    /// How long requests under way may take once we are to stop.
    pub(in crate::worker) grace: Duration,
}
