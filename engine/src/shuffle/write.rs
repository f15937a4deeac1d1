//! The map side.

use super::{MapOutput, Meter};
use crate::batch::Batch;
use crate::codec::Writer;
use crate::error::Failure;
use crate::node::Node;
use crate::pipeline::open_partition;
use crate::sort;
use crate::table::Buckets;
use crate::task::{Stop, TaskContext};
use std::sync::Arc;

/// Computes one map partition of input `input` (the rows of `parent`) of a shuffled node and stores its blocks.
pub(crate) fn write_map_output(
    node: &Arc<Node>,
    input: usize,
    parent: &Arc<Node>,
    partition: usize,
    task: &TaskContext,
) -> Result<(), Stop> {
    let context = node.context.arc();
    let shuffled = node.shuffled().ok_or_else(|| Failure::Other(format!("RDD {} has no map side", node.id)))?;
    let write = shuffled.inputs[input].write;
    let closure = shuffled.closure.for_task(task)?;
    let mut pipeline = open_partition(parent, partition, task)?;
    let mut tables = Buckets::new(write.stored, node.partitions);
    let mut meter = Meter::new(context.budget.reserve());
    let mut rows = Batch::new(write.input);
    let mut added = 0;
    while pipeline.next(&mut rows)? {
        let n = rows.rows();
        match write.add {
            // SAFETY: closure, rows and tables have the types of the table of this shuffle.
            Some(add) => unsafe { add(closure.ptr(), &mut rows, &mut tables) },
            None => sort::scatter(shuffled, closure.ptr(), &mut rows, &mut tables)?,
        }
        added += n;
        let bytes = meter.bytes(&tables, added, Some(write.codec));
        context.reserve(&mut meter.memory, bytes)?;
    }
    drop(pipeline);
    task.add_rows(added as u64);
    let blocks = serialise(tables, write.codec, task)?;
    let bytes = blocks.iter().map(|block| block.capacity() as u64).sum();
    context.reserve(&mut meter.memory, bytes)?;
    task.add_shuffle_write(bytes);
    let shuffle = shuffled.inputs[input].shuffle;
    if context.shuffles.put(shuffle, partition, MapOutput::new(blocks, meter.memory)) {
        task.updates().commit();
    }
    Ok(())
}

/// A block: the number of rows, then the rows.
fn serialise(tables: Buckets, codec: &crate::codec::CodecVt, task: &TaskContext) -> Result<Vec<Vec<u8>>, Stop> {
    const CHUNK: usize = 4096;
    let mut blocks = Vec::new();
    for rows in tables.into_rows() {
        let mut out = Writer::default();
        out.put_u64(rows.rows() as u64);
        let mut at = 0;
        while at < rows.rows() {
            task.check()?;
            let n = CHUNK.min(rows.rows() - at);
            // SAFETY: `n` rows from `at` on exist; the codec belongs to their type.
            unsafe { (codec.save)(rows.row(at), n, &mut out) }
                .map_err(|error| Failure::Other(format!("a row cannot be serialised: {error}")))?;
            at += n;
        }
        out.bytes.shrink_to_fit();
        blocks.push(out.bytes);
    }
    Ok(blocks)
}
