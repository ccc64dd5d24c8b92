//! Which rows are known: the fingerprints of a sync's leads, each with a mark of where in this pass it was met.
//!
//! 20 bytes a row and no allocation for each, so that a CRM of millions of rows is compared in memory.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Fingerprints are keyed BLAKE3 already: their first bytes are as good as any hash of them.
#[derive(Debug, Default)]
struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // An array hashes its length first, by `write_length_prefix`, and then its bytes.
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    fn write_usize(&mut self, _: usize) {}
}

type Map<T> = HashMap<[u8; 16], T, BuildHasherDefault<FirstBytes>>;

/// The lead's content can still change.
const OPEN: u32 = 1 << 31;
/// The lead was refused by the mapping.
const BY_MAPPING: u32 = 1 << 30;
/// The place is that of a row with the lead's key and other values.
const OTHER: u32 = 1 << 29;
/// No lead had it before this pass.
const NEW: u32 = 1 << 28;
/// The rest is the place.
const PLACE: u32 = NEW - 1;

/// A place in a pass: lines are counted through over all files of the pass, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(u32);

impl Place {
    /// The place of `line` of a file that begins after `before` lines of the pass. Past 268 million lines all places are the same: the line in a
    /// message about a repeated key suffers, and a file that is given up there is not taken back.
    pub fn new(before: u64, line: u64) -> Self {
        Self(u32::try_from(before.saturating_add(line)).unwrap_or(PLACE).clamp(1, PLACE))
    }

    /// The line of this place in a file that begins after `before` lines, if the place is in that file or a later one.
    pub fn line_in(self, before: u64) -> Option<u64> {
        u64::from(self.0).checked_sub(before).filter(|line| *line > 0)
    }
}

/// What is known of a fingerprint when its row is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// No lead has it.
    Unknown,
    /// A lead has it, and this is the first row of this pass with the lead's key.
    First {
        /// The lead's content can still change.
        open: bool,
        /// The lead was refused by the mapping.
        by_mapping: bool,
    },
    /// The same row was met before, at this place.
    Same(Place),
    /// Another row with the lead's key was met before, at this place.
    Other(Place),
}

/// A lead of the ledger, as far as rows are compared with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfLedger {
    /// Of the row it was made of.
    pub fingerprint: [u8; 16],
    /// Its content can still change.
    pub open: bool,
    /// It was refused by the mapping.
    pub by_mapping: bool,
}

/// The fingerprints of one sync during one pass.
#[derive(Debug, Default)]
pub struct Known {
    marks: Map<u32>,
    /// Keys (hashed) of rows that have no lead: skipped ones.
    skipped: Map<Place>,
}

impl Known {
    /// Makes room for `leads` fingerprints.
    pub fn reserve(&mut self, leads: usize) {
        self.marks.reserve(leads);
    }

    /// Adds leads of the ledger.
    pub fn load(&mut self, leads: impl Iterator<Item = OfLedger>) {
        for OfLedger { fingerprint, open, by_mapping } in leads {
            let mark = if open { OPEN } else { 0 } | if by_mapping { BY_MAPPING } else { 0 };
            self.marks.insert(fingerprint, mark);
        }
    }

    /// Meets a row.
    pub fn meet(&mut self, fingerprint: &[u8; 16], place: Place) -> Seen {
        let Some(mark) = self.marks.get_mut(fingerprint) else { return Seen::Unknown };
        let met = *mark & PLACE;
        if met == 0 {
            *mark |= place.0;
            return Seen::First { open: *mark & OPEN != 0, by_mapping: *mark & BY_MAPPING != 0 };
        }
        if *mark & OTHER == 0 { Seen::Same(Place(met)) } else { Seen::Other(Place(met)) }
    }

    /// Where a row with this lead's key was met in this pass, given the fingerprint the ledger holds.
    pub fn met(&self, fingerprint: &[u8; 16]) -> Option<Place> {
        self.marks.get(fingerprint).map(|mark| mark & PLACE).filter(|place| *place > 0).map(Place)
    }

    /// A row with other values stands for the lead in this pass: `old` is the fingerprint the ledger holds, `new` the row's.
    pub fn replace(&mut self, old: &[u8; 16], new: [u8; 16], place: Place) {
        let flags = self.marks.get(old).map_or(0, |mark| mark & (OPEN | BY_MAPPING));
        self.marks.insert(*old, flags | OTHER | place.0);
        self.marks.insert(new, NEW | place.0);
    }

