//! `tf_records`: files in TensorFlow's record format.
//!
//! ```text
//! record = length: u64 LE │ masked CRC-32C of those 8 bytes: u32 LE │ data │ masked CRC-32C of the data: u32 LE
//! ```
//!
//! Nothing marks a record's start, so a split looks for the first 12 bytes whose checksum is right. Any data of 8 bytes
//! with its checksum looks like that, so the data that would follow must have the right checksum as well. Data may
//! contain even that (a record file inside a record). Therefore whoever reads the split before checks at its end that
//! its records lead to the very place where the next split begins: a wrong start is an error, never wrong rows.

use super::binary_file::Records;
use super::{Compression, FileOptions, FileSplit, Input, Source, TextPaths, rdd_of};
use crate::context::DparkContext;
use crate::error::{Error, Result};
use crate::rdd::Rdd;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

const HEADER: usize = 12;

/// Records with lengths and checksums.
#[derive(Serialize, Deserialize)]
struct TfRecords {
    paths: Vec<PathBuf>,
    options: FileOptions,
}

impl Source for TfRecords {
    type Row = Vec<u8>;
    type Split = FileSplit;

    fn name(&self) -> &'static str {
        "tf_records"
    }

    fn splits(&self) -> Result<Vec<FileSplit>> {
        self.options.splits(&self.paths, 1)
    }

    fn read(&self, split: &FileSplit, input: &Input) -> Result<impl Iterator<Item = Result<Vec<u8>>> + 'static> {
        let start = if split.start == 0 { 0 } else { first_record(split, split.start, input)? };
        let mut records = Records::open_at(split, start, input)?;
        let input = input.clone();
        Ok(std::iter::from_fn(move || next_record(&mut records, &input).transpose()).fuse())
    }
}

/// The checksum of the format.
pub(crate) fn masked_crc(bytes: &[u8]) -> u32 {
    mask(crc32c::crc32c(bytes))
}

