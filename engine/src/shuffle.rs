//! Shuffles. The map side combines rows by key and serialises them; the reduce side merges the blocks of all map partitions,
//! in their order, so that a recomputed partition has the same rows in the same order.
//!
//! Each reduce partition is cut into pieces by other bits of the hash. A piece's table fits into the processor's cache, so
//! that merging does not wait for memory, and the reduce side holds one piece at a time. On the map side, once the tables
//! are larger than the cache, rows gather in a buffer for each piece and are combined many at a time.
//!
//! ```text
//! map side                                        reduce partition 0
//! rows ──hash──► buffer ► table of piece 0 ──► block ──┐
//!          ├───► buffer ► table of piece 1 ──► block ─┐└─► merge piece 0 of all maps ──► rows
//!          └───► …                                    └──► then piece 1 …
//! ```

mod buffers;
mod files;
mod group;
mod inputs;
mod joined;
mod kept;
mod node;
mod read;
mod rows_in_pieces;
mod store;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use files::{Index, MapFiles, names};
pub use group::{GroupVt, Numbered};
pub(crate) use inputs::{BlockNeed, Inputs, Needs, PartNeed, Persisted, needs};
pub(crate) use kept::{Kept, KeptRows, may_be_kept};
pub(crate) use read::read_partition;
pub(crate) use store::{Fetched, MapOutput, ShuffleStore};
pub(crate) use write::write_map_output;

use crate::batch::{Batch, Elem, ElemVt};
use crate::codec::CodecVt;
use crate::storage::{Reservation, heap_estimate};
use crate::table::{Buckets, hash_pairs};
use std::any::TypeId;
use std::hash::Hash;

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
    /// Where the keys are, if rows that have the same key become one by combining.
    pub keys: Option<&'static KeyVt>,
}

/// The keys of the rows that are combined on a map side.
#[derive(Debug)]
pub struct KeyVt {
    /// The hashes of the keys of the input's rows.
    pub hash: HashFn,
    /// The keys' type.
    pub key: fn() -> TypeId,
    /// Where a row of the input has its key.
    pub input: usize,
    /// Where a row of the tables has it.
    pub stored: usize,
    /// Where it has what the values of a key become, and what that is.
    pub value: (usize, &'static ElemVt),
}

impl KeyVt {
    /// Pairs that become pairs with the same key.
    pub const fn of_pairs<K: Hash + 'static, V, C: 'static>() -> KeyVt {
        let (input, stored) = (std::mem::offset_of!((K, V), 0), std::mem::offset_of!((K, C), 0));
        let value = (std::mem::offset_of!((K, C), 1), Elem::<C>::VT);
        KeyVt { hash: hash_pairs::<K, V>, key: TypeId::of::<K>, input, stored, value }
    }
}

/// The reduce side: how the blocks' rows become the RDD's.
#[derive(Debug)]
pub struct ReadVt {
    /// The rows of the RDD.
    pub out: &'static ElemVt,
    /// The rows of the table in which a piece of a partition is merged.
    pub table: &'static ElemVt,
    /// For each input, how rows of its blocks enter the table; none to put them one after the other.
    pub merge: &'static [MergeFn],
    /// Makes the RDD's rows of those of the table, if they differ.
    pub group: Option<&'static GroupVt>,
}

impl ReadVt {
    /// The rows of the blocks one after the other.
    pub const fn concatenated(out: &'static ElemVt) -> ReadVt {
        ReadVt { out, table: out, merge: &[], group: None }
    }

    /// Merged in a table.
    pub const fn merged(out: &'static ElemVt, merge: &'static [MergeFn]) -> ReadVt {
        ReadVt { out, table: out, merge, group: None }
    }

    /// Whether keys matter, so that a partition may be worked off in pieces.
    fn is_keyed(&self) -> bool {
        !self.merge.is_empty() || self.group.is_some()
    }
}

/// Appends the hashes of the keys of all rows of a batch.
pub type HashFn = unsafe fn(&Batch, &mut Vec<u64>);

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

/// The same for a table whose rows are of another type than those that enter it: it is measured by what enters.
pub(crate) struct Intake {
    memory: Reservation,
    rows: usize,
    /// Estimated bytes that all of them own.
    heap: u64,
}

impl Intake {
    pub(crate) fn new(memory: Reservation) -> Intake {
        Intake { memory, rows: 0, heap: 0 }
    }

    /// Rows that are about to enter.
    pub(crate) fn take(&mut self, rows: &Batch, codec: &CodecVt) {
        self.rows += rows.rows();
        self.heap += heap_estimate(rows, codec);
    }

    /// Bytes held by a table that all rows, of this size, have entered. A row that has none of its own in the table is in a
    /// vector of another one.
    pub(crate) fn bytes(&self, table: &mut Buckets, size: usize) -> u64 {
        let known = table.rows();
        let table = table.bytes().max(table.rows_mut().bytes());
        table as u64 + self.heap + (self.rows.saturating_sub(known) * size) as u64
    }

    /// What the budget has been told.
    pub(crate) fn memory(&mut self) -> &mut Reservation {
        &mut self.memory
    }
}
