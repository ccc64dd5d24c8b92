//! The ways in which a text may be read: as it stands, and without the escapes of addresses, forms, pages and JSON.

use super::mask::COMPOSED;

/// A letter, and the bytes of the text that it is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) c: char,
    /// The first byte.
    pub(super) start: usize,
    /// The byte after the last one.
    pub(super) end: usize,
}

/// Escapes within escapes are read so deep.
const DEPTH: usize = 3;

/// Every reading of the text, which is composed (NFC); only one if it has neither an escape nor a plus sign, which stands for a space in a form.
pub(super) fn readings(text: &str) -> Vec<Vec<Letter>> {
    let plain: Vec<Letter> =
        text.char_indices().map(|(start, c)| Letter { c, start, end: start + c.len_utf8() }).collect();
    let form = text.contains('+').then(|| {
        let space = |letter: &Letter| Letter { c: if letter.c == '+' { ' ' } else { letter.c }, ..*letter };
        plain.iter().map(space).collect()
    });
    let mut readings = Vec::new();
    for mut reading in [Some(plain), form].into_iter().flatten() {
        for _ in 0..DEPTH {
            let Some(next) = decoded(&reading) else { break };
            readings.push(std::mem::replace(&mut reading, composed(&next)));
        }
        readings.push(reading);
    }
    readings
}

/// The letters without one layer of escapes; `None` if there is none.
fn decoded(letters: &[Letter]) -> Option<Vec<Letter>> {
    let mut out = Vec::new();
    let (mut rest, mut has_escapes) = (letters, false);
    while let Some((first, after)) = rest.split_first() {
        let escape = match first.c {
            '%' => percent(rest),
            '&' => entity(rest),
            '\\' => json(rest),
            _ => None,
        };
        if let Some((meant, length)) = escape {
            has_escapes = true;
            out.extend(meant);
            rest = rest.get(length..).unwrap_or_default();
        } else {
            out.push(*first);
            rest = after;
        }
    }
    has_escapes.then_some(out)
}

/// What an escape stands for, and of how many letters it is.
type Escape = Option<(Vec<Letter>, usize)>;

/// `c` in place of the first `length` letters.
fn one(letters: &[Letter], c: char, length: usize) -> Escape {
    let (first, last) = (letters.first()?, letters.get(length.checked_sub(1)?)?);
    Some((vec![Letter { c, start: first.start, end: last.end }], length))
}

/// `%C3%A9`: bytes of UTF-8, or else of Latin-1.
fn percent(letters: &[Letter]) -> Escape {
    let byte = |escape: &[Letter]| match escape {
        [sign, high, low] if sign.c == '%' => u8::try_from(high.c.to_digit(16)? * 16 + low.c.to_digit(16)?).ok(),
        _ => None,
    };
    let bytes: Vec<u8> = letters.chunks_exact(3).map_while(byte).collect();
    let mut out = Vec::new();
    let mut done = 0;
    let mut add = |c: char, bytes: usize| {
        let meant = one(letters.get(done * 3..).unwrap_or_default(), c, bytes * 3);
        out.extend(meant.into_iter().flat_map(|(meant, _)| meant));
        done += bytes;
    };
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|c| add(c, c.len_utf8()));
        chunk.invalid().iter().for_each(|byte| add(char::from(*byte), 1));
    }
    (!out.is_empty()).then_some((out, bytes.len() * 3))
}

/// `\u00e9`, also in two halves, and a sign after a backslash.
fn json(letters: &[Letter]) -> Escape {
    let unit = |at: usize| match letters.get(at..at + 6)? {
        [slash, u, digits @ ..] if slash.c == '\\' && u.c == 'u' => {
            digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + digit.c.to_digit(16)?))
        }
        _ => None,
    };
    match (unit(0), letters.get(1)?.c) {
        (Some(high @ 0xd800..=0xdbff), _) => {
            let low = unit(6).filter(|low| (0xdc00..=0xdfff).contains(low))?;
            one(letters, char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))?, 12)
        }
        (Some(unit), _) => one(letters, char::from_u32(unit)?, 6),
        (None, sign @ ('/' | '"' | '\\')) => one(letters, sign, 2),
        (None, _) => None,
    }
}

/// The longest name of an entity that is known, with its number sign: `#x10FFFF`.
const LONGEST_NAME: usize = 8;

/// `&eacute;`, `&#233;`, `&#xe9;`: by number, the letters of Latin-1 by name, and the signs that a page cannot do without.
fn entity(letters: &[Letter]) -> Escape {
    let name: String =
        letters.iter().skip(1).take(LONGEST_NAME + 1).map(|letter| letter.c).take_while(|c| *c != ';').collect();
    let length = name.chars().count() + 2;
    if letters.get(length - 1)?.c != ';' {
        return None;
    }
    let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
    let c = match name.strip_prefix('#') {
        Some(digits) => match digits.strip_prefix(['x', 'X']) {
            Some(digits) => number(digits, 16)?,
            None => number(digits, 10)?,
        },
        None => named(&name)?,
    };
    one(letters, c, length)
}

/// Names of the letters from U+00C0 to U+00FF, in this order.
const LATIN_1: [&str; 64] = [
    "Agrave", "Aacute", "Acirc", "Atilde", "Auml", "Aring", "AElig", "Ccedil", "Egrave", "Eacute", "Ecirc", "Euml",
    "Igrave", "Iacute", "Icirc", "Iuml", "ETH", "Ntilde", "Ograve", "Oacute", "Ocirc", "Otilde", "Ouml", "times",
    "Oslash", "Ugrave", "Uacute", "Ucirc", "Uuml", "Yacute", "THORN", "szlig", "agrave", "aacute", "acirc", "atilde",
    "auml", "aring", "aelig", "ccedil", "egrave", "eacute", "ecirc", "euml", "igrave", "iacute", "icirc", "iuml",
    "eth", "ntilde", "ograve", "oacute", "ocirc", "otilde", "ouml", "divide", "oslash", "ugrave", "uacute", "ucirc",
    "uuml", "yacute", "thorn", "yuml",
];

fn named(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        _ => {
            let place = LATIN_1.iter().position(|known| *known == name)?;
            char::from_u32(0xc0 + u32::try_from(place).ok()?)
        }
    }
}

/// The letters composed (NFC). No ASCII letter is composed with one before it: what is between two of them is one piece, and stands in the text where
/// the whole piece stands if composing changes it.
fn composed(letters: &[Letter]) -> Vec<Letter> {
    let mut out = Vec::with_capacity(letters.len());
    for piece in letters.chunk_by(|_, next| !next.c.is_ascii()) {
        let text: String = piece.iter().map(|letter| letter.c).collect();
        match (piece.first(), piece.last()) {
            (Some(first), Some(last)) if !COMPOSED.is_normalized(&text) => {
                let (start, end) = (first.start, last.end);
                out.extend(COMPOSED.normalize(&text).chars().map(|c| Letter { c, start, end }));
            }
            _ => out.extend(piece),
        }
    }
    out
}
