//! Files of rows: persisted partitions in the work directory, and the parts of a checkpoint. All integers are little
//! endian.
//!
//! ```text
//! file    magic "dparkrow" | version u8 | rows u64 | bytes of the chunks u64 | digest u32 | checksum of all this u32 | chunks
//! chunk   rows u64 | length u64 | checksum of both and of the bytes u32 | bytes
//! ```
//!
//! The digest is the checksum of the chunks' checksums, so that a missing or exchanged chunk is noticed at the end. A file
//! has a temporary name until it is complete.

use super::chunk::Chunk;
use crate::batch::Batch;
use crate::codec::CodecVt;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

const MAGIC: [u8; 8] = *b"dparkrow";
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 33;
const CHUNK_HEADER_BYTES: usize = 20;

/// What a file holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contents {
    pub(crate) rows: u64,
    /// Bytes of the chunks, with their headers.
    pub(crate) bytes: u64,
    digest: crc32fast::Hasher,
}

impl Contents {
    fn add(&mut self, chunk: &Chunk<'_>) {
        self.rows += chunk.rows;
        self.bytes += (CHUNK_HEADER_BYTES + chunk.bytes.len()) as u64;
        self.digest.update(&chunk.checksum.to_le_bytes());
    }

    pub(crate) fn digest(&self) -> u32 {
        self.digest.clone().finalize()
    }

    /// Bytes of the whole file.
    pub(crate) fn file_bytes(&self) -> u64 {
        HEADER_BYTES as u64 + self.bytes
    }

    fn header(&self) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(&MAGIC);
        header[8] = VERSION;
        header[9..17].copy_from_slice(&self.rows.to_le_bytes());
        header[17..25].copy_from_slice(&self.bytes.to_le_bytes());
        header[25..29].copy_from_slice(&self.digest().to_le_bytes());
        let checksum = crc32fast::hash(&header[..29]);
        header[29..].copy_from_slice(&checksum.to_le_bytes());
        header
    }
}

/// Whether a finished file survives a crash of the machine.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Durability {
    /// It is of no use to another process.
    Scratch,
    /// It is on the disk before it gets its name.
    Synced,
}

/// Writes a file; unless it is finished, nothing of it stays.
pub(crate) struct BlockWriter {
    file: File,
    temporary: Temporary,
    path: PathBuf,
    contents: Contents,
}

/// A temporary name; the file of that name is removed with it.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // After the file got its real name there is none of this name.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl BlockWriter {
    pub(crate) fn create(path: PathBuf) -> std::io::Result<BlockWriter> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let unique = NEXT.fetch_add(1, Ordering::Relaxed);
        let temporary = path.with_file_name(format!(".{name}.{}-{unique}.tmp", std::process::id()));
        let file = File::options().read(true).write(true).create_new(true).open(&temporary)?;
        let mut writer = BlockWriter { file, temporary: Temporary(temporary), path, contents: Contents::default() };
        writer.file.write_all(&[0; HEADER_BYTES])?;
        Ok(writer)
    }

    pub(crate) fn write(&mut self, chunk: &Chunk<'_>) -> std::io::Result<()> {
        let mut header = [0; CHUNK_HEADER_BYTES];
        header[..8].copy_from_slice(&chunk.rows.to_le_bytes());
        header[8..16].copy_from_slice(&(chunk.bytes.len() as u64).to_le_bytes());
        header[16..].copy_from_slice(&chunk.checksum.to_le_bytes());
        self.file.write_all(&header)?;
        self.file.write_all(chunk.bytes)?;
        self.contents.add(chunk);
        Ok(())
    }

    pub(crate) fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Gives the file its name. If that fails, the writer can still give back what was written.
    pub(crate) fn finish(&mut self, durability: Durability) -> std::io::Result<BlockFile> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&self.contents.header())?;
        if durability == Durability::Synced {
            self.file.sync_all()?;
        }
        std::fs::rename(&self.temporary.0, &self.path)?;
        Ok(BlockFile { path: self.path.clone(), bytes: self.contents.file_bytes() })
    }

    /// A writer that goes on in another file, with all chunks that were written whole in it.
    pub(crate) fn copied_to(&mut self, path: PathBuf) -> std::io::Result<BlockWriter> {
        let mut copy = BlockWriter::create(path)?;
        self.file.seek(SeekFrom::Start(HEADER_BYTES as u64))?;
        let copied = std::io::copy(&mut (&self.file).take(self.contents.bytes), &mut copy.file)?;
        if copied != self.contents.bytes {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        copy.contents = self.contents.clone();
        Ok(copy)
    }

    /// Reads back the chunks that were written whole. The file goes with the reader.
    pub(crate) fn into_written(mut self) -> std::io::Result<BlockReader> {
        self.file.seek(SeekFrom::Start(HEADER_BYTES as u64))?;
        let digest = self.contents.digest();
        Ok(BlockReader::new(self.file, self.contents.rows, self.contents.bytes, digest))
    }
}

/// Reads a file and verifies it on the way.
pub(crate) struct BlockReader {
    file: File,
    rows_left: u64,
    bytes_left: u64,
    digest: u32,
    seen: crc32fast::Hasher,
    buffer: Vec<u8>,
}

impl BlockReader {
    fn new(file: File, rows_left: u64, bytes_left: u64, digest: u32) -> BlockReader {
        BlockReader { file, rows_left, bytes_left, digest, seen: crc32fast::Hasher::new(), buffer: Vec::new() }
    }

