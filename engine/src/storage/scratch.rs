//! The file of a block while it is written: begun on one disk, and moved to the next one if the disk becomes full.

use super::block_file::{BlockFile, BlockReader, BlockWriter, Durability};
use super::cache::BlockId;
use super::chunk::Chunk;
use super::disks::Disks;
use super::work_dir::WorkDir;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes the file of a block in the work directory; unless it is finished, nothing of it stays.
pub(super) struct ScratchWriter {
    disks: Arc<Disks>,
    /// Where it was not tried yet.
    others: std::vec::IntoIter<usize>,
    disk: usize,
    name: String,
    writer: BlockWriter,
}

impl ScratchWriter {
    /// Begins a file that no other block has had.
    pub(super) fn create(work_dir: &WorkDir, (rdd, partition): BlockId) -> io::Result<ScratchWriter> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let unique = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("rdd-{rdd}-{partition}.{unique}");
        let disks = work_dir.disks()?;
        let mut others = disks.tries(unique);
        let mut problem = None;
        while let Some(disk) = others.next() {
            match BlockWriter::create(disks.directory(disk).join(&name)) {
                Ok(writer) => return Ok(ScratchWriter { disks, others, disk, name, writer }),
                Err(error) => {
                    disks.failed(disk, &error);
                    problem.get_or_insert(error);
                }
            }
        }
        Err(problem.unwrap_or_else(|| io::ErrorKind::NotFound.into()))
    }

    /// Appends a chunk. After an error what was written before is still there.
    pub(super) fn write(&mut self, chunk: &Chunk<'_>) -> io::Result<()> {
        let mut written = self.writer.write(chunk);
        while let Err(error) = &written {
            self.disks.failed(self.disk, error);
            let Some(disk) = self.others.next() else { break };
            self.disk = disk;
            if let Ok(moved) = self.writer.copied_to(self.disks.directory(disk).join(&self.name)) {
                self.writer = moved;
                written = self.writer.write(chunk);
            }
        }
        written
    }

    /// Gives the file its name. If that fails, the writer can still give back what was written.
    pub(super) fn finish(&mut self) -> io::Result<BlockFile> {
        self.writer.finish(Durability::Scratch)
    }

    /// Reads back the chunks that were written whole. The file goes with the reader.
    pub(super) fn into_written(self) -> io::Result<BlockReader> {
        self.writer.into_written()
    }
}
