//! Compressed files, told by their ending. They are read as a whole: none of the formats can be entered in the middle.

use super::{Input, InputFile};
use crate::error::{Error, Result};
use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Compression {
    None,
    Gzip,
    Bzip2,
    Zstd,
}

/// The endings of compressed files.
const SUFFIXES: [(&str, Compression); 3] =
    [("gz", Compression::Gzip), ("bz2", Compression::Bzip2), ("zst", Compression::Zstd)];

impl Compression {
    pub(crate) fn of(path: &Path) -> Compression {
        let extension = path.extension();
        let found = SUFFIXES.iter().find(|(suffix, _)| extension.is_some_and(|extension| extension == *suffix));
        found.map_or(Compression::None, |(_, compression)| *compression)
    }

    /// What is in a file.
    pub(super) fn open(self, path: &Path, input: &Input) -> Result<Box<dyn Read>> {
        let file = input.open(path)?;
        Ok(match self {
            Compression::None => Box::new(file),
            Compression::Gzip => Box::new(MultiGzDecoder::new(file)),
            Compression::Bzip2 => Box::new(MultiBzDecoder::new(file)),
            Compression::Zstd => Box::new(Zstd::new(file)),
        })
    }

    /// The error of a read, which names the file and how to look into it.
    #[cold]
    pub(super) fn read_error(self, path: &Path, error: &std::io::Error) -> Error {
        let (format, check) = match self {
            Compression::None => return Error::io(path, error),
            Compression::Gzip => ("gzip", "gzip -t"),
            Compression::Bzip2 => ("bzip2", "bzip2 -t"),
            Compression::Zstd => ("zstd", "zstd -t"),
        };
        let corrupt =
            matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::UnexpectedEof);
        if corrupt {
            let message = format!("the {format} data is corrupt or cut off ({error}); check it with `{check}`");
            return Error::io(path, message);
        }
        Error::io(path, error)
    }
}

/// All frames of a zstd file, with their checksums checked. In pure Rust: the C library alone takes as long to build as
/// the whole engine.
struct Zstd {
    source: BufReader<InputFile>,
    decoder: FrameDecoder,
    state: Frame,
}

#[derive(PartialEq)]
enum Frame {
    /// None was read: an empty file is cut off.
    First,
    Open,
    Ended,
}

impl Zstd {
    fn new(file: InputFile) -> Zstd {
        Zstd { source: BufReader::with_capacity(1 << 17, file), decoder: FrameDecoder::new(), state: Frame::First }
    }

    /// Begins the next frame that holds data; false at the end of the file.
    fn next_frame(&mut self) -> std::io::Result<bool> {
        loop {
            if self.state == Frame::Ended && self.source.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.decoder.init(&mut self.source) {
                Ok(()) => {
                    self.state = Frame::Open;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let length = u64::from(length);
                    if std::io::copy(&mut (&mut self.source).take(length), &mut std::io::sink())? < length {
                        return Err(ErrorKind::UnexpectedEof.into());
                    }
                    self.state = Frame::Ended;
                }
                Err(error) => return Err(invalid(error)),
            }
        }
    }

    /// Ends a frame whose data has been taken.
    fn end_frame(&mut self) -> std::io::Result<()> {
        self.state = Frame::Ended;
        match (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum()) {
            (Some(written), calculated) if Some(written) != calculated => Err(invalid("the checksum does not match")),
            _ => Ok(()),
        }
    }
}

impl Read for Zstd {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while !buffer.is_empty() {
            if self.state != Frame::Open && !self.next_frame()? {
                break;
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                self.decoder.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1)).map_err(invalid)?;
            }
            let n = self.decoder.read(buffer)?;
            if n > 0 {
                return Ok(n);
            }
            self.end_frame()?;
        }
        Ok(0)
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> std::io::Error {
    std::io::Error::new(ErrorKind::InvalidData, error)
}
