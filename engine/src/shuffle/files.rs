//! Map outputs on disk, for reduce tasks in other processes: a data file with the blocks of one map partition one after the
//! other, and an index that tells where each begins and what its bytes must be. The layout is drawn in `docs/formats.md`.
//!
//! The blocks of a reduce partition are neighbours, so one range of the data file has all of them. A reader asks the index
//! for that range, reads it from the disk or over HTTP, and has the index check and decompress each block of it.

mod index;
#[cfg(test)]
mod tests;

pub(crate) use index::Index;

use crate::error::Failure;
use crate::ids::{ShuffleId, TaskId};
use crate::net::secret::Secret;
use crate::storage::Disks;
use crate::task::TaskContext;
use index::Form;
use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Larger blocks are not compressed: the format of compressed blocks ends at 2 GB.
const LARGEST_COMPRESSED: usize = 1 << 30;

/// Of a longer block so many bytes are compressed to see whether it pays: a third should be saved. Numbers, for one, are as soon
/// read from the disk as compressed.
const SAMPLE: usize = 16 << 10;

/// A complete map output.
#[cfg_attr(not(test), expect(dead_code, reason = "tests look at the files"))]
#[derive(Debug)]
pub(crate) struct MapFile {
    pub(crate) data: PathBuf,
    pub(crate) index: PathBuf,
    /// Bytes of the blocks before they were compressed.
    pub(crate) raw_bytes: u64,
    /// Bytes of both files.
    pub(crate) file_bytes: u64,
}

/// Writes the blocks of one map partition below `dir`. The attempt keeps two tasks apart that compute the same partition. Both
/// files have temporary names until they are complete, and the index comes last: where there is one, all is there. After an
/// error nothing is.
pub(crate) fn write_map_file<'a>(
    dir: &Path,
    shuffle: ShuffleId,
    map: usize,
    attempt: TaskId,
    blocks: impl Iterator<Item = &'a [u8]>,
    secret: &Secret,
) -> io::Result<MapFile> {
    let (data_name, index_name) = names(shuffle, map, attempt);
    let mut data = Draft::create(dir.join(data_name))?;
    let mut index = Index::new(shuffle, map);
    let mut compressor = Compressor::default();
    let mut raw_bytes = 0;
    for raw in blocks {
        raw_bytes += raw.len() as u64;
        let (form, stored) = compressor.compress(raw);
        data.write(stored)?;
        index.add(form, raw.len(), stored, secret);
    }
    let index_bytes = index.to_bytes(secret);
    let mut index_file = Draft::create(dir.join(index_name))?;
    index_file.write(&index_bytes)?;
    index_file.flush()?;
    let data = data.publish()?;
    let file_bytes = index.data_bytes() + index_bytes.len() as u64;
    match index_file.publish() {
        Ok(index) => Ok(MapFile { data, index, raw_bytes, file_bytes }),
        Err(error) => {
            // Without an index nobody looks at it.
            let _ = std::fs::remove_file(data);
            Err(error)
        }
    }
}

/// Where an executor writes its map outputs.
#[derive(Debug)]
pub(crate) struct MapFiles {
    pub(crate) disks: Arc<Disks>,
    pub(crate) secret: Secret,
}

impl MapFiles {
    /// Writes the map output that a task has made; the bytes written.
    pub(super) fn write(
        &self,
        shuffle: ShuffleId,
        map: usize,
        task: &TaskContext,
        blocks: &[Vec<u8>],
    ) -> Result<u64, Failure> {
        let written = self.disks.write(task.id().0, |directory| {
            let blocks = blocks.iter().map(Vec::as_slice);
            write_map_file(directory, shuffle, map, task.id(), blocks, &self.secret)
        });
        written.map(|file| file.file_bytes).map_err(|error| Failure::Io {
            path: self.disks.to_string(),
            message: format!("a map output cannot be written ({error}); free some space, or name another `work_dir`"),
        })
    }

    /// Removes the map outputs of a shuffle.
    pub(crate) fn remove(&self, shuffle: ShuffleId) {
        let prefix = format!("shuffle-{shuffle}-");
        for entry in self.disks.directories().flat_map(std::fs::read_dir).flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                // What cannot be removed goes with the directory.
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

/// The names of the files of a map output: data, index.
pub(crate) fn names(shuffle: ShuffleId, map: usize, attempt: TaskId) -> (String, String) {
    let name = format!("shuffle-{shuffle}-{map}.{attempt}");
    (format!("{name}.data"), format!("{name}.index"))
}

/// What compressing needs, used again for each block.
#[derive(Default)]
struct Compressor {
    table: CompressTable,
    buffer: Vec<u8>,
}

impl Compressor {
    /// The block as it is stored: compressed if that pays, by the look of its beginning.
    fn compress<'a>(&'a mut self, raw: &'a [u8]) -> (Form, &'a [u8]) {
        let sample = &raw[..raw.len().min(SAMPLE)];
        if raw.len() <= LARGEST_COMPRESSED
            && (raw.len() <= SAMPLE || self.compressed(sample).is_some_and(|length| length <= sample.len() / 3 * 2))
            && let Some(length) = self.compressed(raw).filter(|length| *length < raw.len())
        {
            return (Form::Lz4, &self.buffer[..length]);
        }
        (Form::Plain, raw)
    }

    /// Compresses into the buffer; the bytes there.
    fn compressed(&mut self, raw: &[u8]) -> Option<usize> {
        let room = get_maximum_output_size(raw.len());
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
        compress_into_with_table(raw, &mut self.buffer, &mut self.table).ok()
    }
}

/// A file that is not complete yet. It goes with this value unless it is published.
struct Draft {
    path: PathBuf,
    temporary: PathBuf,
    file: BufWriter<File>,
}

impl Draft {
    fn create(path: PathBuf) -> io::Result<Draft> {
        let temporary = path.with_added_extension("tmp");
        let file = File::create(&temporary).map_err(|error| about(&temporary, error))?;
        Ok(Draft { path, temporary, file: BufWriter::with_capacity(256 << 10, file) })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes).map_err(|error| about(&self.path, error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush().map_err(|error| about(&self.path, error))
    }

    /// Gives the file its name.
    fn publish(mut self) -> io::Result<PathBuf> {
        self.flush()?;
        std::fs::rename(&self.temporary, &self.path).map_err(|error| about(&self.path, error))?;
        Ok(std::mem::take(&mut self.path))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Of a published file there is none.
        let _ = std::fs::remove_file(&self.temporary);
    }
}

fn about(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
