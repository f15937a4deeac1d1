//! Reading a partition of a persisted RDD: from its block, or by computing it and storing a block on the way.

use super::cache::{BlockId, NewBlock, Stored};
use super::chunk::{Encoder, OwnedChunk};
use super::reading::{Decoder, Reading};
use super::scratch::ScratchWriter;
use super::{Persisted, Reservation, StorageLevel, heap_estimate};
use crate::batch::{Batch, SharedBatch};
use crate::codec::CodecVt;
use crate::context::Context;
use crate::error::Failure;
use crate::node::Node;
use crate::pipeline::{Pipeline, Source, open_uncached};
use crate::task::{Stop, TaskContext};
use std::sync::Arc;

/// Starts to read a partition of a node that is marked as persisted.
pub(crate) fn cached_partition(node: &Arc<Node>, persisted: Persisted, partition: usize) -> Box<dyn Source> {
    // What is missing is opened when its first row is asked for: by then another reader may have stored it.
    let state = match node.context.arc().cache.get((node.id, partition)) {
        Some(stored) => State::Stored(Reading::new(stored)),
        None => State::Missing,
    };
    Box::new(CachedSource { node: Arc::clone(node), persisted, partition, state, passed: 0, skip: 0 })
}

struct CachedSource {
    node: Arc<Node>,
    persisted: Persisted,
    partition: usize,
    state: State,
    /// Rows that were passed on.
    passed: usize,
    /// Rows to leave out: they were passed on before their block turned out to be corrupt.
    skip: usize,
}

enum State {
    /// To be computed.
    Missing,
    /// In the store.
    Stored(Reading),
    /// Could not be stored: what was gathered before that was known, then the rest as it comes.
    Streaming { before: Option<Decoder>, gathered: Batch, rest: Box<Pipeline> },
}

impl Source for CachedSource {
    fn next_batch(&mut self, out: &mut Batch, task: &TaskContext) -> Result<bool, Stop> {
        loop {
            // Rows that may have to be left out are not borrowed.
            out.may_borrow &= self.skip == 0;
            if let State::Missing = self.state {
                self.state = self.fill(task)?;
            }
            let more = match &mut self.state {
                State::Missing => false,
                State::Stored(reading) => match reading.next_batch(self.persisted, out) {
                    Ok(more) => more,
                    Err(_) => {
                        let corrupt = reading.stored.clone();
                        out.clear();
                        self.compute_again(&corrupt);
                        continue;
                    }
                },
                State::Streaming { before, gathered, rest } => {
                    let codec = self.persisted.vt.codec;
                    let read = before.as_mut().map_or(Ok(false), |before| before.next_batch(codec, out));
                    if read.map_err(|problem| unreadable(&self.node, self.partition, &problem))? {
                        true
                    } else if !gathered.is_empty() || rest.next(gathered)? {
                        gathered.move_rows(out, out.limit);
                        true
                    } else {
                        false
                    }
                }
            };
            if !more {
                return Ok(false);
            }
            let again = self.skip.min(out.rows());
            if again > 0 {
                self.skip -= again;
                out.retain_indices(&mut |row| row >= again);
            }
            if !out.is_empty() {
                self.passed += out.rows();
                return Ok(true);
            }
        }
    }
}

impl CachedSource {
    fn id(&self) -> BlockId {
        (self.node.id, self.partition)
    }

    fn context(&self) -> &Context {
        self.node.context.arc()
    }

    /// The block is corrupt: it goes, and its rows come from the lineage, the same ones in the same order.
    fn compute_again(&mut self, corrupt: &Stored) {
        self.context().cache.discard(self.id(), corrupt);
        self.skip = self.passed;
        self.state = State::Missing;
    }

    /// Computes the partition and stores it, if it fits.
    fn fill(&self, task: &TaskContext) -> Result<State, Stop> {
        // Another reader may have been faster: one in this task even, where an RDD is joined or zipped with itself.
        if let Some(stored) = self.context().cache.get(self.id()) {
            return Ok(State::Stored(Reading::new(stored)));
        }
        let pipeline = open_uncached(&self.node, self.partition, task)?;
        match self.persisted.level {
            StorageLevel::Memory | StorageLevel::MemoryAndDisk => self.gather(pipeline, task),
            StorageLevel::Disk => self.write(Batch::new(self.node.elem), self.no_memory(), pipeline, task),
            StorageLevel::MemorySerialized => self.serialise(pipeline),
        }
    }

    /// Stores the rows in memory.
    fn gather(&self, mut pipeline: Pipeline, task: &TaskContext) -> Result<State, Stop> {
        let Persisted { vt, level } = self.persisted;
        let mut gathered = Batch::new(self.node.elem);
        let mut rows = Batch::new(self.node.elem);
        let mut memory = self.context().budget.reserve();
        let mut heap = 0;
        while pipeline.next(&mut rows)? {
            heap += heap_estimate(&rows, vt.codec);
            rows.move_rows(&mut gathered, usize::MAX);
            if !self.context().reserve_for_cache(&mut memory, gathered.bytes() as u64 + heap, self.node.id) {
                return match level {
                    StorageLevel::MemoryAndDisk => self.write(gathered, memory, pipeline, task),
                    _ => Ok(State::Streaming { before: None, gathered, rest: Box::new(pipeline) }),
                };
            }
        }
        // SAFETY: `persist` asks for rows that are `Data`, hence `Send + Sync`.
        let rows = Arc::new(unsafe { SharedBatch::new(gathered) });
        let spill = (level == StorageLevel::MemoryAndDisk).then_some(vt.codec);
        Ok(self.store(Stored::Rows(rows), memory, spill))
    }

