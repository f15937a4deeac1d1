//! What a result task does with the rows of its partition.

use super::fold::{Fold, FoldVt, Zero};
use super::save::{SaveSink, Saved};
use crate::batch::{Batch, Selected, SharedBatch};
use crate::closure::Closure;
use crate::codec::CodecVt;
use crate::error::Failure;
use crate::ids::ShuffleId;
use crate::node::Node;
use crate::pipeline::open_partition;
use crate::shuffle::{Kept, Meter, WriteVt};
use crate::sort::{Sample, SortVt, keep_top};
use crate::storage::Reservation;
use crate::storage::{PartWriter, WrittenPart};
use crate::table::Buckets;
use crate::task::{Stop, TaskContext};
use std::sync::Arc;

/// What the action needs of each partition.
pub(crate) enum Sink {
    /// The first `limit` rows.
    Gather { limit: usize, codec: &'static CodecVt },
    /// The number of rows.
    Count,
    /// All rows folded into one value.
    Fold { name: &'static str, vt: &'static FoldVt, closure: Closure, zero: Option<Zero> },
    /// All rows combined by key, as on the map side of a shuffle.
    Combine { write: &'static WriteVt, closure: Closure },
    /// The `n` largest rows.
    Top { vt: &'static SortVt, codec: &'static CodecVt, closure: Closure, n: usize },
    /// Keys for the ranges of a sort.
    Sample {
        vt: &'static SortVt,
        closure: Closure,
        /// The sort whose map side may take the rows.
        keep: Option<Arc<Node>>,
    },
    /// Nothing: they are written to files.
    Save(SaveSink),
    /// Nothing: they are written to a checkpoint.
    Checkpoint(PartWriter),
}

/// What a result task leaves.
pub(crate) enum Output {
    /// Rows, and their share of the budget until they have been taken over.
    Rows(SharedBatch, #[expect(dead_code, reason = "held for its drop")] Reservation),
    Count(u64),
    Sample(SharedBatch, u64),
    Saved(Vec<Saved>),
    Part(WrittenPart),
}

impl Output {
    pub(crate) fn into_rows(self) -> Option<Batch> {
        match self {
            Output::Rows(rows, _) => Some(rows.into_batch()),
            _ => None,
        }
    }

    pub(crate) fn into_saved(self) -> Vec<Saved> {
        match self {
            Output::Saved(files) => files,
            _ => Vec::new(),
        }
    }

    /// Number of rows brought to the driver.
    pub(crate) fn rows(&self) -> usize {
        match self {
            Output::Rows(rows, _) => rows.get().rows(),
            _ => 0,
        }
    }

    pub(crate) fn count(&self) -> u64 {
        match self {
            Output::Count(n) => *n,
            _ => 0,
        }
    }

    pub(crate) fn into_part(self) -> Option<WrittenPart> {
        match self {
            Output::Part(part) => Some(part),
            _ => None,
        }
    }

    pub(crate) fn into_sample(self) -> Option<(SharedBatch, u64)> {
        match self {
            Output::Sample(keys, weight) => Some((keys, weight)),
            _ => None,
        }
    }
}

impl Sink {
    /// The shuffle whose map side may take the rows that are computed.
    pub(super) fn keeps_rows_for(&self) -> Option<ShuffleId> {
        match self {
            Sink::Sample { keep: Some(sort), .. } => sort.shuffled()?.inputs.first().map(|input| input.shuffle),
            _ => None,
        }
    }

    /// Computes one partition.
    pub(super) fn run(&self, node: &Arc<Node>, partition: usize, task: &TaskContext) -> Result<Output, Stop> {
        let context = node.context.arc();
        let mut pipeline = open_partition(node, partition, task)?;
        let mut rows = Batch::new(node.elem);
        let mut memory = context.budget.reserve();
        match self {
            Sink::Gather { limit, .. } => {
                let mut gathered = Batch::new(node.elem);
                while gathered.rows() < *limit && pipeline.next(&mut rows)? {
                    let wanted = limit - gathered.rows();
                    rows.move_rows(&mut gathered, wanted);
                    context.reserve(&mut memory, gathered.bytes() as u64)?;
                }
                task.add_rows(gathered.rows() as u64);
                // SAFETY: actions that bring rows to the driver ask for `Data`.
                Ok(Output::Rows(unsafe { SharedBatch::new(gathered) }, memory))
            }
            Sink::Count => {
                let mut count = pipeline.count_rows()?.unwrap_or(0);
                let mut rows = Selected::new(node.elem);
                while pipeline.next_selected(&mut rows)? {
                    count += rows.count() as u64;
                }
                task.add_rows(count);
                Ok(Output::Count(count))
            }
            Sink::Fold { name, vt, closure, zero } => {
                let fold = Fold { name, vt, closure: closure.for_task(task)?, zero: zero.as_ref(), task };
                let acc = fold.run(&mut pipeline, &mut rows)?;
                // SAFETY: what is folded into is `Data`, or nothing.
                Ok(Output::Rows(unsafe { SharedBatch::new(acc) }, memory))
            }
            Sink::Combine { write, closure } => {
                let closure = closure.for_task(task)?;
                let add = write.add.ok_or_else(|| Failure::Other("rows are combined without a way to".to_owned()))?;
                let mut table = Buckets::new(write.stored, 1);
                let mut meter = Meter::new(memory);
                let mut added = 0;
                while pipeline.next(&mut rows)? {
                    added += rows.rows();
                    // SAFETY: closure, rows and table have the types of the table.
                    unsafe { add(closure.ptr(), &mut rows, &mut table) }
                    let bytes = meter.bytes(&table, added, Some(write.codec));
                    context.reserve(&mut meter.memory, bytes)?;
                }
                task.add_rows(added as u64);
                let combined = std::mem::replace(table.rows_mut(), Batch::new(write.stored));
                // SAFETY: what is combined by key is `Data`.
                Ok(Output::Rows(unsafe { SharedBatch::new(combined) }, meter.memory))
            }
            Sink::Top { vt, closure, n, .. } => {
                let closure = closure.for_task(task)?;
                let mut best = Batch::new(node.elem);
                while pipeline.next(&mut rows)? {
                    task.add_rows(rows.rows() as u64);
                    rows.move_rows(&mut best, usize::MAX);
                    context.reserve(&mut memory, best.bytes() as u64)?;
                    if best.rows() > n.saturating_mul(2).saturating_add(4096) {
                        keep_top(vt, closure.ptr(), &mut best, *n, task)?;
                    }
                }
                keep_top(vt, closure.ptr(), &mut best, *n, task)?;
                // SAFETY: as above.
                Ok(Output::Rows(unsafe { SharedBatch::new(best) }, memory))
            }
            Sink::Sample { vt, closure, keep } => {
                let closure = closure.for_task(task)?;
                let mut sample = Sample::new(vt, partition);
                let mut kept = keep.as_ref().map(|_| Kept::new(context));
                while pipeline.next(&mut rows)? {
                    task.add_rows(rows.rows() as u64);
                    sample.add(vt, closure.ptr(), &rows);
                    if let Some(batches) = &mut kept
                        && !batches.add(&mut rows, context)
                    {
                        kept = None;
                    }
                }
                if let (Some(sort), Some(rows)) = (keep.as_ref().and_then(|sort| sort.shuffled()), kept) {
                    sort.kept.put(partition, rows);
                }
                let weight = sample.weight();
                // SAFETY: `sort_by` asks for keys that are `Data`.
                Ok(Output::Sample(unsafe { SharedBatch::new(sample.keys) }, weight))
            }
            Sink::Checkpoint(parts) => parts.run(&mut pipeline, &mut rows, partition).map(Output::Part),
            Sink::Save(save) => save.run(&mut pipeline, &mut rows, node, partition).map(Output::Saved),
        }
    }
}
