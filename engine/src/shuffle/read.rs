//! The reduce side.

use super::{MapOutput, Meter};
use crate::batch::Batch;
use crate::codec::{CodecError, Reader};
use crate::context::Context;
use crate::error::Failure;
use crate::ids::ShuffleId;
use crate::node::{Node, ShuffleInput, Shuffled};
use crate::pipeline::{Probe, ProbeVt, Source, build, open_partition};
use crate::sort;
use crate::storage::Reservation;
use crate::table::Buckets;
use crate::task::{Stop, TaskContext};
use std::ops::Range;
use std::sync::Arc;

/// Rows decoded at a time.
const CHUNK: usize = 2048;

/// Reads and merges one reduce partition.
pub(crate) fn read_partition(
    node: &Arc<Node>,
    shuffled: &Shuffled,
    partition: usize,
    task: &TaskContext,
) -> Result<Box<dyn Source>, Stop> {
    if let Some(op) = shuffled.probe {
        return join_partition(node, op, partition, task);
    }
    let context = node.context.arc();
    let closure = shuffled.closure.for_task(task)?;
    let mut table = Buckets::new(shuffled.read.out, 1);
    let mut meter = Meter::new(context.budget.reserve());
    let mut added = 0;
    for (input, ShuffleInput { write, narrow, .. }) in shuffled.inputs.iter().enumerate() {
        // Rows of another type than the stored ones are measured by what was read for them.
        let same = crate::batch::same_type(write.stored, shuffled.read.out);
        let mut source = match narrow {
            true => Box::new(combined_in_place(node, shuffled, input, partition, task)?),
            false => blocks(node, input, partition),
        };
        let mut rows = Batch::new(write.stored);
        rows.limit = CHUNK;
        while source.next_batch(&mut rows, task)? {
            task.check()?;
            added += rows.rows();
            match shuffled.read.merge.get(input) {
                // SAFETY: closure, rows and table have the types of the table of this shuffle.
                Some(merge) => unsafe { merge(closure.ptr(), &mut rows, &mut table) },
                None => rows.move_rows(table.rows_mut(), usize::MAX),
            }
            rows.clear();
            let bytes = match same {
                true => meter.bytes(&table, added, Some(write.codec)),
                false => table.bytes() as u64 + (added * write.stored.size) as u64,
            };
            let bytes = bytes.max(table.rows_mut().bytes() as u64);
            context.reserve(&mut meter.memory, bytes)?;
        }
    }
    let mut rows = std::mem::replace(table.rows_mut(), Batch::new(shuffled.read.out));
    if let Some(vt) = shuffled.sort {
        sort::sort_rows(vt, closure.ptr(), &mut rows, task)?;
    }
    Ok(Box::new(Merged { rows, _memory: meter.memory }))
}

/// A join: the second input becomes a table, past which the rows of the first one flow.
fn join_partition(
    node: &Arc<Node>,
    op: &'static ProbeVt,
    partition: usize,
    task: &TaskContext,
) -> Result<Box<dyn Source>, Stop> {
    let context = node.context.arc();
    let mut tables = Buckets::new(op.table, 1);
    let mut memory = context.budget.reserve();
    let mut right = rows_as_they_are(node, 1, partition, task)?;
    let mut rows = Batch::new(node.parents[1].elem);
    rows.limit = CHUNK;
    while right.next_batch(&mut rows, task)? {
        task.check()?;
        build(op, &mut rows, &mut tables, &mut memory, context)?;
        rows.clear();
    }
    let left = rows_as_they_are(node, 0, partition, task)?;
    Ok(Box::new(Probe::new(op, left, tables, memory)))
}

/// The rows of an input whose map side does not combine.
fn rows_as_they_are(
    node: &Arc<Node>,
    input: usize,
    partition: usize,
    task: &TaskContext,
) -> Result<Box<dyn Source>, Stop> {
    match node.shuffled().is_some_and(|shuffled| shuffled.inputs[input].narrow) {
        true => Ok(Box::new(open_partition(&node.parents[input], partition, task)?)),
        false => Ok(blocks(node, input, partition)),
    }
}

