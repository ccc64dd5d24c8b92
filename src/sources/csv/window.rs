//! The bytes of an input that are at hand, in constant memory.

use std::io::{self, Read};
use std::ops::Range;

use super::RECORD_LIMIT;

/// Bytes held at once. More than a record may have, so that a longer one is seen as such, and few enough to stay in a core's cache.
pub(super) const CAPACITY: usize = 2 * RECORD_LIMIT;

/// Bytes that a read has room for, at least: a decoder needs that of one character, and one more.
const ROOM: usize = 64;

/// What was read and not passed yet.
pub(super) struct Window<R> {
    input: R,
    buffer: Vec<u8>,
    /// What is held: `buffer[start..end]`.
    start: usize,
    end: usize,
    finished: bool,
}

impl<R: Read> Window<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, buffer: vec![0; CAPACITY], start: 0, end: 0, finished: false }
    }

    /// What is read from.
    pub(super) fn get_ref(&self) -> &R {
        &self.input
    }

    /// What is held.
    pub(super) fn held(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// What [`Window::pass`] gave the place of.
    pub(super) fn at(&self, place: Range<usize>) -> &[u8] {
        self.buffer.get(place).unwrap_or_default()
    }

    /// Passes over the first `count` of the bytes held. Their place is good until more is read.
    pub(super) fn pass(&mut self, count: usize) -> Range<usize> {
        let passed = self.start..self.start + count;
        self.start = passed.end;
        passed
    }

    /// Passes over all that is held, making room for as much.
    pub(super) fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
    }

    /// True if there is no room left, even if what is held were moved.
    pub(super) fn is_full(&self) -> bool {
        self.start == 0 && self.buffer.len() - self.end < ROOM
    }

    /// Makes what is held at least `count` bytes long, if the input has as many.
    pub(super) fn hold(&mut self, count: usize) -> io::Result<()> {
        while self.end - self.start < count && self.fill()? {}
        Ok(())
    }

    /// Reads more; false at the end of the input. The window must not be [full](Window::is_full).
    pub(super) fn fill(&mut self) -> io::Result<bool> {
        if self.finished {
            return Ok(false);
        }
        // Moves what is left of a record once per buffer.
        if self.buffer.len() - self.end < CAPACITY / 4 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        loop {
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.input.read(room) {
                Ok(0) => self.finished = true,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            return Ok(!self.finished);
        }
    }
}
