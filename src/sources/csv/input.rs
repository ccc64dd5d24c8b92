//! The bytes of a file: opened once, decompressed, decoded to something that is cut into records.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, BufReader, Read, Seek};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use encoding_rs::{Decoder, DecoderResult, Encoding};
use flate2::bufread::MultiGzDecoder;
use rustix::fs::OFlags;

/// A gzip file may unpack to so many times its size: real exports reach 5 to 50, the format allows 1032.
const GZIP_RATIO: u64 = 200;
/// Below this size, in bytes, the ratio does not matter.
const GZIP_FREE: u64 = 64 * 1024 * 1024;
/// No gzip file may unpack to more than this, in bytes.
const GZIP_LIMIT: u64 = 16 * 1024 * 1024 * 1024;

/// Stands for what the encoding does not know, in text that was decoded ahead: no UTF-8 text holds this byte, so its row is found bad.
const UNKNOWN: u8 = 0xFF;

/// What tells whether a file is still the one that was opened. Not its time of status change: a backup or a `chmod` changes no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Identity {
    /// Of whatever stands under this path now.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        Ok(Self::of(&std::fs::metadata(path)?))
    }

    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// An opened file, decompressed if its first bytes say gzip (RFC 1952: `1F 8B`).
pub(super) enum Input {
    /// As it is.
    Plain(File),
    /// Unpacked.
    Gzip(Box<Unpacked>),
}

impl Input {
    /// Opens a regular file; anything else is an error without waiting for it.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Identity)> {
        let mut file = open_regular(path)?;
        let identity = Identity::of(&file.metadata()?);
        let mut magic = Vec::with_capacity(2);
        file.by_ref().take(2).read_to_end(&mut magic)?;
        file.rewind()?;
        if magic == [0x1F, 0x8B] {
            let limit = GZIP_LIMIT.min(GZIP_FREE.max(identity.size.saturating_mul(GZIP_RATIO)));
            return Ok((Self::Gzip(Box::new(Unpacked::new(file, limit))), identity));
        }
        Ok((Self::Plain(file), identity))
    }

    /// The same file from its first byte.
    pub(super) fn rewound(self) -> io::Result<Self> {
        match self {
            Self::Plain(mut file) => {
                file.rewind()?;
                Ok(Self::Plain(file))
            }
            Self::Gzip(unpacked) => {
                let mut file = unpacked.decoder.into_inner().into_inner();
                file.rewind()?;
                Ok(Self::Gzip(Box::new(Unpacked::new(file, unpacked.limit))))
            }
        }
    }

    /// What the open file is now, whatever stands under its name.
    pub(super) fn identity(&self) -> io::Result<Identity> {
        let file = match self {
            Self::Plain(file) => file,
            Self::Gzip(unpacked) => unpacked.decoder.get_ref().get_ref(),
        };
        Ok(Identity::of(&file.metadata()?))
    }
}

/// Opens a regular file for reading. What stood under the name when the files were listed may have been replaced since: opening a pipe
/// would wait for somebody to write into it, and a device has no end.
pub(super) fn open_regular(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(rustix::io::Errno::INVAL.into()) }
}

impl Read for Input {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read(into),
            Self::Gzip(unpacked) => unpacked.read(into),
        }
    }
}

/// A gzip file of one or more members, with an end to what it may unpack to.
pub(super) struct Unpacked {
    decoder: MultiGzDecoder<BufReader<File>>,
    /// Bytes that it may give, and has given.
    limit: u64,
    given: u64,
}

impl Unpacked {
    fn new(file: File, limit: u64) -> Self {
        Self { decoder: MultiGzDecoder::new(BufReader::with_capacity(64 * 1024, file)), limit, given: 0 }
    }
}

impl Read for Unpacked {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.decoder.read(into)?;
        self.given += count as u64;
        if self.given > self.limit {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it unpacks to far more than an export would"));
        }
        Ok(count)
    }
}

/// Hands on UTF-8 and single-byte encodings as they are; anything else, such as UTF-16, as UTF-8.
///
/// A single-byte encoding is decoded cell by cell later, so that the row's own bytes are kept.
pub(super) struct Decoded<R> {
    input: R,
    ahead: Option<Ahead>,
}

struct Ahead {
    decoder: Decoder,
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
    finished: bool,
}

impl<R: Read> Decoded<R> {
    /// `input` stands after its byte order mark, if it has one.
    pub(super) fn new(input: R, encoding: &'static Encoding) -> Self {
        let ahead = (encoding != encoding_rs::UTF_8 && !encoding.is_single_byte()).then(|| Ahead {
            decoder: encoding.new_decoder_without_bom_handling(),
            bytes: vec![0; 64 * 1024].into_boxed_slice(),
            start: 0,
            end: 0,
            finished: false,
        });
        Self { input, ahead }
    }

    /// What is read from.
    pub(super) fn get_ref(&self) -> &R {
        &self.input
    }
}

impl<R: Read> Read for Decoded<R> {
    /// `into` must have room for 8 bytes: less may look like the end.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(ahead) = &mut self.ahead else {
            return self.input.read(into);
        };
        loop {
            if ahead.finished {
                return Ok(0);
            }
            if ahead.start == ahead.end {
                ahead.start = 0;
                ahead.end = self.input.read(&mut ahead.bytes)?;
            }
            let count = ahead.decode(into);
            if count > 0 {
                return Ok(count);
            }
        }
    }
}

impl Ahead {
    /// Decodes what is there; without any input left, what the decoder still holds.
    fn decode(&mut self, into: &mut [u8]) -> usize {
        // One byte is kept free for the mark.
        let room = into.len().saturating_sub(1);
        let (Some(target), Some(source)) = (into.get_mut(..room), self.bytes.get(self.start..self.end)) else {
            return 0;
        };
        let last = source.is_empty();
        let (result, read, mut written) = self.decoder.decode_to_utf8_without_replacement(source, target, last);
        self.start += read;
        match result {
            DecoderResult::InputEmpty => self.finished = last,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => {
                if let Some(mark) = into.get_mut(written) {
                    *mark = UNKNOWN;
                    written += 1;
                }
            }
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_pipe_device_or_folder_is_not_opened_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("export.csv");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [&pipe, Path::new("/dev/zero"), folder.path()] {
            assert!(Input::open(path).is_err(), "{}", path.display());
        }
    }

    #[test]
    fn a_gzip_bomb_is_cut_off_at_its_limit() {
        let mut gzip = flate2::write::GzEncoder::new(tempfile::tempfile().unwrap(), flate2::Compression::fast());
        gzip.write_all(&vec![0; 100_000]).unwrap();
        let packed = gzip.finish().unwrap();
        let read = |limit| {
            let mut file = packed.try_clone().unwrap();
            file.rewind().unwrap();
            io::copy(&mut Unpacked::new(file, limit), &mut io::sink())
        };
        assert_eq!(read(100_000).unwrap(), 100_000);
        let error = read(99_999).unwrap_err();
        assert!(error.to_string().contains("unpacks to far more"), "{error}");
    }
}
