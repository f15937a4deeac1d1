//! The map side.

use super::buffers::{Buffers, CACHE};
use super::{MapOutput, Meter};
use crate::batch::Batch;
use crate::codec::{Writer, quickest};
use crate::error::Failure;
use crate::node::{Node, ShuffleInput};
use crate::pipeline::open_partition;
use crate::storage::Reservation;
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
    let ShuffleInput { shuffle, write, .. } = &shuffled.inputs[input];
    let (tables, mut memory) = combine(node, (input, parent), partition, node.partitions, task)?;
    let blocks = serialise(tables, quickest(write.codec, write.stored), task)?;
    if let Some(files) = &context.map_files {
        let written = files.write(*shuffle, partition, task, &blocks)?;
        task.add_shuffle_write(written);
        return Ok(());
    }
    let bytes = blocks.iter().map(|block| block.capacity() as u64).sum();
    context.reserve(&mut memory, bytes)?;
    task.add_shuffle_write(bytes);
    context.shuffles.put(*shuffle, partition, MapOutput::new(blocks, memory));
    Ok(())
}

/// Computes one partition of a parent and moves its rows into tables for `reduces` partitions.
pub(super) fn combine(
    node: &Arc<Node>,
    (input, parent): (usize, &Arc<Node>),
    partition: usize,
    reduces: usize,
    task: &TaskContext,
) -> Result<(Buckets, Reservation), Stop> {
    let context = node.context.arc();
    let shuffled = node.shuffled().ok_or_else(|| Failure::Other(format!("RDD {} has no map side", node.id)))?;
    let write = shuffled.inputs[input].write;
    let closure = shuffled.closure.for_task(task)?;
    let function = closure.ptr();
    let mut source = match shuffled.kept.take(partition) {
        Some(kept) => kept,
        None => Box::new(open_partition(parent, partition, task)?),
    };
    let mut tables = Buckets::for_map(write.stored, write.keys, reduces, shuffled.pieces, partition);
    let mut meter = Meter::new(context.budget.reserve());
    let mut rows = Batch::new(write.input);
    let mut buffers: Option<Buffers> = None;
    let mut may_buffer = true;
    let mut next_look = CACHE;
    let mut added = 0;
    // SAFETY: closure, rows and tables have the types of the table of this shuffle.
    let mut add =
        write.add.map(|add| move |rows: &mut Batch, tables: &mut Buckets| unsafe { add(function, rows, tables) });
    while source.next_batch(&mut rows, task)? {
        added += rows.rows();
        match (&mut add, &mut buffers) {
            (Some(add), Some(buffers)) => buffers.take(&mut rows, &mut tables, add),
            (Some(add), None) => add(&mut rows, &mut tables),
            (None, _) => {
                let Some((vt, ranges)) = shuffled.sort.zip(shuffled.ranges.get()) else {
                    return Err(Failure::Other("the ranges of a sort were not prepared".to_owned()).into());
                };
                ranges.scatter(vt, function, &mut rows, &mut tables, task)?;
            }
        }
        let mut bytes = meter.bytes(&tables, added, Some(write.codec));
        if let Some(add) = &mut add
            && tables.bytes() > next_look
        {
            next_look = tables.bytes() * 2;
            if let Some(dense) = tables.dense_bytes()
                && meter.memory.try_resize(bytes + dense).is_ok()
            {
                buffers.take().into_iter().for_each(|buffers: Buffers| buffers.finish(&mut tables, add));
                tables.make_dense();
                bytes = meter.bytes(&tables, added, Some(write.codec));
            }
        }
        if let (Some(keys), None, true) = (write.keys, &buffers, may_buffer)
            && Buffers::pay_off(write.input, &tables)
            // Where memory is short, rows are combined at once.
            && meter.memory.try_resize(bytes + Buffers::bytes(write.input, &tables)).is_ok()
        {
            buffers = Some(Buffers::new(write.input, &tables, keys.hash));
        }
        if buffers.is_some() {
            bytes += Buffers::bytes(write.input, &tables);
            if meter.memory.try_resize(bytes).is_err()
                && let (Some(buffers), Some(add)) = (buffers.take(), &mut add)
            {
                // Memory has become short: the buffers go first. The order of the rows does not depend on them.
                may_buffer = false;
                buffers.finish(&mut tables, add);
                bytes = meter.bytes(&tables, added, Some(write.codec));
            }
        }
        if tables.is_dense() && meter.memory.try_resize(bytes).is_err() {
            tables.leave_dense();
            bytes = meter.bytes(&tables, added, Some(write.codec));
        }
        context.reserve(&mut meter.memory, bytes)?;
    }
    if let (Some(buffers), Some(add)) = (buffers, &mut add) {
        buffers.finish(&mut tables, add);
        let bytes = meter.bytes(&tables, added, Some(write.codec));
        context.reserve(&mut meter.memory, bytes)?;
    }
    task.add_rows(added as u64);
    Ok((tables, meter.memory))
}

/// A block for each table: the number of rows, then the rows; nothing at all without rows.
fn serialise(tables: Buckets, codec: &crate::codec::CodecVt, task: &TaskContext) -> Result<Vec<Vec<u8>>, Stop> {
    const CHUNK: usize = 4096;
    let mut blocks = Vec::new();
    for rows in tables.into_rows() {
        let mut out = Writer::default();
        if !rows.is_empty() {
            out.bytes.reserve(rows.rows() * rows.elem().size + size_of::<u64>());
            out.put_u64(rows.rows() as u64);
        }
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
