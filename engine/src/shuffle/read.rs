//! The reduce side.

use super::Meter;
use crate::batch::Batch;
use crate::codec::{CodecVt, Reader};
use crate::context::Context;
use crate::error::Failure;
use crate::ids::ShuffleId;
use crate::node::{Node, Shuffled};
use crate::pipeline::Source;
use crate::sort;
use crate::storage::Reservation;
use crate::table::Buckets;
use crate::task::{Stop, TaskContext};
use std::sync::Arc;

/// Rows decoded at a time.
const CHUNK: usize = 2048;

/// Reads and merges one reduce partition.
pub(crate) fn read_partition(
    node: &Node,
    shuffled: &Shuffled,
    parents: &[Arc<Node>],
    partition: usize,
    task: &TaskContext,
) -> Result<Box<dyn Source>, Stop> {
    let context = node.context.arc();
    let closure = shuffled.closure.for_task(task)?;
    let mut table = Buckets::new(shuffled.read.out, 1);
    let mut meter = Meter::new(context.budget.reserve());
    let mut added = 0;
    for (input, parent) in parents.iter().enumerate() {
        let write = shuffled.inputs[input].write;
        // Rows of another type than the stored ones are measured by what was read for them.
        let same = crate::batch::same_type(write.stored, shuffled.read.out);
        for map in 0..parent.partitions {
            let source = BlockSource { context, shuffle: shuffled.inputs[input].shuffle, map, reduce: partition };
            let mut rows = Batch::new(write.stored);
            source.read(
                write.codec,
                task,
                &mut |rows_left| {
                    added += rows_left.rows();
                    match shuffled.read.merge.get(input) {
                        // SAFETY: closure, rows and table have the types of the table of this shuffle.
                        Some(merge) => unsafe { merge(closure.ptr(), rows_left, &mut table) },
                        None => rows_left.move_rows(table.rows_mut(), usize::MAX),
                    }
                    let bytes = match same {
                        true => meter.bytes(&table, added, Some(write.codec)),
                        false => table.bytes() as u64 + (added * write.stored.size) as u64,
                    };
                    let bytes = bytes.max(table.rows_mut().bytes() as u64);
                    context.reserve(&mut meter.memory, bytes)?;
                    Ok(())
                },
                &mut rows,
            )?;
        }
    }
    let mut rows = std::mem::replace(table.rows_mut(), Batch::new(shuffled.read.out));
    if let Some(vt) = shuffled.sort {
        sort::sort_rows(vt, closure.ptr(), &mut rows, task)?;
    }
    Ok(Box::new(Merged { rows, _memory: meter.memory }))
}

/// One block: a map partition's rows for one reduce partition.
struct BlockSource<'a> {
    context: &'a Context,
    shuffle: ShuffleId,
    map: usize,
    reduce: usize,
}

impl BlockSource<'_> {
    fn read(
        &self,
        codec: &CodecVt,
        task: &TaskContext,
        each: &mut dyn FnMut(&mut Batch) -> Result<(), Stop>,
        rows: &mut Batch,
    ) -> Result<(), Stop> {
        let output = self.context.shuffles.get(self.shuffle, self.map).ok_or_else(|| self.lost("it is gone"))?;
        let bytes = output.block(self.reduce).map_err(|problem| {
            self.context.shuffles.lose(self.shuffle, self.map);
            self.lost(&problem)
        })?;
        task.add_shuffle_read(bytes.len() as u64);
        let mut input = Reader::new(bytes);
        let undecodable = |error: crate::codec::CodecError| {
            let (shuffle, map) = (self.shuffle, self.map);
            Failure::Other(format!("a row of map output {map} of shuffle {shuffle} cannot be deserialised: {error}"))
        };
        let mut left = input.take_u64().map_err(undecodable)? as usize;
        while left > 0 {
            task.check()?;
            let n = left.min(CHUNK);
            // SAFETY: the batch holds rows of the codec's type.
            unsafe { (codec.load)(&mut input, n, rows) }.map_err(undecodable)?;
            each(rows)?;
            rows.clear();
            left -= n;
        }
        Ok(())
    }

    fn lost(&self, message: &str) -> Stop {
        Failure::Lost { shuffle: self.shuffle, map: self.map, message: message.to_owned() }.into()
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
