//! Cutting bytes into records.
//!
//! A line without a quote, nearly every line there is, is cut by searching for its end and its delimiters. A record with a quote goes
//! through `csv-core`, and then through a strict check, because `csv-core` accepts anything: text after a closing quote, and a quote that
//! never closes.

use std::io::{self, Read};
use std::ops::Range;

use csv_core::ReadRecordResult;
use memchr::{memchr, memchr_iter, memchr2};

use super::RECORD_LIMIT;
use super::form::{Form, Tally, check};

/// Bytes held at once. More than a record may have, so that a longer one is seen as such, and few enough to stay in a core's cache.
const BUFFER: usize = 2 * RECORD_LIMIT;

/// Bytes that a read has room for, at least: a decoder needs that of one character, and one more.
const ROOM: usize = 64;

/// UTF-8's byte order mark. In the middle of a file it comes from files that were joined, and is no part of a cell.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// One record, borrowed until the next.
#[derive(Debug)]
pub(super) struct Raw<'a> {
    /// Line of its first byte, from 1.
    pub(super) line: u64,
    /// Lines that it spans.
    pub(super) lines: u64,
    /// Its bytes without the line end; cut off at [`RECORD_LIMIT`].
    pub(super) bytes: &'a [u8],
    /// What the cells are cut from: `bytes`, or a copy without quotes.
    pub(super) text: &'a [u8],
    /// Where the cells are in `text`. Only those before [`Form::Malformed`] or the last one of [`Form::Unclosed`] are as they should be,
    /// and there are none of a record longer than [`RECORD_LIMIT`].
    pub(super) cells: &'a [Range<usize>],
    /// Whether the record can be trusted.
    pub(super) form: Form,
}

/// Reads one record after the other, in constant memory.
pub(super) struct Records<R> {
    input: R,
    buffer: Vec<u8>,
    /// What is not read yet: `buffer[start..end]`.
    start: usize,
    end: usize,
    finished: bool,
    /// Line of `start`.
    line: u64,
    delimiter: u8,
    quote: u8,
    parser: csv_core::Reader,
    current: Current,
    cells: Vec<Range<usize>>,
    /// The cells of a quoted record without their quotes.
    unquoted: Vec<u8>,
    ends: Vec<usize>,
    /// The beginning of a record that is too long for the buffer.
    beginning: Vec<u8>,
}

/// The record that was read last.
#[derive(Debug, Clone)]
struct Current {
    line: u64,
    lines: u64,
    bytes: Range<usize>,
    form: Form,
    /// Its cells are in `unquoted`.
    parsed: bool,
}

impl<R: Read> Records<R> {
    /// `input` stands at the first byte of text.
    pub(super) fn new(input: R, delimiter: u8, quote: u8) -> Self {
        let mut records = Self {
            input,
            buffer: vec![0; BUFFER],
            start: 0,
            end: 0,
            finished: false,
            line: 1,
            delimiter,
            quote,
            parser: csv_core::Reader::new(),
            current: Current { line: 1, lines: 0, bytes: 0..0, form: Form::Sound, parsed: false },
            cells: Vec::new(),
            unquoted: vec![0; BUFFER],
            ends: vec![0; 64],
            beginning: Vec::new(),
        };
        records.use_delimiter(delimiter);
        records
    }

    /// From the next record on.
    pub(super) fn use_delimiter(&mut self, delimiter: u8) {
        self.delimiter = delimiter;
        self.parser = csv_core::ReaderBuilder::new().delimiter(delimiter).quote(self.quote).build();
        // `csv-core` drops a byte order mark from the first input it gets, which is not the file's first.
        let _ = self.parser.read_record(b"\n", &mut [0], &mut [0]);
    }

    /// What is read from.
    pub(super) fn get_ref(&self) -> &R {
        &self.input
    }

    /// As much as is held at once of what is not read yet.
    pub(super) fn peek(&mut self) -> io::Result<&[u8]> {
        while !self.is_full() && self.fill()? {}
        Ok(self.held())
    }

    /// Passes over the first `count` bytes of what [`Records::peek`] gave.
    pub(super) fn skip(&mut self, count: usize) {
        self.start += count;
    }

    /// True if CR LF comes next.
    pub(super) fn at_crlf(&mut self) -> io::Result<bool> {
        self.hold(2)?;
        Ok(self.held().starts_with(b"\r\n"))
    }

    /// Goes to the next record, over blank lines; false at the end.
    pub(super) fn advance(&mut self) -> io::Result<bool> {
        self.pass_line_ends()?;
        self.current.line = self.line;
        let mut searched = 0;
        loop {
            let held = self.held();
            let unseen = held.get(searched..).unwrap_or_default();
            if let Some(at) = memchr2(b'\r', b'\n', unseen) {
                return self.take_line(searched + at).map(|()| true);
            }
            searched = held.len();
            if searched > RECORD_LIMIT {
                return self.take_record().map(|()| true);
            }
            if !self.fill()? {
                // `start` and `end` may have moved, their distance has not.
                return match searched {
                    0 => Ok(false),
                    length => self.take_line(length).map(|()| true),
                };
            }
        }
    }