fn mask(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// The length that a header states, if its checksum is right.
fn length_of(header: &[u8; HEADER]) -> Option<u64> {
    let (length, crc) = header.split_first_chunk::<8>()?;
    (crc == masked_crc(length).to_le_bytes()).then(|| u64::from_le_bytes(*length))
}

/// The first place at `from` or behind where a record is, by its checksums; the end of the file if there is none.
fn first_record(split: &FileSplit, from: u64, input: &Input) -> Result<u64> {
    let mut records = Records::open_at(split, from, input)?;
    let mut window = Vec::new();
    let mut buffer = vec![0; 1 << 12];
    loop {
        let n = records.fill(&mut buffer)?;
        window.extend_from_slice(&buffer[..n]);
        let start = records.offset - window.len() as u64;
        for (i, header) in window.array_windows::<HEADER>().enumerate() {
            if let Some(length) = length_of(header)
                && data_is_right(split, start + i as u64 + HEADER as u64, length, input)?
            {
                return Ok(start + i as u64);
            }
        }
        if n == 0 {
            return Ok(records.offset);
        }
        window.drain(..window.len().saturating_sub(HEADER - 1));
    }
}

/// Whether data of that length is followed by its checksum.
fn data_is_right(split: &FileSplit, start: u64, length: u64, input: &Input) -> Result<bool> {
    let size = std::fs::metadata(&split.path).map_err(|error| split.error(&error))?.len();
    if start.checked_add(length).and_then(|end| end.checked_add(4)).is_none_or(|end| end > size) {
        return Ok(false);
    }
    let mut records = Records::open_at(split, start, input)?;
    let (mut buffer, mut crc, mut left) = (vec![0; 1 << 12], 0, length);
    while left > 0 {
        let piece = &mut buffer[..usize::try_from(left).unwrap_or(usize::MAX).min(1 << 12)];
        left -= piece.len() as u64;
        if records.fill(piece)? < piece.len() {
            return Ok(false);
        }
        crc = crc32c::crc32c_append(crc, piece);
    }
    let mut written = [0; 4];
    Ok(records.fill(&mut written)? == 4 && written == mask(crc).to_le_bytes())
}

fn next_record(records: &mut Records, input: &Input) -> Result<Option<Vec<u8>>> {
    if records.offset >= records.split.end { at_end(records, input) } else { read_record(records) }
}

/// Reads a record. If only its data is bad, the next one follows it.
fn read_record(records: &mut Records) -> Result<Option<Vec<u8>>> {
    let start = records.offset;
    let mut header = [0; HEADER];
    match records.fill(&mut header)? {
        0 => return Ok(None),
        HEADER => {}
        _ => return Err(cut_off(records, start)),
    }
    let length = length_of(&header).ok_or_else(|| {
        let problem = corrupt(records, start, "length");
        Error::io(&records.split.path, problem)
    })?;
    let length = usize::try_from(length).map_err(|_| cut_off(records, start))?;
    // The length is not believed before that much has been read.
    let mut data = Vec::new();
    while data.len() < length {
        let have = data.len();
        let more = (length - have).min(have.max(1 << 20));
        records.memory.hold(have + more)?;
        data.resize(have + more, 0);
        if records.fill(&mut data[have..])? < more {
            return Err(cut_off(records, start));
        }
    }
    let mut crc = [0; 4];
    if records.fill(&mut crc)? < crc.len() {
        return Err(cut_off(records, start));
    }
    if crc != masked_crc(&data).to_le_bytes() {
        let problem = corrupt(records, start, "data");
        return Err(Error::bad_record(&records.split.path, problem));
    }
    Ok(Some(data))
}

/// Behind the last record of a split: the next one must begin where this one ended.
fn at_end(records: &mut Records, input: &Input) -> Result<Option<Vec<u8>>> {
    let (split, next) = (records.split.clone(), records.offset);
    if split.compression != Compression::None {
        return Ok(None);
    }
    let found = first_record(&split, split.end, input)?;
    if found == next {
        return Ok(None);
    }
    // Either there is no good record here, or there is one where none should be.
    read_record(records)?;
    let message = format!(
        "the data of a record contains what looks like a record itself (byte {found}), so the file cannot be split there: \
         read it with `FileOptions::new().num_splits(1)`"
    );
    Err(Error::io(&split.path, message))
}

#[cold]
fn cut_off(records: &Records, start: u64) -> Error {
    let problem = format!("the record at byte {start} is cut off: the file ends within it; write the file again");
    Error::io(&records.split.path, problem + unless_nested(&records.split))
}

/// What is wrong with a record whose checksum is.
#[cold]
fn corrupt(records: &Records, start: u64, part: &str) -> String {
    let problem = format!(
        "the record at byte {start} is corrupt: the checksum of its {part} is wrong; is it a TFRecord file? Write it again"
    );
    problem + unless_nested(&records.split)
}

fn unless_nested(split: &FileSplit) -> &'static str {
    match split.start {
        0 => "",
        _ => ", or, if its records contain records, read it with `FileOptions::new().num_splits(1)`",
    }
}

impl DparkContext {
    /// The records of files in TensorFlow's TFRecord format. The checksums of every record are checked; `--err` tolerates
    /// records whose data has a wrong one.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// let ctx = dpark::DparkContext::local(2);
    /// ctx.parallelize(["one", "two"].map(String::from)).save_as_tf_records(dir.path())?;
    /// assert_eq!(ctx.tf_records(dir.path()).collect()?, [b"one", b"two"]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[doc(alias = "tfRecordsFile")]
    #[track_caller]
    pub fn tf_records(&self, paths: impl TextPaths) -> Rdd<Vec<u8>> {
        self.tf_records_with(paths, FileOptions::new())
    }

    /// [`DparkContext::tf_records`] with options.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// let ctx = dpark::DparkContext::local(1);
    /// ctx.range(0, 9).map(|x| [x as u8]).save_as_tf_records(dir.path())?;
    /// let options = dpark::FileOptions::new().num_splits(3);
    /// assert_eq!(ctx.tf_records_with(dir.path(), options).map(|bytes| bytes[0]).collect()?, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn tf_records_with(&self, paths: impl TextPaths, options: FileOptions) -> Rdd<Vec<u8>> {
        tf_records(self, TfRecords { paths: paths.into_paths(), options })
    }
}

#[inline(never)]
#[track_caller]
fn tf_records(context: &DparkContext, source: TfRecords) -> Rdd<Vec<u8>> {
    rdd_of(context, source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_tensorflow() {
        // The header of a record of three bytes, as TensorFlow writes it: the CRC-32C of its length, rotated and
        // shifted.
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(masked_crc(b"123456789"), 0xe306_9283u32.rotate_right(15).wrapping_add(0xa282_ead8));
    }
}
