//! Ordering rows by keys: ranges from samples, placement of rows by range, stable sort. All of it is non-generic but two
//! small loops: extracting keys and comparing two of them.

use crate::batch::{Batch, ElemVt, SharedBatch};
use crate::error::Failure;
use crate::node::Shuffled;
use crate::table::Buckets;
use crate::task::{Stop, TaskContext};
use std::cmp::Ordering;

/// How rows are ordered.
#[derive(Debug)]
pub struct SortVt {
    /// The keys' type.
    pub key: &'static ElemVt,
    /// Appends the keys of `n` rows to a batch. Arguments: closure, rows, n, keys.
    pub extract: unsafe fn(*const u8, *const u8, usize, &mut Batch),
    /// Compares two keys.
    pub compare: unsafe fn(*const u8, *const u8) -> Ordering,
}

impl SortVt {
    /// The keys of all rows of a batch.
    fn keys(&self, closure: *const u8, rows: &Batch) -> Batch {
        let mut keys = Batch::new(self.key);
        keys.reserve(rows.rows());
        // SAFETY: callers pass the closure and rows this table was made for.
        unsafe { (self.extract)(closure, rows.row(0), rows.rows(), &mut keys) }
        keys
    }

    fn compare(&self, a: *const u8, b: *const u8) -> Ordering {
        // SAFETY: callers pass addresses of keys of this table's type.
        unsafe { (self.compare)(a, b) }
    }
}

/// Places rows in the partitions of their key ranges.
pub(crate) fn scatter(
    shuffled: &Shuffled,
    closure: *const u8,
    rows: &mut Batch,
    tables: &mut Buckets,
) -> Result<(), Stop> {
    let (Some(vt), Some(bounds)) = (shuffled.sort, shuffled.bounds.get()) else {
        return Err(Failure::Other("the ranges of a sort were not prepared".to_owned()).into());
    };
    let bounds = bounds.get();
    let keys = vt.keys(closure, rows);
    let size = rows.elem().size;
    for i in 0..keys.rows() {
        // The number of bounds below the key.
        let (mut low, mut high) = (0, bounds.rows());
        while low < high {
            let middle = (low + high) / 2;
            match vt.compare(bounds.row(middle), keys.row(i)) {
                Ordering::Less => low = middle + 1,
                _ => high = middle,
            }
        }
        // SAFETY: the first row moves to fresh memory of the same row type.
        unsafe { std::ptr::copy_nonoverlapping(rows.row(0), tables.append(low), size) }
        rows.head += 1;
    }
    Ok(())
}

/// Sorts rows by key; equal keys stay in order.
pub(crate) fn sort_rows(
    vt: &'static SortVt,
    closure: *const u8,
    rows: &mut Batch,
    task: &TaskContext,
) -> Result<(), Stop> {
    let keys = vt.keys(closure, rows);
    let order = sort_indices(keys.rows(), &mut |a, b| vt.compare(keys.row(a as usize), keys.row(b as usize)), task)?;
    rows.permute(&order);
    Ok(())
}

/// Keeps the `n` rows with the largest keys, largest first; among equal keys the earlier row wins.
pub(crate) fn keep_top(
    vt: &'static SortVt,
    closure: *const u8,
    rows: &mut Batch,
    n: usize,
    task: &TaskContext,
) -> Result<(), Stop> {
    let keys = vt.keys(closure, rows);
    let order = sort_indices(keys.rows(), &mut |a, b| vt.compare(keys.row(b as usize), keys.row(a as usize)), task)?;
    rows.permute(&order);
    rows.truncate(n);
    Ok(())
}

/// The stable sorting permutation of `0..n`. A merge sort of our own, because it has to notice a cancelled task.
pub(crate) fn sort_indices(
    n: usize,
    compare: &mut dyn FnMut(u32, u32) -> Ordering,
    task: &TaskContext,
) -> Result<Vec<u32>, Stop> {
    const RUN: usize = 4096;
    let n = u32::try_from(n).map_err(|_| {
        Failure::Other("a partition has more than four thousand million rows to sort; use more partitions".to_owned())
    })?;
    let mut order: Vec<u32> = (0..n).collect();
    for run in order.chunks_mut(RUN) {
        task.check()?;
        run.sort_by(|a, b| compare(*a, *b));
    }
    let mut merged = Vec::with_capacity(order.len());
    let mut width = RUN;
    while width < order.len() {
        merged.clear();
        for pair in order.chunks(width * 2) {
            let (left, right) = pair.split_at(width.min(pair.len()));
            merge(left, right, &mut merged, compare, task)?;
        }
        std::mem::swap(&mut order, &mut merged);
        width *= 2;
    }
    Ok(order)
}

