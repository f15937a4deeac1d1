//! Which files a source reads, and how they are split.

use super::compression::Compression;
use super::paths::{self, Walk};
use super::{Input, InputFile};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Bytes of a file that one task reads.
const SPLIT_BYTES: u64 = 64 << 20;

/// How files are found and split; for sources that have nothing else to be told.
///
/// ```
/// let options = dpark::FileOptions::new().num_splits(3);
/// let rdd = dpark::DparkContext::local(2).json_lines_with::<String>("Cargo.toml", options);
/// assert_eq!(rdd.num_partitions(), 3);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOptions {
    size: SplitSize,
    walk: Walk,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum SplitSize {
    #[default]
    Default,
    Bytes(u64),
    Count(u64),
}

impl FileOptions {
    /// Splits of 64 MiB; all files below a directory.
    ///
    /// ```
    /// assert_eq!(dpark::FileOptions::new(), dpark::FileOptions::default());
    /// ```
    pub fn new() -> FileOptions {
        FileOptions::default()
    }

    pub(super) fn set_num_splits(&mut self, n: usize) {
        self.size = SplitSize::Count(n as u64);
    }

    pub(super) fn set_split_bytes(&mut self, bytes: u64) {
        self.size = SplitSize::Bytes(bytes);
    }

    pub(super) fn walk(&mut self) -> &mut Walk {
        &mut self.walk
    }

    /// The splits of all files, in order. A split begins at a multiple of `unit` bytes.
    pub(super) fn splits(&self, paths: &[PathBuf], unit: u64) -> Result<Vec<FileSplit>> {
        if matches!(self.size, SplitSize::Bytes(0) | SplitSize::Count(0)) {
            return Err(Error::Invalid("files are read in at least one split of at least one byte".to_owned()));
        }
        let mut splits = Vec::new();
        for path in paths {
            for (path, size) in paths::files(path, &self.walk)? {
                let compression = Compression::of(&path);
                if compression != Compression::None {
                    splits.push(FileSplit { path, start: 0, end: u64::MAX, compression });
                    continue;
                }
                self.cut(&path, 0..size, unit, &mut splits);
            }
        }
        Ok(splits)
    }

    /// Cuts a range of a file.
    pub(super) fn cut(&self, path: &Path, range: std::ops::Range<u64>, unit: u64, splits: &mut Vec<FileSplit>) {
        let size = range.end.saturating_sub(range.start);
        let bytes = match self.size {
            SplitSize::Default => SPLIT_BYTES,
            SplitSize::Bytes(bytes) => bytes,
            SplitSize::Count(n) => size.div_ceil(n),
        };
        let bytes = (bytes / unit).max(1) * unit;
        let mut start = range.start;
        while start < range.end {
            let end = start.saturating_add(bytes).min(range.end);
            splits.push(FileSplit { path: path.to_owned(), start, end, compression: Compression::None });
            start = end;
        }
    }
}

/// A part of a file: the rows that begin in a range of its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSplit {
    pub(super) path: PathBuf,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) compression: Compression,
}

impl FileSplit {
    /// What is in the file, from its start.
    pub(super) fn open(&self, input: &Input) -> Result<Box<dyn Read>> {
        self.compression.open(&self.path, input)
    }

    /// The file, for splits that are not compressed.
    pub(super) fn open_at(&self, offset: u64, input: &Input) -> Result<InputFile> {
        let mut file = input.open(&self.path)?;
        if offset > 0 {
            file.seek(SeekFrom::Start(offset)).map_err(|error| self.error(&error))?;
        }
        Ok(file)
    }

    /// The error of a read.
    #[cold]
    pub(super) fn error(&self, error: &std::io::Error) -> Error {
        self.compression.read_error(&self.path, error)
    }

