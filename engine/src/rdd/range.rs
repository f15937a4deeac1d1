//! `range`: numbers that are made as they are needed.

use super::Rdd;
use super::parallelize::no_partitions;
use crate::batch::{Batch, Elem};
use crate::context::DparkContext;
use crate::error::Error;
use crate::node::{Kind, NewNode, Node, SourceNode};
use crate::pipeline::Source;
use crate::ship::{ShipError, Shipper};
use crate::source::ShippedSource;
use crate::task::{Stop, TaskContext};
use crate::vectors::wide_vectors;
use serde::{Deserialize, Serialize};
use std::mem::MaybeUninit;
use std::panic::Location;

/// The source.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Range {
    start: i64,
    step: i64,
    /// How many numbers there are.
    length: i128,
    partitions: usize,
}

#[track_caller]
pub(crate) fn range(context: &DparkContext, start: i64, end: i64) -> Rdd<i64> {
    range_with(context, start, end, 1, context.default_parallelism())
}

#[track_caller]
pub(crate) fn range_with(context: &DparkContext, start: i64, end: i64, step: i64, partitions: usize) -> Rdd<i64> {
    // Wide arithmetic, since a range may span all of `i64`.
    let (distance, width) = (i128::from(end) - i128::from(start), i128::from(step));
    let kind = if step == 0 {
        Kind::Failed(Error::Invalid("range_with: steps of 0 lead nowhere; give another step".to_owned()))
    } else if let Some(error) = no_partitions("range_with", partitions) {
        Kind::Failed(error)
    } else {
        // Rounded up: the last step may go beyond the end.
        let length = ((distance + width - width.signum()) / width).max(0);
        Kind::Source(Box::new(Range { start, step, length, partitions }))
    };
    let (operator, elem, location) = ("range", Elem::<i64>::VT, Location::caller());
    let new = NewNode { operator, elem, partitions, parents: Vec::new(), kind, location };
    Rdd::from_handle(Node::create(&context.0, new))
}

impl Range {
    /// How many numbers there are before a partition.
    fn before(&self, partition: usize) -> i128 {
        self.length * partition as i128 / self.partitions as i128
    }
}

impl SourceNode for Range {
    fn ship(&self, _: &mut Shipper) -> Result<ShippedSource, ShipError> {
        Ok(ShippedSource::Range(self.clone()))
    }

    fn open(&self, partition: usize, _: &TaskContext) -> Result<Box<dyn Source>, Stop> {
        let before = self.before(partition);
        let next = (i128::from(self.start) + before * i128::from(self.step)) as i64;
        Ok(Box::new(Numbers { next, step: self.step, left: self.before(partition + 1) - before }))
    }
}

struct Numbers {
    next: i64,
    step: i64,
    left: i128,
}

impl Source for Numbers {
    fn next_batch(&mut self, out: &mut Batch, _: &TaskContext) -> Result<bool, Stop> {
        let n = self.left.min(out.limit as i128) as usize;
        out.reserve(n);
        // SAFETY: room for `n` numbers was reserved.
        let numbers = unsafe { std::slice::from_raw_parts_mut(out.ptr as *mut MaybeUninit<i64>, n) };
        let (start, step) = (self.next, self.step);
        if step == 1 {
            wide_vectors(
                #[inline(always)]
                || count_up(start, numbers),
            );
        } else {
            count_by(start, step, numbers);
        }
        out.len = n;
        self.next = start.wrapping_add(step.wrapping_mul(n as i64));
        self.left -= n as i128;
        Ok(n > 0)
    }

    fn count_rows(&mut self, _: &TaskContext) -> Result<Option<u64>, Stop> {
        Ok(Some(std::mem::take(&mut self.left) as u64))
    }
}

#[inline(always)]
fn count_up(start: i64, numbers: &mut [MaybeUninit<i64>]) {
    for (i, number) in numbers.iter_mut().enumerate() {
        number.write(start.wrapping_add(i as i64));
    }
}

fn count_by(start: i64, step: i64, numbers: &mut [MaybeUninit<i64>]) {
    let mut next = start;
    for number in numbers {
        number.write(next);
        next = next.wrapping_add(step);
    }
}
