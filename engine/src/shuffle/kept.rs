//! Rows of a sort's input that were computed to find its ranges: the map side takes them instead of computing them again.

use crate::batch::{Batch, ElemVt, SharedBatch};
use crate::context::Context;
use crate::pipeline::Source;
use crate::storage::Reservation;
use crate::task::{Stop, TaskContext};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The rows of some partitions.
#[derive(Default)]
pub(crate) struct KeptRows(Mutex<HashMap<usize, Kept>>);

/// The rows of one partition, as the batches that they came in.
pub(crate) struct Kept {
    batches: Vec<SharedBatch>,
    memory: Reservation,
}

impl KeptRows {
    pub(crate) fn put(&self, partition: usize, rows: Kept) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(partition, rows);
    }

    /// Lets go of rows that nobody has taken: the map side has run elsewhere.
    pub(super) fn clear(&self) {
        let kept = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        drop(kept);
    }

    /// The rows of a partition; they are given once.
    pub(super) fn take(&self, partition: usize) -> Option<Box<dyn Source>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&partition)?;
        kept.batches.reverse();
        Some(Box::new(kept))
    }
}

impl Kept {
    pub(crate) fn new(context: &Context) -> Kept {
        Kept { batches: Vec::new(), memory: context.budget.reserve() }
    }

    /// Keeps the rows of a batch, which is empty then; false if they would take memory that others may need.
    pub(crate) fn add(&mut self, rows: &mut Batch, context: &Context) -> bool {
        let bytes = self.memory.bytes() + rows.bytes() as u64;
        let fits = context.budget.used() + (rows.bytes() as u64) < context.budget.limit() / 2
            && self.memory.try_resize(bytes).is_ok();
        if fits {
            let empty = Batch::new(rows.elem());
            // SAFETY: a sort asks for rows that are `Data`, hence `Send + Sync`.
            self.batches.push(unsafe { SharedBatch::new(std::mem::replace(rows, empty)) });
        }
        fits
    }
}

/// Whether rows of a type may be kept: what they own elsewhere is not measured here.
pub(crate) fn may_be_kept(elem: &'static ElemVt) -> bool {
    elem.drop.is_none() && elem.size > 0
}

impl Source for Kept {
    fn next_batch(&mut self, out: &mut Batch, task: &TaskContext) -> Result<bool, Stop> {
        task.check()?;
        let Some(batch) = self.batches.pop() else { return Ok(false) };
        *out = batch.into_batch();
        let left = self.memory.bytes().saturating_sub(out.bytes() as u64);
        // To give back never fails.
        let _ = self.memory.try_resize(left);
        Ok(true)
    }
}