    /// Stores the rows as bytes in memory.
    fn serialise(&self, mut pipeline: Pipeline) -> Result<State, Stop> {
        let mut encoder = Encoder::new(self.persisted.vt.codec);
        let mut rows = Batch::new(self.node.elem);
        let mut memory = self.context().budget.reserve();
        let (mut chunks, mut bytes) = (Vec::new(), 0);
        let mut fits = true;
        while fits && pipeline.next(&mut rows)? {
            let mut at = 0;
            while at < rows.rows() {
                at += encoder.add(&rows, at)?;
                if encoder.is_complete() {
                    take_chunk(&mut encoder, &mut chunks, &mut bytes);
                    fits = fits && self.context().reserve_for_cache(&mut memory, bytes, self.node.id);
                }
            }
        }
        take_chunk(&mut encoder, &mut chunks, &mut bytes);
        fits = fits && self.context().reserve_for_cache(&mut memory, bytes, self.node.id);
        let chunks = Arc::new(chunks);
        if fits {
            return Ok(self.store(Stored::Chunks(chunks), memory, None));
        }
        let before = Decoder::memory(chunks, self.node.elem);
        Ok(State::Streaming { before: Some(before), gathered: Batch::new(self.node.elem), rest: Box::new(pipeline) })
    }

    /// Stores the rows that were gathered, and the rest, in a file. If the disks are full, the partition is not stored, and
    /// the rows come from what was written and from what was not.
    fn write(
        &self,
        gathered: Batch,
        memory: Reservation,
        mut rest: Pipeline,
        task: &TaskContext,
    ) -> Result<State, Stop> {
        let elem = self.node.elem;
        let codec = self.persisted.vt.codec;
        let mut writer = match ScratchWriter::create(&self.context().cache.work_dir, self.id()) {
            Ok(writer) => writer,
            Err(error) => {
                self.context().cache.not_stored(self.id(), error.to_string());
                return Ok(State::Streaming { before: None, gathered, rest: Box::new(rest) });
            }
        };
        let mut encoder = Encoder::new(codec);
        let mut rows = gathered;
        let mut memory = Some(memory);
        let mut at = 0;
        let problem = loop {
            if at < rows.rows() {
                task.check()?;
                at += encoder.add(&rows, at)?;
            } else {
                at = 0;
                if memory.is_some() {
                    // The rows gathered before may be many.
                    rows = Batch::new(elem);
                    memory = None;
                }
                if !rest.next(&mut rows)? {
                    let last = if encoder.is_empty() { Ok(()) } else { writer.write(&encoder.chunk()) };
                    if let Err(error) = last {
                        break error;
                    }
                    encoder.clear();
                    match writer.finish() {
                        Ok(file) => return Ok(self.store(Stored::File(Arc::new(file)), self.no_memory(), None)),
                        Err(error) => break error,
                    }
                }
            }
            if encoder.is_complete() {
                if let Err(error) = writer.write(&encoder.chunk()) {
                    break error;
                }
                encoder.clear();
            }
        };
        self.context().cache.not_stored(self.id(), problem.to_string());
        let unreadable = |problem: String| unreadable(&self.node, self.partition, &problem);
        let written = writer.into_written().map_err(|error| unreadable(error.to_string()))?;
        let before = Decoder::file(written, elem);
        let mut unwritten = Batch::new(elem);
        encoder.chunk().load(codec, &mut unwritten).map_err(unreadable)?;
        rows.retain_indices(&mut |row| row >= at);
        rows.move_rows(&mut unwritten, usize::MAX);
        Ok(State::Streaming { before: Some(before), gathered: unwritten, rest: Box::new(rest) })
    }

    fn no_memory(&self) -> Reservation {
        self.context().budget.reserve()
    }

    fn store(&self, stored: Stored, memory: Reservation, spill: Option<&'static CodecVt>) -> State {
        let reading = Reading::new(stored.clone());
        let level = self.persisted.level;
        let wanted = || self.node.cached().is_some_and(|persisted| persisted.level == level);
        self.context().cache.put(NewBlock { id: self.id(), stored, memory, spill }, &wanted);
        State::Stored(reading)
    }
}

fn take_chunk(encoder: &mut Encoder, chunks: &mut Vec<OwnedChunk>, bytes: &mut u64) {
    if !encoder.is_empty() {
        let chunk = encoder.chunk().to_owned();
        encoder.clear();
        *bytes += chunk.memory();
        chunks.push(chunk);
    }
}

fn unreadable(node: &Node, partition: usize, problem: &str) -> Stop {
    let id = node.id;
    Failure::Other(format!("what was written of partition {partition} of RDD {id} cannot be read back: {problem}"))
        .into()
}
