//! One CSV file, read row by row.

use std::io::{self, Read};
use std::path::PathBuf;

use encoding_rs::{Encoding, UTF_8};

use super::input::{Decoded, Identity, Input};
use super::records::Records;
use super::row::{Columns, is_blank};
use super::survey::{Survey, survey};
use super::{Entry, Settings, changed, header};
use crate::domain::record::{Layout, Record, Row};
use crate::sources::{Error, columns};

/// An open file whose header is known to have the mapping's columns.
pub struct CsvFile {
    origin: String,
    path: PathBuf,
    identity: Identity,
    records: Records<Decoded<Input>>,
    columns: Columns,
    layout: Layout,
    rows: u64,
}

/// A file that was read to its end and did not change meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Rows, good and bad; blank lines are none.
    pub rows: u64,
    pub(super) identity: Identity,
}

impl CsvFile {
    /// Opens a file and matches its header: `wanted` are the columns that the mapping reads, and every [`Record`] has their cells in
    /// this order. They need not hold the key column, which is found through the settings.
    ///
    /// Refuses what is no CSV file, a file without a header, and one in which a wanted column is missing or there twice.
    pub fn open(entry: &Entry, settings: &Settings, wanted: &[String]) -> Result<Self, Error> {
        let (mut input, identity) =
            Input::open(&entry.path).map_err(|cause| trouble(&entry.origin, &entry.path, None, cause))?;
        let trouble = |cause| trouble(&entry.origin, &entry.path, Some(&identity), cause);
        let survey = survey(&mut input, settings.encoding).map_err(trouble)?;
        let input = input.rewound().map_err(trouble)?;
        let opening = Opening { entry, identity: &identity, settings, survey: &survey };
        let (records, columns, layout) = opening.header(input, wanted)?;
        Ok(Self { origin: entry.origin.clone(), path: entry.path.clone(), identity, records, columns, layout, rows: 0 })
    }

    /// How the file writes its rows.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Reads the next row into `record`; nothing at the end.
    pub fn next(&mut self, record: &mut Record) -> Result<Option<Row>, Error> {
        loop {
            match self.records.advance() {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(cause) => {
                    let opened = Some(&self.identity);
                    return Err(trouble(&self.origin, &self.path, opened, cause));
                }
            }
            let raw = self.records.current();
            if is_blank(&raw) {
                continue;
            }
            self.rows += 1;
            record.clear();
            record.line = raw.line;
            record.raw.extend_from_slice(raw.bytes);
            return Ok(Some(match self.columns.fill(&raw, record) {
                Ok(()) => Row::Good,
                Err(fault) => Row::Bad(fault),
            }));
        }
    }

    /// Says whether what was read may count: the file, and what its name stands for, must be what they were at the start.
    pub fn finish(self) -> Result<Summary, Error> {
        let opened = self.records.get_ref().get_ref().identity();
        match (opened, Identity::at(&self.path)) {
            (Ok(opened), Ok(named)) if opened == self.identity && named == self.identity => {
                Ok(Summary { rows: self.rows, identity: self.identity })
            }
            _ => Err(changed(&self.origin)),
        }
    }
}

/// The names in a file's header, for who does not know yet which of them are wanted; `settings.key` is not looked for.
///
/// Refuses a file whose first line looks like a row: what stands in it are the values of a lead.
pub fn column_names(entry: &Entry, settings: &Settings) -> Result<Vec<String>, Error> {
    let trouble = |identity, cause| trouble(&entry.origin, &entry.path, identity, cause);
    let (mut input, identity) = Input::open(&entry.path).map_err(|cause| trouble(None, cause))?;
    let survey = survey(&mut input, settings.encoding).map_err(|cause| trouble(Some(&identity), cause))?;
    let input = input.rewound().map_err(|cause| trouble(Some(&identity), cause))?;
    let opening = Opening { entry, identity: &identity, settings, survey: &survey };
    let names = opening.head(input, &[])?.names;
    columns::require_header(&names).map_err(|reason| opening.refused(reason))?;
    Ok(names)
}

/// A file up to its header.
struct Head {
    records: Records<Decoded<Input>>,
    names: Vec<String>,
    delimiter: u8,
    quote: u8,
}

/// What is known of a file before its header is read.
struct Opening<'a> {
    entry: &'a Entry,
    identity: &'a Identity,
    settings: &'a Settings,
    survey: &'a Survey,
}

