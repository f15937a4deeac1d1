//! `binary_file`: records of a fixed number of bytes.

use super::{Compression, FileOptions, FileSplit, Input, InputMemory, Source, TextPaths, rdd_of};
use crate::context::DparkContext;
use crate::error::{Error, Result};
use crate::rdd::Rdd;
use serde::{Deserialize, Serialize};
use std::io::{BufReader, ErrorKind, Read};
use std::path::PathBuf;

/// Bytes that are read at a time.
pub(super) const BUFFER: usize = 1 << 18;

/// Records of `length` bytes.
#[derive(Serialize, Deserialize)]
struct BinaryFile {
    paths: Vec<PathBuf>,
    options: FileOptions,
    length: usize,
}

impl Source for BinaryFile {
    type Row = Vec<u8>;
    type Split = FileSplit;

    fn name(&self) -> &'static str {
        "binary_file"
    }

    fn splits(&self) -> Result<Vec<FileSplit>> {
        if self.length == 0 {
            return Err(Error::Invalid("binary_file: a record has at least one byte".to_owned()));
        }
        self.options.splits(&self.paths, self.length as u64)
    }

    fn read(&self, split: &FileSplit, input: &Input) -> Result<impl Iterator<Item = Result<Vec<u8>>> + 'static> {
        let mut records = Records::open(split, input)?;
        let length = self.length;
        records.memory.hold(length)?;
        Ok(std::iter::from_fn(move || records.next(length).transpose()))
    }
}

/// A split that is read front to back.
pub(super) struct Records {
    pub(super) split: FileSplit,
    pub(super) memory: InputMemory,
    file: BufReader<Box<dyn Read>>,
    /// Position in the (uncompressed) file.
    pub(super) offset: u64,
}

impl Records {
    pub(super) fn open(split: &FileSplit, input: &Input) -> Result<Records> {
        Records::open_at(split, split.start, input)
    }

    pub(super) fn open_at(split: &FileSplit, offset: u64, input: &Input) -> Result<Records> {
        let file = match split.compression {
            Compression::None => Box::new(split.open_at(offset, input)?),
            _ => split.open(input)?,
        };
        let file = BufReader::with_capacity(BUFFER, file);
        Ok(Records { split: split.clone(), memory: input.memory(), file, offset })
    }

    fn next(&mut self, length: usize) -> Result<Option<Vec<u8>>> {
        if self.offset >= self.split.end {
            return Ok(None);
        }
        let mut record = vec![0; length];
        match self.fill(&mut record)? {
            0 => Ok(None),
            n if n == length => Ok(Some(record)),
            n => {
                let at = self.offset - n as u64;
                let message = format!(
                    "the record at byte {at} has {n} instead of {length} bytes: the file is cut off, or its records have another length"
                );
                Err(Error::io(&self.split.path, message))
            }
        }
    }

    /// Reads until `bytes` is full or the file ends; how much was read.
    pub(super) fn fill(&mut self, bytes: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < bytes.len() {
            match self.file.read(&mut bytes[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.split.error(&error)),
            }
        }
        self.offset += filled as u64;
        Ok(filled)
    }
}

impl DparkContext {
    /// The records of files in which every record has `length` bytes. Splits begin at records; a file that ends within
    /// a record is an error.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("numbers.bin");
    /// std::fs::write(&path, [1u16, 700].map(u16::to_le_bytes).concat()).unwrap();
    /// let records = dpark::DparkContext::local(2).binary_file(&path, 2);
    /// assert_eq!(records.map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]])).collect()?, [1, 700]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[doc(alias = "binaryFile")]
    #[track_caller]
    pub fn binary_file(&self, paths: impl TextPaths, length: usize) -> Rdd<Vec<u8>> {
        self.binary_file_with(paths, length, FileOptions::new())
    }

    /// [`DparkContext::binary_file`] with options; the size of splits is rounded to that of the records.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("numbers.bin");
    /// std::fs::write(&path, [7; 30]).unwrap();
    /// let options = dpark::FileOptions::new().split_bytes(25);
    /// let records = dpark::DparkContext::local(2).binary_file_with(&path, 10, options);
    /// assert_eq!(records.map_partitions(|rows| [rows.count()]).collect()?, [2, 1]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn binary_file_with(&self, paths: impl TextPaths, length: usize, options: FileOptions) -> Rdd<Vec<u8>> {
        binary_file(self, BinaryFile { paths: paths.into_paths(), options, length })
    }
}

#[inline(never)]
#[track_caller]
fn binary_file(context: &DparkContext, source: BinaryFile) -> Rdd<Vec<u8>> {
    rdd_of(context, source)
}
