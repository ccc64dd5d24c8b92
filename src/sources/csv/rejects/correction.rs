//! Reading a rejects file that came back.

use std::io;
use std::path::Path;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::{LINE, REASON, Style, restored};
use crate::domain::count::count;
use crate::sources::Error;
use crate::sources::csv::form::Form;
use crate::sources::csv::header;
use crate::sources::csv::input::{Decoded, Input};
use crate::sources::csv::records::{Raw, Records};
use crate::sources::csv::row::{decode, is_blank};
use crate::sources::csv::survey::{Survey, survey};

/// A row of a rejects file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// Its line in the rejects file.
    pub row: u64,
    /// What `_line` says.
    pub place: String,
    /// `_reason` was emptied: the row is right as it stands.
    pub accepted: bool,
    /// The export's cells as this file writes them, or why there are none.
    cells: Result<Vec<Vec<u8>>, String>,
    /// Of those cells.
    encoding: &'static Encoding,
}

impl Correction {
    /// The cells in the export's encoding of cells, or why they cannot be had. A cell with the bytes of the `original` one was not touched and
    /// is that one, whatever encoding the file seems to be in. What was added to fill up a row is left out where it is empty.
    pub fn cells(&self, original: &[Vec<u8>], style: &Style) -> Result<Vec<Vec<u8>>, String> {
        let found = self.cells.as_ref().map_err(Clone::clone)?;
        let mut cells = Vec::with_capacity(found.len());
        for (place, cell) in found.iter().enumerate() {
            let untouched = original.get(place) == Some(cell);
            cells.push(if untouched { cell.clone() } else { recoded(cell, self.encoding, style.cell_encoding())? });
        }
        while cells.len() > style.names.len() && cells.last().is_some_and(Vec::is_empty) {
            cells.pop();
        }
        Ok(cells)
    }
}

/// Reads a rejects file that was written in this style, or saved by a spreadsheet in another encoding or with another delimiter.
pub fn read(path: &Path, style: &Style) -> Result<Vec<Correction>, Error> {
    let shown = path.display().to_string();
    let refused = |reason: String| Error::Refused { file: shown.clone(), reason };
    let trouble = |cause: io::Error| Error::Io { action: "read", path: shown.clone(), cause };
    let (mut input, _) = Input::open(path).map_err(trouble)?;
    let survey = survey(&mut input, None).map_err(trouble)?;
    let mut input = input.rewound().map_err(trouble)?;
    io::copy(&mut io::Read::take(&mut input, survey.bom as u64), &mut io::sink()).map_err(trouble)?;
    let encoding = encoding_of(&survey, style);
    let cell_encoding = if encoding.is_single_byte() { encoding } else { UTF_8 };

    let mut records = Records::new(Decoded::new(input, encoding), style.delimiter, style.quote);
    let head = records.peek().map_err(trouble)?;
    if let Some(reason) = header::not_csv(head) {
        return Err(refused(reason.to_owned()));
    }
    let hint = header::separator_hint(head);
    if let Some((length, _)) = hint {
        records.skip(length);
    }
    let ours = [REASON.to_owned(), LINE.to_owned()];
    let head = records.peek().map_err(trouble)?;
    let delimiter = hint.map_or_else(|| header::delimiter(head, style.quote, cell_encoding, &ours), |(_, byte)| byte);
    records.use_delimiter(delimiter);
    if !header::find(&mut records).map_err(trouble)? {
        return Err(refused("it is empty".to_owned()));
    }
    let names = header::names(&records, cell_encoding).map_err(refused)?;
    let width = width(&names, style).map_err(refused)?;
    let mut corrections = Vec::new();
    while records.advance().map_err(trouble)? {
        let raw = records.current();
        if !is_blank(&raw) && raw.cells.iter().any(|cell| !cell.is_empty()) {
            corrections.push(correction(&raw, width, cell_encoding));
        }
    }
    Ok(corrections)
}

/// A byte order mark and text that is UTF-8 speak for themselves. What is neither was left in the export's encoding, or a spreadsheet saved it
/// in that of western Europe.
fn encoding_of(survey: &Survey, style: &Style) -> &'static Encoding {
    let own = style.encoding;
    let guessed = survey.bom == 0 && survey.encoding == WINDOWS_1252;
    if guessed && own != UTF_8 && own != UTF_16LE && own != UTF_16BE { own } else { survey.encoding }
}

/// The number of columns before `_reason`, if the header is that of a rejects file of this export.
fn width(names: &[String], style: &Style) -> Result<usize, String> {
    let used = names.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
    let names = names.get(..used).unwrap_or_default();
    let Some((own, [reason, line])) = names.split_last_chunk() else {
        return Err(format!("its header lacks {REASON} and {LINE}; only a file of `rejects export` can be imported"));
    };
    if reason != REASON || line != LINE {
        return Err(format!(
            "its last two columns are not {REASON} and {LINE}: leave the columns as `rejects export` wrote them"
        ));
    }
    let same = own.len() >= style.names.len()
        && own
            .iter()
            .zip(&style.names)
            .all(|(found, name)| restored(found.as_bytes()) == style.text(&style.encoded(name)).as_bytes())
        && own.iter().skip(style.names.len()).all(String::is_empty);
    if same {
        Ok(own.len())
    } else {
        Err("its columns are not those of the export: leave them as `rejects export` wrote them".to_owned())
    }
}

fn correction(raw: &Raw<'_>, width: usize, encoding: &'static Encoding) -> Correction {
    let mut found: Vec<&[u8]> = raw.cells.iter().map(|cell| raw.text.get(cell.clone()).unwrap_or_default()).collect();
    while found.len() > width + 2 && found.last().is_some_and(|cell| cell.is_empty()) {
        found.pop();
    }
    let text = |place: usize| {
        let cell = found.get(place).copied().unwrap_or_default();
        encoding.decode_without_bom_handling(cell).0.trim().to_owned()
    };
    Correction {
        row: raw.line,
        place: text(width + 1),
        accepted: text(width).is_empty(),
        cells: cells(raw, &found, width),
        encoding,
    }
}

fn cells(raw: &Raw<'_>, found: &[&[u8]], width: usize) -> Result<Vec<Vec<u8>>, String> {
    if raw.form != Form::Sound {
        return Err("its quotes are broken; save the file as CSV again".to_owned());
    }
    if found.len() != width + 2 {
        return Err(format!("it has {}, the header has {}", count(found.len() as u64, "cell"), width + 2));
    }
    Ok(found.iter().take(width).map(|cell| restored(cell).to_vec()).collect())
}

fn recoded(cell: &[u8], from: &'static Encoding, to: &'static Encoding) -> Result<Vec<u8>, String> {
    if from == to || cell.is_ascii() {
        return Ok(cell.to_vec());
    }
    let mut text = String::new();
    if !decode(from, cell, &mut text) {
        return Err(format!("it is not valid {}", from.name()));
    }
    let (bytes, _, unknown) = to.encode(&text);
    if unknown {
        return Err(format!("it holds a character that the export's encoding, {}, does not have", to.name()));
    }
    Ok(bytes.into_owned())
}