    /// Opens a file, or tells what is wrong with it.
    pub(crate) fn open(path: &Path) -> Result<BlockReader, String> {
        let mut file = File::open(path).map_err(|error| error.to_string())?;
        let length = file.metadata().map_err(|error| error.to_string())?.len();
        let mut header = [0; HEADER_BYTES];
        file.read_exact(&mut header).map_err(|_| "it is cut off".to_owned())?;
        if header[..8] != MAGIC {
            return Err("it does not begin as a file of rows does".to_owned());
        }
        if header[8] != VERSION {
            return Err(format!("it has version {} of the format, this engine reads version {VERSION}", header[8]));
        }
        if number(&header[29..]) != u64::from(crc32fast::hash(&header[..29])) {
            return Err("the checksum of its header is wrong".to_owned());
        }
        let (rows, bytes, digest) = (number(&header[9..17]), number(&header[17..25]), number(&header[25..29]));
        if length != HEADER_BYTES as u64 + bytes {
            return Err(format!("it has {length} bytes instead of {}", HEADER_BYTES as u64 + bytes));
        }
        Ok(BlockReader::new(file, rows, bytes, digest as u32))
    }

    pub(crate) fn file_bytes(&self) -> u64 {
        HEADER_BYTES as u64 + self.bytes_left
    }

    /// Rows not read yet, and the digest of all chunks, as the header says.
    pub(crate) fn promised(&self) -> (u64, u32) {
        (self.rows_left, self.digest)
    }

    /// Reads the rows of the next chunk to the end of the batch; `false` if there is none.
    pub(crate) fn load(&mut self, codec: &CodecVt, out: &mut Batch) -> Result<bool, String> {
        if self.bytes_left == 0 {
            let whole = self.rows_left == 0 && self.seen.clone().finalize() == self.digest;
            return if whole { Ok(false) } else { Err("chunks are missing or were exchanged".to_owned()) };
        }
        let mut header = [0; CHUNK_HEADER_BYTES];
        self.read_exact_or_cut(&mut header)?;
        let (rows, length, checksum) = (number(&header[..8]), number(&header[8..16]), number(&header[16..]) as u32);
        let left = self.bytes_left.checked_sub(CHUNK_HEADER_BYTES as u64 + length);
        self.bytes_left = left.ok_or_else(|| "the length of a chunk is wrong".to_owned())?;
        self.rows_left = self.rows_left.checked_sub(rows).ok_or_else(|| "it has too many rows".to_owned())?;
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(usize::try_from(length).map_err(|_| "a chunk is too long".to_owned())?, 0);
        self.read_exact_or_cut(&mut buffer)?;
        self.seen.update(&checksum.to_le_bytes());
        Chunk { rows, checksum, bytes: &buffer }.load(codec, out)?;
        self.buffer = buffer;
        Ok(true)
    }

    fn read_exact_or_cut(&mut self, bytes: &mut [u8]) -> Result<(), String> {
        self.file.read_exact(bytes).map_err(|error| format!("it cannot be read to its end: {error}"))
    }
}

/// The little endian number in up to eight bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A finished file, removed with its last owner unless it is kept.
#[derive(Debug)]
pub(crate) struct BlockFile {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
}

impl BlockFile {
    /// Leaves the file where it is.
    pub(crate) fn keep(mut self) {
        drop(std::mem::take(&mut self.path));
        std::mem::forget(self);
    }
}

impl Drop for BlockFile {
    fn drop(&mut self) {
        // It may have gone with the whole work directory.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::super::chunk::Encoder;
    use super::*;
    use crate::batch::Elem;
    use crate::codec::Codec;

    fn written(directory: &Path, rows: Vec<u64>) -> PathBuf {
        let path = directory.join("block");
        let mut writer = BlockWriter::create(path.clone()).unwrap();
        let (batch, mut encoder, mut at) = (Batch::from_vec(rows), Encoder::new(Codec::<u64>::VT), 0);
        while at < batch.rows() {
            at += encoder.add(&batch, at).unwrap();
            writer.write(&encoder.chunk()).unwrap();
            encoder.clear();
        }
        writer.finish(Durability::Scratch).unwrap().keep();
        path
    }

    fn read(path: &Path) -> Result<Vec<u64>, String> {
        let mut reader = BlockReader::open(path)?;
        let mut rows = Batch::new(Elem::<u64>::VT);
        while reader.load(Codec::<u64>::VT, &mut rows)? {}
        // SAFETY: the batch was made for these rows.
        Ok(unsafe { rows.into_vec() })
    }

    #[test]
    fn files_are_read_as_they_were_written() {
        let directory = tempfile::tempdir().unwrap();
        for n in [0, 1, 100_000] {
            let rows: Vec<u64> = (0..n).collect();
            assert_eq!(read(&written(directory.path(), rows.clone())), Ok(rows));
        }
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn every_flipped_or_missing_byte_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let path = written(directory.path(), vec![1, 2, 3]);
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            std::fs::write(&path, damaged).unwrap();
            assert!(read(&path).is_err(), "byte {at} flipped");
            std::fs::write(&path, &whole[..at]).unwrap();
            assert!(read(&path).is_err(), "cut off at {at}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(read(&path).is_err());
    }

    #[test]
    fn an_unfinished_file_can_be_read_back_and_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let mut writer = BlockWriter::create(directory.path().join("block")).unwrap();
        let mut encoder = Encoder::new(Codec::<u64>::VT);
        encoder.add(&Batch::from_vec(vec![4u64, 5]), 0).unwrap();
        writer.write(&encoder.chunk()).unwrap();
        let mut reader = writer.into_written().unwrap();
        let mut rows = Batch::new(Elem::<u64>::VT);
        assert!(reader.load(Codec::<u64>::VT, &mut rows).unwrap());
        assert!(!reader.load(Codec::<u64>::VT, &mut rows).unwrap());
        assert_eq!((rows.rows(), std::fs::read_dir(directory.path()).unwrap().count()), (2, 0));
    }
}
