//! Whether a record has the form that a CSV record must have.

use memchr::{memchr, memchr_iter, memchr2_iter};

/// What is wrong with the form of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Nothing.
    Sound,
    /// Longer than [`RECORD_LIMIT`](super::RECORD_LIMIT).
    TooLong,
    /// A quote is open when the file ends.
    Unclosed,
    /// Text follows the closing quote of this cell (from 0).
    Malformed(usize),
}

/// What a record holds, however long it is.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) bytes: usize,
    pub(super) quotes: usize,
    pub(super) line_ends: u64,
    after_cr: bool,
    pub(super) at_line_end: bool,
}

impl Tally {
    /// Counts in the next bytes of the record.
    pub(super) fn count(&mut self, bytes: &[u8], quote: u8) {
        self.bytes += bytes.len();
        self.quotes += memchr_iter(quote, bytes).count();
        for at in memchr2_iter(b'\r', b'\n', bytes) {
            let before = at.checked_sub(1).and_then(|before| bytes.get(before));
            let after_cr = before.map_or(self.after_cr, |byte| *byte == b'\r');
            let second_half = after_cr && bytes.get(at) == Some(&b'\n');
            self.line_ends += u64::from(!second_half);
        }
        if let Some(last) = bytes.last() {
            self.after_cr = *last == b'\r';
            self.at_line_end = matches!(last, b'\r' | b'\n');
        }
    }
}

/// Checks the quotes of one record (RFC 4180, 2.5 to 2.7): a cell that begins with one ends with one, and inside they are doubled.
/// A quote inside a cell that does not begin with one is text.
pub(super) fn check(record: &[u8], delimiter: u8, quote: u8) -> Form {
    let mut rest = record;
    for cell in 0.. {
        if rest.first() == Some(&quote) {
            rest = rest.get(1..).unwrap_or_default();
            loop {
                let Some(at) = memchr(quote, rest) else {
                    return Form::Unclosed;
                };
                rest = rest.get(at + 1..).unwrap_or_default();
                if rest.first() != Some(&quote) {
                    break;
                }
                rest = rest.get(1..).unwrap_or_default();
            }
            if rest.first().is_some_and(|next| *next != delimiter) {
                return Form::Malformed(cell);
            }
        }
        let Some(at) = memchr(delimiter, rest) else {
            break;
        };
        rest = rest.get(at + 1..).unwrap_or_default();
    }
    Form::Sound
}
