//! Ordering rows by keys: ranges from samples, placement of rows by range, stable sort. All of it is non-generic but two
//! small loops, extracting keys and comparing two of them; for the types that most keys have there is no comparison either.

mod bits;
mod bounds;
mod order;
mod sample;

use crate::batch::{Batch, ElemVt, SharedBatch, copy_row};
use crate::codec::{CodecVt, Reader, Writer};
use crate::ship::ShipError;
use crate::table::Buckets;
use crate::task::{Stop, TaskContext};
use bits::Bits;
use bounds::NumberBounds;
use order::{Direction, order, order_of};
pub(crate) use sample::Sample;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// How rows are ordered.
#[derive(Debug)]
pub struct SortVt {
    /// The keys' type.
    pub key: &'static ElemVt,
    /// How keys travel between driver and tasks; none where they stay in a task.
    pub codec: Option<&'static CodecVt>,
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

    /// How its keys travel.
    pub(crate) fn travelling(&self) -> Result<&'static CodecVt, ShipError> {
        self.codec.ok_or_else(|| ShipError::new("the keys of a sort do not travel"))
    }

    fn compare(&self, a: *const u8, b: *const u8) -> Ordering {
        // SAFETY: callers pass addresses of keys of this table's type.
        unsafe { (self.compare)(a, b) }
    }
}

/// The ranges of keys that a sort's tables hold: those of each piece of each partition, in their order.
pub(crate) struct Ranges {
    /// The upper bounds of all tables but the last, each key once.
    bounds: SharedBatch,
    /// For each bound, and behind the last one, the first table whose range reaches that far.
    tables: Vec<usize>,
    /// The bounds as numbers, where keys are.
    numbers: Option<(Bits, NumberBounds)>,
}

/// Ranges as they travel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ShippedRanges {
    bounds: Vec<u8>,
    tables: Vec<usize>,
}

impl ShippedRanges {
    /// Ranges that have arrived, for rows that are sorted by this table.
    pub(crate) fn land(self, vt: &'static SortVt) -> Result<Ranges, ShipError> {
        let codec = vt.travelling()?;
        let mut bounds = Batch::new(vt.key);
        // Behind each bound there is a table.
        let n = self.tables.len().saturating_sub(1);
        // SAFETY: the batch was made for keys, which the codec belongs to.
        unsafe { (codec.load)(&mut Reader::new(&self.bounds), n, &mut bounds)? }
        Ok(Ranges::new(vt, bounds, self.tables))
    }
}

impl Ranges {
    fn new(vt: &'static SortVt, bounds: Batch, tables: Vec<usize>) -> Ranges {
        let numbers = bits::bits(vt.key).filter(|bits| bits.exact).map(|bits| {
            let numbers = NumberBounds::new((bits.of)(&bounds));
            (bits, numbers)
        });
        // SAFETY: `sort_by` asks for keys that are `Data`, hence `Send + Sync`.
        Ranges { bounds: unsafe { SharedBatch::new(bounds) }, tables, numbers }
    }

    /// The ranges as they travel.
    pub(crate) fn ship(&self, vt: &'static SortVt) -> Result<ShippedRanges, ShipError> {
        let (codec, bounds) = (vt.travelling()?, self.bounds.get());
        let mut out = Writer::default();
        // SAFETY: the rows are keys, which the codec belongs to.
        unsafe { (codec.save)(bounds.row(0), bounds.rows(), &mut out)? }
        Ok(ShippedRanges { bounds: out.bytes, tables: self.tables.clone() })
    }

    /// Places rows in the tables of their ranges.
    pub(crate) fn scatter(
        &self,
        vt: &'static SortVt,
        closure: *const u8,
        rows: &mut Batch,
        tables: &mut Buckets,
        task: &TaskContext,
    ) -> Result<(), Stop> {
        let keys = vt.keys(closure, rows, task)?;
        let size = rows.elem().size;
        let mut place = |below: usize| {
            // SAFETY: the first row moves to fresh memory of the same row type.
            unsafe { copy_row(rows.row(0), tables.append(self.tables[below]), size) }
            rows.head += 1;
        };
        match &self.numbers {
            Some((bits, bounds)) => {
                for key in (bits.of)(&keys) {
                    place(bounds.below(key));
                }
            }
            None => {
                let bounds = self.bounds.get();
                for i in 0..keys.rows() {
                    let key = keys.row(i);
                    let (mut low, mut high) = (0, bounds.rows());
                    while low < high {
                        let middle = (low + high) / 2;
                        match vt.compare(bounds.row(middle), key) {
                            Ordering::Less => low = middle + 1,
                            _ => high = middle,
                        }
                    }
                    place(low);
                }
            }
        }
        Ok(())
    }
}

/// Memory that `sort_rows` takes besides the rows: keys, their numbers, numbers of rows, and words with parts of both, up to three
/// at a time; then the rows once more.
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

/// Ranges for so many tables that each gets about as many rows. Samples come with the weight of their keys.
pub(crate) fn ranges(
    vt: &'static SortVt,
    samples: Vec<(SharedBatch, u64)>,
    tables: usize,
    task: &TaskContext,
) -> Result<Ranges, Stop> {
    let mut keys = Batch::new(vt.key);
    let mut weights = Vec::new();
    for (sample, weight) in samples {
        let mut sample = sample.into_batch();
        weights.extend(std::iter::repeat_n(weight, sample.rows()));
        sample.move_rows(&mut keys, usize::MAX);
    }
    let order = order(vt, &keys, Direction::Ascending, task)?;
    keys.permute(&order);
    let total: u128 = weights.iter().copied().map(u128::from).sum();
    // The table that the next bound ends, and those whose ranges begin behind the bounds chosen so far.
    let mut table = 0;
    let mut starts = Vec::new();
    let mut below = 0;
    let mut chosen = Vec::with_capacity(order.len());
    for &i in &order {
        below += u128::from(weights[i as usize]);
        let first = table;
        while table + 1 < tables && below * tables as u128 >= total * (table as u128 + 1) {
            table += 1;
        }
        chosen.push(table > first);
        if table > first {
            starts.push(first);
        }
    }
    starts.push(table);
    keys.retain_indices(&mut |i| chosen[i]);
    Ok(Ranges::new(vt, keys, starts))
}
