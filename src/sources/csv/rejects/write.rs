//! Writing a rejects file.

use std::io::{self, Write};

use encoding_rs::{UTF_8, UTF_16BE, UTF_16LE};

use super::{LINE, REASON, Style, harmless};

/// Writes a rejects file.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    style: Style,
    /// Columns before `_reason`.
    width: usize,
}

impl<W: Write> Writer<W> {
    /// Writes the header. `most_cells` is the number of cells in the longest row.
    pub fn new(out: W, style: Style, most_cells: usize) -> io::Result<Self> {
        let width = most_cells.max(style.names.len());
        let mut writer = Self { out, style, width };
        if writer.style.bom {
            writer.write("\u{feff}".as_bytes())?;
        }
        let names: Vec<Vec<u8>> = writer.style.names.iter().map(|name| writer.style.encoded(name)).collect();
        writer.line(names, REASON, LINE)?;
        Ok(writer)
    }

    /// Writes a row; `cells` as from [`Style::cells`].
    pub fn row(&mut self, cells: Vec<Vec<u8>>, reason: &str, line: &str) -> io::Result<()> {
        self.line(cells, reason, line)
    }

    fn line(&mut self, mut cells: Vec<Vec<u8>>, reason: &str, line: &str) -> io::Result<()> {
        cells.resize(self.width, Vec::new());
        cells.extend([self.style.encoded(reason), self.style.encoded(line)]);
        let cells: Vec<Vec<u8>> = cells.iter().map(|cell| harmless(cell)).collect();
        let mut row = self.style.join(&cells);
        row.extend_from_slice(self.style.line_end);
        self.write(&row)
    }

    /// `bytes` are in the encoding of cells.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let encoding = self.style.encoding;
        if encoding == UTF_8 || encoding.is_single_byte() {
            return self.out.write_all(bytes);
        }
        let text = String::from_utf8_lossy(bytes);
        if encoding == UTF_16LE || encoding == UTF_16BE {
            let to_bytes = if encoding == UTF_16LE { u16::to_le_bytes } else { u16::to_be_bytes };
            let units: Vec<u8> = text.encode_utf16().flat_map(to_bytes).collect();
            return self.out.write_all(&units);
        }
        self.out.write_all(&encoding.encode(&text).0)
    }

    /// Gives back what was written to.
    pub fn into_inner(self) -> W {
        self.out
    }
}
