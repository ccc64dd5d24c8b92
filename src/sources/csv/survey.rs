//! The first pass over a file: what it is, judged by all of its bytes.

use std::io::{self, Read};

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// What the first pass found.
#[derive(Debug, PartialEq)]
pub(super) struct Survey {
    /// The encoding to read with.
    pub(super) encoding: &'static Encoding,
    /// Length of the byte order mark, in bytes; 0 without one.
    pub(super) bom: usize,
    /// Length of the file, unpacked, in bytes.
    pub(super) size: u64,
    /// The file ends with a line end.
    pub(super) ends_line: bool,
}

/// Reads `input` to its end and judges its encoding.
///
/// A byte order mark wins over `configured`, as everywhere (WHATWG Encoding, 6.1: it is more authoritative than anything else).
/// Without either, NUL in every second byte of the beginning is UTF-16. Else it is UTF-8 if at least as many sequences of the whole file
/// are valid as are not, and Windows-1252 if not: in a Windows-1252 text hardly any letter looks like UTF-8, and in a UTF-8 export with a
/// damaged row all other rows do, which must not be turned into `Ã©` for the sake of one.
pub(super) fn survey(input: &mut impl Read, configured: Option<&'static Encoding>) -> io::Result<Survey> {
    let mut tally = Tally::default();
    let mut head = Vec::with_capacity(HEAD);
    let mut tail = [0; 2];
    let mut size = 0;
    let mut buffer = vec![0; 256 * 1024];
    // Bytes of a sequence that the last block cut, moved to the buffer's start.
    let mut carried = 0;
    loop {
        let count = input.read(buffer.get_mut(carried..).unwrap_or_default())?;
        if count == 0 {
            break;
        }
        let block = buffer.get_mut(..carried + count).unwrap_or_default();
        let fresh = block.get(carried..).unwrap_or_default();
        size += count as u64;
        head.extend(fresh.iter().take(HEAD - head.len()));
        for byte in fresh.iter().skip(count.saturating_sub(2)) {
            tail = [tail[1], *byte];
        }
        let cut = tally.count(block);
        block.copy_within(block.len() - cut.., 0);
        carried = cut;
    }
    if carried > 0 {
        tally.invalid += 1;
    }
    let (encoding, bom) = match Encoding::for_bom(&head) {
        Some(marked) => marked,
        None => (configured.or_else(|| utf16(&head)).unwrap_or_else(|| tally.verdict()), 0),
    };
    Ok(Survey { encoding, bom, size, ends_line: ends_line(tail, encoding) })
}

/// So many bytes of the beginning tell UTF-16: a header, which is ASCII in all but a letter or two.
const HEAD: usize = 128;

/// UTF-16 without a byte order mark: nearly every second byte is NUL, and the others are not.
fn utf16(head: &[u8]) -> Option<&'static Encoding> {
    let pairs = head.len() / 2;
    let nul = |offset: usize| head.chunks_exact(2).filter(|pair| pair.get(offset) == Some(&0)).count();
    let mostly = |count: usize| count * 4 > pairs * 3;
    let hardly = |count: usize| count * 4 < pairs;
    match (nul(0), nul(1)) {
        (high, low) if mostly(low) && hardly(high) => Some(UTF_16LE),
        (high, low) if mostly(high) && hardly(low) => Some(UTF_16BE),
        _ => None,
    }
}

fn ends_line(tail: [u8; 2], encoding: &'static Encoding) -> bool {
    let last = match tail {
        [unit, 0] if encoding == UTF_16LE => unit,
        [0, unit] if encoding == UTF_16BE => unit,
        _ if encoding == UTF_16LE || encoding == UTF_16BE => return false,
        [_, last] => last,
    };
    matches!(last, b'\r' | b'\n')
}

/// Sequences of more than one byte, by whether UTF-8 knows them.
#[derive(Debug, Default)]
struct Tally {
    valid: u64,
    invalid: u64,
}