/// What the map side would have made of the partition of a parent that is partitioned as the result is.
fn combined_in_place(
    node: &Arc<Node>,
    shuffled: &Shuffled,
    input: usize,
    partition: usize,
    task: &TaskContext,
) -> Result<Merged, Stop> {
    let (mut tables, memory) = super::write::combine(node, shuffled, input, partition, 1, task)?;
    let rows = std::mem::replace(tables.rows_mut(), Batch::new(shuffled.inputs[input].write.stored));
    Ok(Merged { rows, _memory: memory })
}

/// All blocks of an input for one reduce partition.
fn blocks(node: &Arc<Node>, input: usize, reduce: usize) -> Box<dyn Source> {
    Box::new(Blocks { maps: 0..node.parents[input].partitions, node: Arc::clone(node), input, reduce, open: None })
}

/// The rows of all map partitions for one reduce partition, in the order of the map partitions.
struct Blocks {
    node: Arc<Node>,
    input: usize,
    reduce: usize,
    /// Map partitions not read yet.
    maps: Range<usize>,
    open: Option<Block>,
}

/// One block, partly read.
struct Block {
    output: Arc<MapOutput>,
    map: usize,
    /// Where its next row begins.
    at: usize,
    /// Rows not read yet.
    left: usize,
}

impl Blocks {
    fn shuffle(&self) -> ShuffleId {
        self.node.shuffled().map_or(ShuffleId(0), |shuffled| shuffled.inputs[self.input].shuffle)
    }

    fn open(&self, map: usize, task: &TaskContext) -> Result<Block, Stop> {
        let context: &Context = self.node.context.arc();
        let output = context.shuffles.get(self.shuffle(), map).ok_or_else(|| self.lost(map, "it is gone"))?;
        let bytes = output.block(self.reduce).map_err(|problem| {
            context.shuffles.lose(self.shuffle(), map);
            self.lost(map, &problem)
        })?;
        task.add_shuffle_read(bytes.len() as u64);
        let mut input = Reader::new(bytes);
        let left = input.take_u64().map_err(|error| self.undecodable(map, &error))? as usize;
        let at = bytes.len() - input.remaining();
        Ok(Block { output, map, at, left })
    }

    fn lost(&self, map: usize, message: &str) -> Stop {
        Failure::Lost { shuffle: self.shuffle(), map, message: message.to_owned() }.into()
    }

    fn undecodable(&self, map: usize, error: &CodecError) -> Stop {
        let shuffle = self.shuffle();
        Failure::Other(format!("a row of map output {map} of shuffle {shuffle} cannot be deserialised: {error}")).into()
    }
}

impl Source for Blocks {
    fn next_batch(&mut self, out: &mut Batch, task: &TaskContext) -> Result<bool, Stop> {
        loop {
            if let Some(mut block) = self.open.take_if(|block| block.left > 0) {
                let n = block.left.min(out.limit);
                let bytes = block.output.unchecked_block(self.reduce);
                let mut input = Reader::new(&bytes[block.at..]);
                let codec = self.node.shuffled().map(|shuffled| shuffled.inputs[self.input].write.codec);
                let codec = codec.ok_or_else(|| Failure::Other(format!("RDD {} reads no shuffle", self.node.id)))?;
                // SAFETY: the batch holds rows of the codec's type.
                unsafe { (codec.load)(&mut input, n, out) }.map_err(|error| self.undecodable(block.map, &error))?;
                block.at = bytes.len() - input.remaining();
                block.left -= n;
                self.open = Some(block);
                return Ok(true);
            }
            match self.maps.next() {
                Some(map) => self.open = Some(self.open(map, task)?),
                None => return Ok(false),
            }
        }
    }
}

struct Merged {
    rows: Batch,
    _memory: Reservation,
}

impl Source for Merged {
    fn next_batch(&mut self, out: &mut Batch, _task: &TaskContext) -> Result<bool, Stop> {
        self.rows.move_rows(out, out.limit);
        Ok(!out.is_empty())
    }
}
