//! Fingerprints: tell *changed* rows from *unchanged* ones without keeping their values.

use std::fmt;

use super::record::{Cell, Record};

/// Context of the key derivation (BLAKE3, section 2.3: a constant that names application and purpose). Must never
/// change: fingerprints are compared with those of earlier releases.
const CONTEXT: &str = "lead-sync fingerprints v1";

/// What is hashed, before all else: a row of cells, raw bytes or a key.
const ROW: u8 = 1;
const RAW: u8 = 2;
const KEY: u8 = 3;

/// The type of a cell.
const NULL: u8 = 0;
const TEXT: u8 = 1;
const INTEGER: u8 = 2;
const REAL: u8 = 3;

/// A keyed 128-bit hash of a row.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 16]);

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Takes the fingerprints of one sync's rows.
///
/// Without its key nobody can try out which name or mail a fingerprint belongs to. The same row in two syncs has two
/// fingerprints. A buffer is used again for each row, so that nothing is allocated.
#[derive(Clone)]
pub struct Fingerprinter {
    key: [u8; 32],
    buffer: Vec<u8>,
}

impl fmt::Debug for Fingerprinter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fingerprinter").finish_non_exhaustive()
    }
}

impl Fingerprinter {
    /// `key` is the ledger's fingerprint key: 32 secret bytes. The sync's own key is derived from it and the name.
    pub fn new(key: &[u8; 32], sync: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(key);
        hasher.update(sync.as_bytes());
        Self { key: hasher.finalize().into(), buffer: Vec::new() }
    }

    /// The fingerprint of the record's key and cells; its line and its raw bytes do not count.
    pub fn fingerprint(&mut self, record: &Record) -> Fingerprint {
        self.buffer.clear();
        self.buffer.push(ROW);
        push_bytes(&mut self.buffer, record.key().as_bytes());
        for index in 0..record.len() {
            push_cell(&mut self.buffer, record.cell(index));
        }
        self.hash()
    }

    /// The fingerprint of a row that has no cells to speak of. Never that of a record.
    pub fn raw(&mut self, bytes: &[u8]) -> Fingerprint {
        self.buffer.clear();
        self.buffer.push(RAW);
        self.buffer.extend_from_slice(bytes);
        self.hash()
    }

    /// What is kept of the key of a forgotten person. Never the fingerprint of a row.
    pub fn tombstone(&mut self, key: &str) -> Fingerprint {
        self.buffer.clear();
        self.buffer.push(KEY);
        self.buffer.extend_from_slice(key.as_bytes());
        self.hash()
    }

    fn hash(&self) -> Fingerprint {
        let mut fingerprint = [0; 16];
        let hash = blake3::keyed_hash(&self.key, &self.buffer);
        fingerprint.copy_from_slice(&hash.as_bytes()[..16]);
        Fingerprint(fingerprint)
    }
}

/// Each cell says its type, and text says its length, so that no two rows are written alike.
fn push_cell(buffer: &mut Vec<u8>, cell: Cell<'_>) {
    match cell {
        Cell::Null => buffer.push(NULL),
        Cell::Text(text) => {
            buffer.push(TEXT);
            push_bytes(buffer, text.as_bytes());
        }
        Cell::Integer(number) => {
            buffer.push(INTEGER);
            buffer.extend_from_slice(&number.to_le_bytes());
        }
        Cell::Real(number) => {
            buffer.push(REAL);
            buffer.extend_from_slice(&number.to_le_bytes());
        }
    }
}

fn push_bytes(buffer: &mut Vec<u8>, bytes: &[u8]) {
    // A `usize` is no wider than 64 bits where Rust runs.
    buffer.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    buffer.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests;
