//! Ordering rows by keys: ranges from samples, placement of rows by range, stable sort. All of it is non-generic but two
//! small loops, extracting keys and comparing two of them; for the types that most keys have there is no comparison either.

mod bits;
mod order;

use crate::batch::{Batch, ElemVt, SharedBatch};
use crate::error::Failure;
use crate::node::Shuffled;
use crate::table::Buckets;
use crate::task::{Stop, TaskContext};
use order::{Direction, order, order_of};
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
    /// The keys of all rows of a batch. They are the user's code, which may take its time.
    fn keys(&self, closure: *const u8, rows: &Batch, task: &TaskContext) -> Result<Batch, Stop> {
        const CHUNK: usize = 64;
        let mut keys = Batch::new(self.key);
        keys.reserve(rows.rows());
        while keys.rows() < rows.rows() {
            task.check()?;
            let n = CHUNK.min(rows.rows() - keys.rows());
            // SAFETY: callers pass the closure and rows this table was made for; `n` rows are left.
            unsafe { (self.extract)(closure, rows.row(keys.rows()), n, &mut keys) }
        }
        Ok(keys)
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
    task: &TaskContext,
) -> Result<(), Stop> {
    let (Some(vt), Some(bounds)) = (shuffled.sort, shuffled.bounds.get()) else {
        return Err(Failure::Other("the ranges of a sort were not prepared".to_owned()).into());
    };
    let bounds = bounds.get();
    let keys = vt.keys(closure, rows, task)?;
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

/// Memory that `sort_rows` takes besides the rows: keys, numbers of keys and of rows, then the rows once more.
pub(crate) fn scratch_bytes(vt: &'static SortVt, rows: &Batch) -> u64 {
    (rows.rows() * (vt.key.size + 36).max(rows.elem().size + 4)) as u64
}

/// Sorts rows by key; equal keys stay in order.
pub(crate) fn sort_rows(
    vt: &'static SortVt,
    closure: *const u8,
    rows: &mut Batch,
    task: &TaskContext,
) -> Result<(), Stop> {
    let keys = vt.keys(closure, rows, task)?;
    let order = order_of(vt, keys, Direction::Ascending, task)?;
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
    let keys = vt.keys(closure, rows, task)?;
    let order = order_of(vt, keys, Direction::Descending, task)?;
    rows.permute(&order);
    rows.truncate(n);
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
    let order = order(vt, &keys, Direction::Ascending, task)?;
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