    /// A row with other values stands in this pass for the lead that has this fingerprint from now on.
    pub fn outdo(&mut self, fingerprint: [u8; 16], place: Place) {
        self.marks.insert(fingerprint, NEW | OTHER | place.0);
    }

    /// A row became a lead.
    pub fn add(&mut self, fingerprint: [u8; 16], place: Place) {
        self.marks.insert(fingerprint, NEW | place.0);
    }

    /// A row was skipped, or its lead was taken out: its key is taken in this pass, although it has no lead. `key` is a keyed hash of the key.
    pub fn skip(&mut self, key: [u8; 16], fingerprint: [u8; 16], place: Place) {
        self.skipped.entry(key).or_insert(place);
        self.marks.entry(fingerprint).or_insert(NEW | place.0);
    }

    /// Takes back what was met after the first `before` lines of the pass: the file that begins there does not count.
    pub fn take_back(&mut self, before: u64) {
        let is_after = |place: Place| place.line_in(before).is_some();
        self.marks.retain(|_, mark| {
            if !is_after(Place(*mark & PLACE)) {
                return true;
            }
            let is_kept = *mark & NEW == 0;
            *mark &= OPEN | BY_MAPPING;
            is_kept
        });
        self.skipped.retain(|_, place| !is_after(*place));
    }

    /// Where a skipped row with this key (hashed) was met.
    pub fn skipped(&self, key: &[u8; 16]) -> Option<Place> {
        if self.skipped.is_empty() { None } else { self.skipped.get(key).copied() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: [u8; 16] = [1; 16];
    const B: [u8; 16] = [2; 16];

    fn lead(fingerprint: [u8; 16], open: bool) -> std::iter::Once<OfLedger> {
        std::iter::once(OfLedger { fingerprint, open, by_mapping: false })
    }

    fn at(line: u64) -> Place {
        Place::new(0, line)
    }

    #[test]
    fn a_known_row_is_met_once_and_then_is_a_repetition() {
        let mut known = Known::default();
        known.load(lead(A, true));
        assert_eq!(known.meet(&B, at(1)), Seen::Unknown);
        assert_eq!(known.meet(&A, at(2)), Seen::First { open: true, by_mapping: false });
        assert_eq!(known.meet(&A, at(3)), Seen::Same(at(2)));
    }

    #[test]
    fn the_known_row_after_a_changed_one_of_the_same_key_is_another() {
        let mut known = Known::default();
        known.load(lead(A, false));
        assert_eq!(known.met(&A), None);
        known.replace(&A, B, at(2));
        assert_eq!(known.meet(&A, at(3)), Seen::Other(at(2)));
        assert_eq!(known.meet(&B, at(4)), Seen::Same(at(2)));
    }

    #[test]
    fn a_skipped_row_takes_its_key_for_this_pass() {
        let mut known = Known::default();
        known.skip(B, A, at(5));
        assert_eq!(known.skipped(&B), Some(at(5)));
        assert_eq!(known.meet(&A, at(6)), Seen::Same(at(5)));
    }

    #[test]
    fn what_a_file_brought_that_does_not_count_is_as_if_it_had_never_been_met() {
        let (c, d, e) = ([3; 16], [4; 16], [5; 16]);
        let mut known = Known::default();
        known.load(lead(A, true).chain(lead(B, false)));
        known.add(c, at(7));
        assert_eq!(known.meet(&A, Place::new(10, 1)), Seen::First { open: true, by_mapping: false });
        known.replace(&B, d, Place::new(10, 2));
        known.skip(e, e, Place::new(10, 3));
        known.take_back(10);
        assert_eq!(known.meet(&c, Place::new(10, 1)), Seen::Same(at(7)));
        assert_eq!(known.meet(&A, Place::new(10, 2)), Seen::First { open: true, by_mapping: false });
        assert_eq!(known.meet(&B, Place::new(10, 3)), Seen::First { open: false, by_mapping: false });
        assert_eq!(
            (known.meet(&d, at(1)), known.meet(&e, at(1)), known.skipped(&e)),
            (Seen::Unknown, Seen::Unknown, None)
        );
    }

    #[test]
    fn a_place_knows_its_line_only_in_files_from_its_own_on() {
        assert_eq!(Place::new(100, 7).line_in(100), Some(7));
        assert_eq!(Place::new(0, 7).line_in(100), None);
        assert_eq!(Place::new(u64::MAX, 7), Place::new(u64::MAX, 8));
    }
}
