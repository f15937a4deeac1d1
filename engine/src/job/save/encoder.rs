//! Compression of what is written.

use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use std::fs::File;
use std::io::{Result, Write};

/// How files are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) enum Encoding {
    Plain,
    Gzip,
    Zstd,
}

impl Encoding {
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Encoding::Plain => "",
            Encoding::Gzip => ".gz",
            Encoding::Zstd => ".zst",
        }
    }
}

/// A file that is written.
pub(super) enum Encoder {
    Plain(File),
    Gzip(GzEncoder<File>),
    /// Every write is a frame of its own.
    Zstd(File),
}

impl Encoder {
    pub(super) fn new(file: File, encoding: Encoding) -> Encoder {
        match encoding {
            Encoding::Plain => Encoder::Plain(file),
            Encoding::Gzip => Encoder::Gzip(GzEncoder::new(file, flate2::Compression::default())),
            Encoding::Zstd => Encoder::Zstd(file),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Encoder::Plain(file) => file.write_all(bytes),
            Encoder::Gzip(encoder) => encoder.write_all(bytes),
            Encoder::Zstd(file) => file.write_all(&compress_to_vec(bytes, CompressionLevel::Fastest)),
        }
    }

    /// Ends the compressed stream.
    pub(super) fn finish(self) -> Result<File> {
        match self {
            Encoder::Plain(file) | Encoder::Zstd(file) => Ok(file),
            Encoder::Gzip(encoder) => encoder.finish(),
        }
    }
}
