//! Rows that a person has dealt with, by a correction or by forgetting somebody: while the export still holds them they are left alone.

use std::collections::{HashMap, HashSet};

use crate::domain::fingerprint::Fingerprinter;
use crate::domain::record::Record;
use crate::ledger::{self, Admission};

/// How a row was dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// A corrected row was imported in its place.
    Corrected,
    /// The person was forgotten.
    Forgotten,
}

/// What one sync's rows are held against. Empty for nearly everybody, and then costs nothing.
#[derive(Debug, Default)]
pub(super) struct ByHand {
    /// By fingerprint, of the row as the mapping reads it or of its bytes.
    rows: HashMap<[u8; 16], Settled>,
    /// Keys of forgotten persons, hashed.
    forgotten: HashSet<[u8; 16]>,
}

impl ByHand {
    /// Reads what the ledger has.
    pub(super) fn load(admission: &Admission<'_>) -> ledger::Result<Self> {
        let mut by_hand = Self::default();
        admission.each_superseded(|fingerprint, forgotten| {
            let settled = if forgotten { Settled::Forgotten } else { Settled::Corrected };
            by_hand.rows.insert(fingerprint, settled);
        })?;
        admission.each_forgotten(|digest| {
            by_hand.forgotten.insert(digest);
        })?;
        Ok(by_hand)
    }

    /// Corrections were imported.
    pub(super) fn has_corrections(&self) -> bool {
        !self.rows.is_empty()
    }

    /// How this row was dealt with. `fingerprint` is that of a row that can be mapped.
    pub(super) fn settled(
        &self,
        fingerprinter: &mut Fingerprinter,
        record: &Record,
        fingerprint: Option<&[u8; 16]>,
    ) -> Option<Settled> {
        if !self.rows.is_empty() {
            let of_row = fingerprint.and_then(|fingerprint| self.rows.get(fingerprint));
            if let Some(settled) = of_row.or_else(|| self.rows.get(&fingerprinter.raw(&record.raw).0)) {
                return Some(*settled);
            }
        }
        let gone = !self.forgotten.is_empty()
            && !record.key().is_empty()
            && self.forgotten.contains(&fingerprinter.tombstone(record.key()).0);
        gone.then_some(Settled::Forgotten)
    }
}
