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
use super::window::{CAPACITY, Window};

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
    window: Window<R>,
    /// Line of the next byte.
    line: u64,
    delimiter: u8,
    quote: u8,
    parser: csv_core::Reader,
    current: Current,
    cells: Vec<Range<usize>>,
    /// The cells of a quoted record without their quotes.
    unquoted: Vec<u8>,
    ends: Vec<usize>,
    /// The beginning of a record that is too long for the window.
    beginning: Vec<u8>,
}

/// The record that was read last.
#[derive(Debug, Clone)]
struct Current {
    line: u64,
    lines: u64,
    /// Its place in the window.
    bytes: Range<usize>,
    form: Form,
    /// Its cells are in `unquoted`.
    parsed: bool,
}

impl<R: Read> Records<R> {
    /// `input` stands at the first byte of text.
    pub(super) fn new(input: R, delimiter: u8, quote: u8) -> Self {
        let mut records = Self {
            window: Window::new(input),
            line: 1,
            delimiter,
            quote,
            parser: csv_core::Reader::new(),
            current: Current { line: 1, lines: 0, bytes: 0..0, form: Form::Sound, parsed: false },
            cells: Vec::new(),
            unquoted: vec![0; CAPACITY],
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
        self.window.get_ref()
    }

    /// As much as is held at once of what is not read yet.
    pub(super) fn peek(&mut self) -> io::Result<&[u8]> {
        while !self.window.is_full() && self.window.fill()? {}
        Ok(self.window.held())
    }

    /// Passes over the first `count` bytes of what [`Records::peek`] gave.
    pub(super) fn skip(&mut self, count: usize) {
        self.window.pass(count);
    }

    /// True if CR LF comes next.
    pub(super) fn at_crlf(&mut self) -> io::Result<bool> {
        self.window.hold(2)?;
        Ok(self.window.held().starts_with(b"\r\n"))
    }

    /// Goes to the next record, over blank lines; false at the end.
    pub(super) fn advance(&mut self) -> io::Result<bool> {
        self.pass_line_ends()?;
        self.current.line = self.line;
        let mut searched = 0;
        loop {
            let held = self.window.held();
            let unseen = held.get(searched..).unwrap_or_default();
            if let Some(at) = memchr2(b'\r', b'\n', unseen) {
                return self.take_line(searched + at).map(|()| true);
            }
            searched = held.len();
            if searched > RECORD_LIMIT {
                return self.take_record().map(|()| true);
            }
            if !self.window.fill()? {
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

    /// Passes over line ends, counting lines: CR, LF and CRLF are one each. The end of a record is passed here, too.
    fn pass_line_ends(&mut self) -> io::Result<()> {
        loop {
            self.window.hold(BOM.len())?;
            let length = match self.window.held() {
                [b'\r', b'\n', ..] => 2,
                [b'\r' | b'\n', ..] => 1,
                held if held.starts_with(BOM) => {
                    self.window.pass(BOM.len());
                    continue;
                }
                _ => return Ok(()),
            };
            self.window.pass(length);
            self.line += 1;
        }
    }

    /// Takes the next `length` bytes as a record, unless a quote among them makes that a guess.
    fn take_line(&mut self, length: usize) -> io::Result<()> {
        let line = self.window.held().get(..length).unwrap_or_default();
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
        self.current.bytes = self.window.pass(length);
        self.current.lines = 1;
        self.current.form = Form::Sound;
        self.current.parsed = false;
        Ok(())
    }

    /// Takes the next record wherever its quotes end it. At least one byte of it is held.
    fn take_record(&mut self) -> io::Result<()> {
        self.beginning.clear();
        self.cells.clear();
        let mut tally = Tally::default();
        let (seen, ended_by_line) = self.parse(&mut tally)?;
        // The parser has eaten the first byte of the line end, which `pass_line_ends` is to count.
        let length = seen - usize::from(ended_by_line);
        tally.count(self.window.held().get(..length).unwrap_or_default(), self.quote);
        self.line += tally.line_ends;
        self.current.lines = tally.line_ends + u64::from(!tally.at_line_end);
        self.current.bytes = self.window.pass(length);
        self.current.parsed = true;
        self.current.form = self.form(&tally, ended_by_line);
        if tally.bytes > RECORD_LIMIT {
            self.cells.clear();
        }
        Ok(())
    }

    /// Parses the next record into its cells. Gives how many of the bytes held are its own, with what ended it, and whether a line end did. Those
    /// that had to make room before are in `tally`.
    fn parse(&mut self, tally: &mut Tally) -> io::Result<(usize, bool)> {
        let (mut seen, mut written, mut from) = (0, 0, 0);
        loop {
            let input = self.window.held().get(seen..).unwrap_or_default();
            let output = self.unquoted.get_mut(written..).unwrap_or_default();
            let (result, read, wrote, ends) = self.parser.read_record(input, output, &mut self.ends);
            seen += read;
            written += wrote;
            for end in self.ends.iter().take(ends) {
                if self.cells.len() < RECORD_LIMIT {
                    self.cells.push(from..*end);
                }
                from = *end;
            }
            match result {
                ReadRecordResult::Record => return Ok((seen, read > 0)),
                ReadRecordResult::End => return Ok((seen, false)),
                ReadRecordResult::OutputEndsFull => {}
                // Too long by far: its cells are of no use.
                ReadRecordResult::OutputFull => written = 0,
                ReadRecordResult::InputEmpty => {
                    if self.window.is_full() {
                        self.set_beginning_aside(tally);
                        (seen, written) = (0, 0);
                    }
                    self.window.fill()?;
                }
            }
        }
    }

    /// Empties a full window, keeping what a rejects file can show of the record.
    fn set_beginning_aside(&mut self, tally: &mut Tally) {
        let held = self.window.held();
        tally.count(held, self.quote);
        if self.beginning.is_empty() {
            self.beginning.extend_from_slice(held.get(..RECORD_LIMIT).unwrap_or_default());
        }
        self.window.clear();
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
        if self.beginning.is_empty() { self.window.at(self.current.bytes.clone()) } else { &self.beginning }
    }
}