    /// The first byte at `offset` or behind that is no line end: the number of its line, from 1, and its position.
    /// Reads the file up to there, so it is for errors only.
    #[cold]
    pub(super) fn place(&self, offset: u64, input: &Input) -> String {
        let (mut line, mut place) = (1, offset);
        if input.tolerates() {
            return format!("byte {offset}");
        }
        let Ok(file) = self.open(input) else { return format!("byte {offset}") };
        let mut file = std::io::BufReader::with_capacity(1 << 16, file);
        let mut left = offset;
        while let Ok(bytes @ [_, ..]) = file.fill_buf() {
            let counted = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
            line += memchr::memchr_iter(b'\n', &bytes[..counted]).count() as u64;
            left -= counted as u64;
            let blank = bytes[counted..].iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
            let passed = counted + blank.clone().count();
            place += blank.clone().count() as u64;
            line += blank.filter(|byte| **byte == b'\n').count() as u64;
            if passed < bytes.len() {
                break;
            }
            file.consume(passed);
        }
        format!("line {line} (byte {place})")
    }
}

/// The methods of an options type that concern files; `$example` is a method of the context that takes the options.
macro_rules! file_option_methods {
    ($options:ident, $files:ident $(. $field:ident)*, $example:literal) => {
        impl $options {
            /// Cuts every file into `n` splits of about the same size. Compressed files always are one split.
            ///
            /// ```
            #[doc = concat!("let options = dpark::", stringify!($options), "::new().num_splits(2);")]
            #[doc = concat!("let rdd = dpark::DparkContext::local(2).", $example, "(\"Cargo.toml\", options);")]
            /// assert_eq!(rdd.num_partitions(), 2);
            /// ```
            pub fn num_splits(mut self, n: usize) -> $options {
                let $files = &mut self;
                $files $(.$field)* .set_num_splits(n);
                self
            }

            /// Cuts files into splits of this size; 64 MiB unless told otherwise.
            ///
            /// ```
            #[doc = concat!("let options = dpark::", stringify!($options), "::new().split_bytes(1 << 30);")]
            #[doc = concat!("let rdd = dpark::DparkContext::local(2).", $example, "(\"Cargo.toml\", options);")]
            /// assert_eq!(rdd.num_partitions(), 1);
            /// ```
            #[doc(alias = "splitSize")]
            pub fn split_bytes(mut self, bytes: u64) -> $options {
                let $files = &mut self;
                $files $(.$field)* .set_split_bytes(bytes);
                self
            }

            /// Of the files in directories, only those whose name ends so.
            ///
            /// ```
            #[doc = concat!("let options = dpark::", stringify!($options), "::new().ext(\".no-such-ending\");")]
            #[doc = concat!("let rdd = dpark::DparkContext::local(2).", $example, "(\"src\", options);")]
            /// assert_eq!(rdd.num_partitions(), 0);
            /// ```
            pub fn ext(mut self, ending: impl Into<String>) -> $options {
                let $files = &mut self;
                $files $(.$field)* .walk().ending = ending.into();
                self
            }

            /// How deep to look into directories: 1 means the files right in them, 0 has no limit.
            ///
            /// ```
            #[doc = concat!("let options = dpark::", stringify!($options), "::new().max_depth(1).ext(\"lib.rs\");")]
            #[doc = concat!("let rdd = dpark::DparkContext::local(2).", $example, "(\"src\", options);")]
            /// assert_eq!(rdd.num_partitions(), 1);
            /// ```
            #[doc(alias = "maxdepth")]
            pub fn max_depth(mut self, depth: usize) -> $options {
                let $files = &mut self;
                $files $(.$field)* .walk().max_depth = depth;
                self
            }

            /// Leaves out symbolic links in directories.
            ///
            /// ```
            #[doc = concat!("let options = dpark::", stringify!($options), "::new().skip_links().ext(\"lib.rs\");")]
            #[doc = concat!("let rdd = dpark::DparkContext::local(2).", $example, "(\"src\", options);")]
            /// assert_eq!(rdd.num_partitions(), 1);
            /// ```
            #[doc(alias = "followLink")]
            pub fn skip_links(mut self) -> $options {
                let $files = &mut self;
                $files $(.$field)* .walk().skip_links = true;
                self
            }
        }
    };
}

pub(super) use file_option_methods;

file_option_methods!(FileOptions, options, "json_lines_with::<String>");