impl Tally {
    /// Counts in `bytes` and says how many of its last bytes are the beginning of a sequence.
    fn count(&mut self, bytes: &[u8]) -> usize {
        if bytes.is_ascii() {
            return 0;
        }
        let mut rest = bytes;
        loop {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    self.valid += sequences(text.as_bytes());
                    return 0;
                }
                Err(error) => {
                    let (good, bad) = rest.split_at(error.valid_up_to());
                    self.valid += sequences(good);
                    let Some(length) = error.error_len() else {
                        return bad.len();
                    };
                    self.invalid += 1;
                    rest = bad.get(length..).unwrap_or_default();
                }
            }
        }
    }

    fn verdict(&self) -> &'static Encoding {
        if self.valid >= self.invalid { UTF_8 } else { WINDOWS_1252 }
    }
}

/// The number of characters beyond ASCII in valid UTF-8: that of leading bytes.
fn sequences(valid: &[u8]) -> u64 {
    valid.iter().filter(|byte| **byte >= 0xC0).count() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoding(bytes: &[u8]) -> &'static str {
        survey(&mut &bytes[..], None).unwrap().encoding.name()
    }

    /// Hands out `step` bytes at a time.
    struct Dribble<'a>(&'a [u8], usize);

    impl Read for Dribble<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(into.len());
            (&mut self.0).take(count as u64).read(into)
        }
    }

    #[test]
    fn one_damaged_character_does_not_turn_all_the_others_into_another_encoding() {
        assert_eq!(encoding("é;é\n".as_bytes()), "UTF-8");
        assert_eq!(encoding(b"\xC3\xA9\n\xC3\xA9\n\xE9\n"), "UTF-8");
        assert_eq!(encoding(b"\xC3\xA9\n\xC3"), "UTF-8", "a file cut inside a character");
        assert_eq!(encoding(b"\xE9\n"), "windows-1252");
        assert_eq!(encoding(b"1;Andr\xE9"), "windows-1252", "no other letter speaks for UTF-8");
        assert_eq!(encoding(b"CAF\xC9\xBB \xE9\xE8\n"), "windows-1252");
    }

    #[test]
    fn utf_16_is_known_by_its_mark_and_by_its_zeros() {
        assert_eq!(encoding(b"\xFF\xFEi\0d\0"), "UTF-16LE");
        assert_eq!(encoding(b"\xFE\xFF\0i\0d"), "UTF-16BE");
        assert_eq!(encoding(b"i\0d\0\n\x001\0"), "UTF-16LE");
        assert_eq!(encoding(b"\0i\0d\0\n\x001"), "UTF-16BE");
        assert_eq!(encoding(b"id\n1\0\n"), "UTF-8", "a NUL is not UTF-16");
        assert_eq!(encoding(&[0; 64]), "UTF-8", "nor is a file full of them");
    }

    #[test]
    fn a_byte_order_mark_wins_over_the_configuration_which_wins_over_the_rest() {
        let with = |bytes: &[u8]| survey(&mut &bytes[..], Some(WINDOWS_1252)).unwrap();
        assert_eq!(with(b"\xEF\xBB\xBFid").encoding, UTF_8);
        assert_eq!(with(b"\xEF\xBB\xBFid").bom, 3);
        assert_eq!(with("é".as_bytes()).encoding, WINDOWS_1252);
    }

    #[test]
    fn the_last_line_end_is_seen_in_every_encoding() {
        let ends = |bytes: &[u8]| survey(&mut &bytes[..], None).unwrap().ends_line;
        assert!(ends(b"id\n") && ends(b"id\r") && ends(b"\xFF\xFEi\0\n\0"));
        assert!(ends(b"\xFE\xFF\0i\0\n"));
        assert!(!ends(b"id") && !ends(b"\xFF\xFEi\0\x0A\x01") && !ends(b"\xFF\xFEi\0\n"));
    }

    proptest! {
        #[test]
        fn the_size_of_the_blocks_changes_nothing(bytes in any::<Vec<u8>>(), step in 1..7_usize) {
            let whole = survey(&mut &bytes[..], None).unwrap();
            prop_assert_eq!(survey(&mut Dribble(&bytes, step), None).unwrap(), whole);
        }
    }
}