    /// The record that [`Records::advance`] went to.
    pub(super) fn current(&self) -> Raw<'_> {
        let bytes = self.current_bytes();
        Raw {
            line: self.current.line,
            lines: self.current.lines,
            bytes: bytes.get(..RECORD_LIMIT).unwrap_or(bytes),
            text: if self.current.parsed {
                let length = self.cells.last().map_or(0, |cell| cell.end);
                self.unquoted.get(..length).unwrap_or_default()
            } else {
                bytes
            },
            cells: &self.cells,
            form: self.current.form,
        }
    }

    fn held(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Passes over line ends, counting lines: CR, LF and CRLF are one each. The end of a record is passed here, too.
    fn pass_line_ends(&mut self) -> io::Result<()> {
        loop {
            self.hold(BOM.len())?;
            let length = match self.held() {
                [b'\r', b'\n', ..] => 2,
                [b'\r' | b'\n', ..] => 1,
                held if held.starts_with(BOM) => {
                    self.start += BOM.len();
                    continue;
                }
                _ => return Ok(()),
            };
            self.start += length;
            self.line += 1;
        }
    }

    /// Takes the next `length` bytes as a record, unless a quote among them makes that a guess.
    fn take_line(&mut self, length: usize) -> io::Result<()> {
        let line = self.buffer.get(self.start..self.start + length);
        let line = line.unwrap_or_default();
        if memchr(self.quote, line).is_some() || length > RECORD_LIMIT {
            return self.take_record();
        }
        self.beginning.clear();
        self.cells.clear();
        let mut cell = 0;
        for at in memchr_iter(self.delimiter, line) {
            self.cells.push(cell..at);
            cell = at + 1;
        }
        self.cells.push(cell..length);
        self.current.bytes = self.start..self.start + length;
        self.current.lines = 1;
        self.current.form = Form::Sound;
        self.current.parsed = false;
        self.start += length;
        Ok(())
    }

    /// Takes the next record wherever its quotes end it. At least one byte of it is held.
    fn take_record(&mut self) -> io::Result<()> {
        self.beginning.clear();
        self.cells.clear();
        let mut tally = Tally::default();
        let (mut parsed, mut written, mut from) = (self.start, 0, 0);
        let ended_by_line = loop {
            let input = self.buffer.get(parsed..self.end).unwrap_or_default();
            let output = self.unquoted.get_mut(written..).unwrap_or_default();
            let (result, read, wrote, ends) = self.parser.read_record(input, output, &mut self.ends);
            parsed += read;
            written += wrote;
            for end in self.ends.iter().take(ends) {
                if self.cells.len() < RECORD_LIMIT {
                    self.cells.push(from..*end);
                }
                from = *end;
            }
            match result {
                ReadRecordResult::Record => break read > 0,
                ReadRecordResult::End => break false,
                ReadRecordResult::OutputEndsFull => {}
                // Too long by far: its cells are of no use.
                ReadRecordResult::OutputFull => written = 0,
                ReadRecordResult::InputEmpty => {
                    if self.is_full() {
                        self.set_beginning_aside(&mut tally);
                        (parsed, written) = (0, 0);
                    }
                    let seen = parsed - self.start;
                    self.fill()?;
                    parsed = self.start + seen;
                }
            }
        };
        // The parser has eaten the first byte of the line end, which `pass_line_ends` is to count.
        let end = parsed - usize::from(ended_by_line);
        let rest = self.start..end;
        tally.count(self.buffer.get(rest.clone()).unwrap_or_default(), self.quote);
        self.start = end;
        self.line += tally.line_ends;
        self.current.lines = tally.line_ends + u64::from(!tally.at_line_end);
        self.current.bytes = rest;
        self.current.parsed = true;
        self.current.form = self.form(&tally, ended_by_line);
        if tally.bytes > RECORD_LIMIT {
            self.cells.clear();
        }
        Ok(())
    }

    /// Empties a full buffer, keeping what a rejects file can show of the record.
    fn set_beginning_aside(&mut self, tally: &mut Tally) {
        tally.count(self.held(), self.quote);
        if self.beginning.is_empty() {
            let beginning = self.buffer.get(..RECORD_LIMIT).unwrap_or_default();
            self.beginning.extend_from_slice(beginning);
        }
        (self.start, self.end) = (0, 0);
    }

    fn form(&self, tally: &Tally, ended_by_line: bool) -> Form {
        let too_long = tally.bytes > RECORD_LIMIT;
        let beginning = self.current_bytes();
        match check(beginning, self.delimiter, self.quote) {
            // Quotes come in pairs in whatever a CSV file may hold, but for the one that never closes.
            Form::Unclosed if !ended_by_line && (!too_long || tally.quotes % 2 == 1) => Form::Unclosed,
            _ if too_long => Form::TooLong,
            form => form,
        }
    }

    fn current_bytes(&self) -> &[u8] {
        let record = self.current.bytes.clone();
        let bytes = self.buffer.get(record).unwrap_or_default();
        if self.beginning.is_empty() { bytes } else { &self.beginning }
    }

    /// True if there is no room left, even if what is held were moved.
    fn is_full(&self) -> bool {
        self.start == 0 && self.buffer.len() - self.end < ROOM
    }

    /// Makes `held` at least `count` bytes long, if the input has as many.
    fn hold(&mut self, count: usize) -> io::Result<()> {
        while self.end - self.start < count && self.fill()? {}
        Ok(())
    }

    /// Reads more; false at the end of the input. `start` may move. The buffer must not be [full](Records::is_full).
    fn fill(&mut self) -> io::Result<bool> {
        if self.finished {
            return Ok(false);
        }
        // Moves what is left of a record once per buffer.
        if self.buffer.len() - self.end < BUFFER / 4 {
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