fn merge(
    mut left: &[u32],
    mut right: &[u32],
    out: &mut Vec<u32>,
    compare: &mut dyn FnMut(u32, u32) -> Ordering,
    task: &TaskContext,
) -> Result<(), Stop> {
    while let (Some((l, left_rest)), Some((r, right_rest))) = (left.split_first(), right.split_first()) {
        if out.len().is_multiple_of(4096) {
            task.check()?;
        }
        if compare(*r, *l) == Ordering::Less {
            out.push(*r);
            right = right_rest;
        } else {
            out.push(*l);
            left = left_rest;
        }
    }
    out.extend_from_slice(left);
    out.extend_from_slice(right);
    Ok(())
}

/// Keys sampled from one partition. A row is taken if the hash of its number is a multiple of `stride`, which doubles each
/// time the sample is full: an even sample of any number of rows, the same in every run.
pub(crate) struct Sample {
    pub(crate) keys: Batch,
    numbers: Vec<u64>,
    pub(crate) stride: u64,
    seen: u64,
}

/// Keys kept for each partition.
const SAMPLE: usize = 1024;

impl Sample {
    pub(crate) fn new(vt: &'static SortVt) -> Sample {
        Sample { keys: Batch::new(vt.key), numbers: Vec::new(), stride: 1, seen: 0 }
    }

    pub(crate) fn add(&mut self, vt: &'static SortVt, closure: *const u8, rows: &Batch) {
        for i in 0..rows.rows() {
            let number = self.seen;
            self.seen += 1;
            if !chosen(number, self.stride) {
                continue;
            }
            // SAFETY: closure and row are those the table was made for.
            unsafe { (vt.extract)(closure, rows.row(i), 1, &mut self.keys) }
            self.numbers.push(number);
            while self.numbers.len() >= SAMPLE {
                self.stride *= 2;
                let Sample { keys, numbers, stride, .. } = self;
                keys.retain_indices(&mut |i| chosen(numbers[i], *stride));
                numbers.retain(|number| chosen(*number, *stride));
            }
        }
    }
}

fn chosen(number: u64, stride: u64) -> bool {
    crate::hash::hash_key(&number) & (stride - 1) == 0
}

/// The largest keys of all of `partitions` partitions but the last, so that each gets about as many rows.
pub(crate) fn bounds(
    vt: &'static SortVt,
    samples: Vec<(SharedBatch, u64)>,
    partitions: usize,
    task: &TaskContext,
) -> Result<SharedBatch, Stop> {
    let mut keys = Batch::new(vt.key);
    let mut weights = Vec::new();
    for (sample, weight) in samples {
        let mut sample = sample.into_batch();
        weights.extend(std::iter::repeat_n(weight, sample.rows()));
        sample.move_rows(&mut keys, usize::MAX);
    }
    let order = sort_indices(keys.rows(), &mut |a, b| vt.compare(keys.row(a as usize), keys.row(b as usize)), task)?;
    let total: u64 = weights.iter().sum();
    let mut chosen = Vec::new();
    let mut below = 0;
    for &i in &order {
        below += weights[i as usize];
        let next = total * (chosen.len() as u64 + 1) / partitions as u64;
        if below >= next && chosen.len() + 1 < partitions {
            chosen.push(i);
        }
    }
    keys.permute(&order);
    let keep: std::collections::HashSet<u32> = chosen.into_iter().collect();
    keys.retain_indices(&mut |i| keep.contains(&order[i]));
    // SAFETY: `sort_by` asks for keys that are `Data`, hence `Send + Sync`.
    Ok(unsafe { SharedBatch::new(keys) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_stably_across_runs() {
        let values: Vec<u32> = (0..30_000u32).map(|i| i.wrapping_mul(2_654_435_761) % 100).collect();
        let compare = |a: u32, b: u32| values[a as usize].cmp(&values[b as usize]);
        let order = sort_indices(values.len(), &mut { compare }, &TaskContext::default()).unwrap();
        let mut expected: Vec<u32> = (0..30_000).collect();
        expected.sort_by_key(|i| values[*i as usize]);
        assert_eq!(order, expected);
    }

    #[test]
    fn a_cancelled_sort_stops() {
        let task = TaskContext::default();
        task.cancel();
        assert_eq!(sort_indices(10, &mut |a, b| a.cmp(&b), &task), Err(Stop::Cancelled));
    }
}
