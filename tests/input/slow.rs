//! A CSV reader that is slow and obviously right.

/// One record.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Slow {
    /// Line of its first byte, from 1.
    pub(crate) line: u64,
    /// Its bytes without the line end.
    pub(crate) bytes: Vec<u8>,
    /// Its cells without quotes.
    pub(crate) cells: Vec<Vec<u8>>,
    /// Whether its quotes are as they should be.
    pub(crate) form: Form,
}

/// What is wrong with the quotes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Nothing.
    Sound,
    /// A quote is open when the file ends.
    Unclosed,
    /// Text follows the closing quote of this cell (from 0).
    Malformed(usize),
}

/// Cuts a file with `;` and `"` into records: byte by byte, with everything in memory. A line of nothing but white space is none.
pub(crate) fn slow(file: &[u8]) -> Vec<Slow> {
    let mut records = Vec::new();
    let mut at = 0;
    while at < file.len() {
        if matches!(file[at], b'\r' | b'\n') {
            at += 1;
            continue;
        }
        let before = String::from_utf8_lossy(&file[..at]).into_owned();
        let start = at;
        let (mut cells, mut form) = (vec![Vec::new()], Form::Sound);
        // Whether the cell began with a quote, and whether that is still open.
        let (mut quoted, mut open, mut fresh) = (false, false, true);
        while at < file.len() {
            let last = cells.len() - 1;
            let (byte, next) = (file[at], file.get(at + 1));
            match byte {
                b'"' if open && next == Some(&b'"') => {
                    cells[last].push(b'"');
                    at += 1;
                }
                b'"' if open => open = false,
                b'"' if fresh => (quoted, open) = (true, true),
                b'\r' | b'\n' if !open => break,
                b';' if !open => {
                    cells.push(Vec::new());
                    (quoted, fresh) = (false, true);
                    at += 1;
                    continue;
                }
                byte => {
                    if quoted && !open && form == Form::Sound {
                        form = Form::Malformed(last);
                    }
                    cells[last].push(byte);
                }
            }
            fresh = false;
            at += 1;
        }
        if open && form == Form::Sound {
            form = Form::Unclosed;
        }
        let bytes = file[start..at].to_vec();
        let blank = cells.len() == 1 && form == Form::Sound && bytes.trim_ascii().is_empty();
        if !blank {
            records.push(Slow { line: 1 + line_ends(&before), bytes, cells, form });
        }
    }
    records
}

/// How many lines end in `text`.
pub(crate) fn line_ends(text: &str) -> u64 {
    let text = text.replace("\r\n", "\n");
    text.matches(['\r', '\n']).count() as u64
}
