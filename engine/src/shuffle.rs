//! Shuffles. The map side combines rows by key into one table for each reduce partition and serialises the tables; the
//! reduce side merges the blocks of all map partitions, in their order, so that a recomputed partition has the same rows in
//! the same order.

mod node;
mod read;
mod store;
mod write;

pub(crate) use read::read_partition;
pub(crate) use store::{MapOutput, ShuffleStore};
pub(crate) use write::write_map_output;

use crate::batch::{Batch, ElemVt};
use crate::codec::CodecVt;
use crate::storage::{Reservation, heap_estimate};
use crate::table::Buckets;

/// The map side of a shuffle: how rows enter the tables.
#[derive(Debug)]
pub struct WriteVt {
    /// The rows of the parent.
    pub input: &'static ElemVt,
    /// The rows of the tables and blocks.
    pub stored: &'static ElemVt,
    /// How those are written and read.
    pub codec: &'static CodecVt,
    /// Moves all rows of a batch into the tables; none for `sort_by`, which places rows by range.
    pub add: Option<MergeFn>,
}

/// The reduce side: how the blocks' rows become the RDD's.
#[derive(Debug)]
pub struct ReadVt {
    /// The rows of the RDD.
    pub out: &'static ElemVt,
    /// For each input, how rows of its blocks enter the table; empty for `sort_by`, which only concatenates them.
    pub merge: &'static [MergeFn],
}

/// Moves all rows of a batch into tables. Arguments: closure, rows, tables.
pub type MergeFn = unsafe fn(*const u8, &mut Batch, &mut Buckets);

/// Keeps the budget informed of what a table holds.
pub(crate) struct Meter {
    pub(crate) memory: Reservation,
    /// Estimated bytes a row owns outside the table.
    heap_per_row: u64,
    next_sample: usize,
}

impl Meter {
    pub(crate) fn new(memory: Reservation) -> Meter {
        Meter { memory, heap_per_row: 0, next_sample: 1024 }
    }

    /// Bytes held now. Rows are sampled each time the number of rows added has doubled.
    pub(crate) fn bytes(&mut self, table: &Buckets, added: usize, codec: Option<&CodecVt>) -> u64 {
        if let (Some(codec), true) = (codec, added >= self.next_sample) {
            self.next_sample = added * 2;
            let heap: u64 = table.all_rows().map(|rows| heap_estimate(rows, codec)).sum();
            self.heap_per_row = heap / table.rows().max(1) as u64;
        }
        table.bytes() as u64 + self.heap_per_row * table.rows() as u64
    }
}

#[cfg(test)]
mod tests {
    use crate::ids::ShuffleId;

    #[test]
    fn lost_and_corrupt_map_outputs_are_computed_again() {
        let ctx = crate::DparkContext::local(2);
        let calls = ctx.accumulator(0u64);
        let pairs = ctx.range(0, 100).with_env((&calls,)).map(|(calls,)| {
            move |x| {
                calls.add(1);
                (x % 7, x)
            }
        });
        let groups = pairs.group_by_key();
        let expected = groups.collect().unwrap();
        let store = &ctx.0.arc().shuffles;
        store.corrupt(ShuffleId(1), 1, 0);
        assert_eq!(groups.collect().unwrap(), expected, "the same rows in the same order");
        store.lose(ShuffleId(1), 0);
        assert_eq!(groups.collect().unwrap(), expected);
        assert_eq!(calls.value(), 100, "recomputed rows do not count twice");
    }
}
