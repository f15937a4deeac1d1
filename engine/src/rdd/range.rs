//! `range`: numbers that are made as they are needed.

use super::Rdd;
use crate::batch::{Batch, Elem};
use crate::context::DparkContext;
use crate::node::{Kind, NewNode, Node, SourceNode};
use crate::pipeline::Source;
use crate::task::{Stop, TaskContext};
use crate::vectors::wide_vectors;
use std::mem::MaybeUninit;
use std::panic::Location;

struct Range {
    start: i64,
    end: i64,
    partitions: usize,
}

#[track_caller]
pub(crate) fn range(context: &DparkContext, start: i64, end: i64) -> Rdd<i64> {
    let partitions = context.default_parallelism();
    Rdd::from_handle(Node::create(
        &context.0,
        NewNode {
            operator: "range",
            elem: Elem::<i64>::VT,
            partitions,
            parents: Vec::new(),
            kind: Kind::Source(Box::new(Range { start, end: end.max(start), partitions })),
            location: Location::caller(),
        },
    ))
}

impl Range {
    /// The first number of a partition; wide arithmetic, since a range may span all of `i64`.
    fn bound(&self, partition: usize) -> i64 {
        let length = i128::from(self.end) - i128::from(self.start);
        let offset = length * partition as i128 / self.partitions as i128;
        (i128::from(self.start) + offset) as i64
    }
}

impl SourceNode for Range {
    fn open(&self, partition: usize, _: &TaskContext) -> Result<Box<dyn Source>, Stop> {
        Ok(Box::new(Numbers { next: self.bound(partition), end: self.bound(partition + 1) }))
    }
}

struct Numbers {
    next: i64,
    end: i64,
}

impl Source for Numbers {
    fn next_batch(&mut self, out: &mut Batch, _: &TaskContext) -> Result<bool, Stop> {
        let left = i128::from(self.end) - i128::from(self.next);
        let n = left.min(out.limit as i128) as usize;
        out.reserve(n);
        // SAFETY: room for `n` numbers was reserved.
        let numbers = unsafe { std::slice::from_raw_parts_mut(out.ptr as *mut MaybeUninit<i64>, n) };
        let start = self.next;
        wide_vectors!(count_up(start, numbers));
        out.len = n;
        self.next = self.next.wrapping_add(n as i64);
        Ok(n > 0)
    }
}

#[inline(always)]
fn count_up(start: i64, numbers: &mut [MaybeUninit<i64>]) {
    for (i, number) in numbers.iter_mut().enumerate() {
        number.write(start.wrapping_add(i as i64));
    }
}