impl Opening<'_> {
    fn refused(&self, reason: impl Into<String>) -> Error {
        Error::Refused { file: self.entry.origin.clone(), reason: reason.into() }
    }

    fn trouble(&self, cause: io::Error) -> Error {
        let Entry { origin, path, .. } = self.entry;
        trouble(origin, path, Some(self.identity), cause)
    }

    /// Reads up to the header and sets everything up for the first row.
    fn header(&self, input: Input, wanted: &[String]) -> Result<(Records<Decoded<Input>>, Columns, Layout), Error> {
        let mut names_wanted = vec![self.settings.key.clone()];
        names_wanted.extend_from_slice(wanted);
        let Head { mut records, names, delimiter, quote } = self.head(input, &names_wanted)?;
        let mut places = columns::positions_in_line(&names, &names_wanted).map_err(|reason| self.refused(reason))?;
        let key = places.remove(0);
        let header = records.current().bytes.to_vec();
        let layout = Layout::Csv {
            header: names.clone(),
            delimiter,
            quote,
            encoding: self.survey.encoding.name().to_ascii_lowercase(),
            bom: self.survey.bom > 0,
            crlf: records.at_crlf().map_err(|cause| self.trouble(cause))?,
        };
        let columns = Columns {
            names,
            key,
            wanted: places,
            encoding: self.row_encoding(),
            file_encoding: self.survey.encoding,
            quote,
            header,
            scratch: String::new(),
        };
        Ok((records, columns, layout))
    }

    /// Reads the header's names; `wanted` helps to find the delimiter.
    fn head(&self, input: Input, wanted: &[String]) -> Result<Head, Error> {
        let trouble = |cause| self.trouble(cause);
        let encoding = self.row_encoding();
        let quote = self.settings.quote.unwrap_or(b'"');
        let mut records = self.records(input, quote).map_err(trouble)?;
        let hint = self.look_at_beginning(&mut records)?;
        let head = records.peek().map_err(trouble)?;
        let delimiter =
            self.settings.delimiter.or(hint).unwrap_or_else(|| header::delimiter(head, quote, encoding, wanted));
        records.use_delimiter(delimiter);
        if !header::find(&mut records).map_err(trouble)? {
            return Err(self.refused("it has no header; check the export"));
        }
        let names = header::names(&records, encoding).map_err(|reason| self.refused(reason))?;
        Ok(Head { records, names, delimiter, quote })
    }

    /// The encoding of rows as they are cut.
    fn row_encoding(&self) -> &'static Encoding {
        if self.survey.encoding.is_single_byte() { self.survey.encoding } else { UTF_8 }
    }

    fn records(&self, mut input: Input, quote: u8) -> io::Result<Records<Decoded<Input>>> {
        let mut bom = [0; 3];
        input.read_exact(bom.get_mut(..self.survey.bom).unwrap_or_default())?;
        let decoded = Decoded::new(input, self.survey.encoding);
        Ok(Records::new(decoded, b',', quote))
    }

    /// Refuses what is no CSV file or not whole, and passes over Excel's `sep=` line, giving its delimiter.
    fn look_at_beginning(&self, records: &mut Records<Decoded<Input>>) -> Result<Option<u8>, Error> {
        let trouble = |cause| self.trouble(cause);
        if self.survey.size == self.survey.bom as u64 {
            return Err(self.refused("it is empty, without even a header; check the export"));
        }
        let head = records.peek().map_err(trouble)?;
        if let Some(reason) = header::not_csv(head) {
            return Err(self.refused(reason));
        }
        if self.settings.require_final_newline && !self.survey.ends_line {
            return Err(Error::Changing {
                file: self.entry.origin.clone(),
                why: "its last row has no line end, so that it may still be written (`require_final_newline`)",
            });
        }
        let hint = header::separator_hint(head);
        if let Some((length, _)) = hint {
            records.skip(length);
        }
        Ok(hint.map(|(_, delimiter)| delimiter))
    }
}

/// An error while reading: gzip data that is cut or damaged refuses the file, unless the file changed under our hands.
fn trouble(origin: &str, path: &std::path::Path, opened: Option<&Identity>, cause: io::Error) -> Error {
    if let Some(opened) = opened
        && Identity::at(path).ok().as_ref() != Some(opened)
    {
        return changed(origin);
    }
    if cause.raw_os_error().is_none() {
        return Error::Refused {
            file: origin.to_owned(),
            reason: format!("its gzip data cannot be read ({cause}); export it again"),
        };
    }
    Error::Io { action: "read", path: origin.to_owned(), cause }
}
