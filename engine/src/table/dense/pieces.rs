//! The array on a reduce side: pieces are merged in it one after the other. Each touches a small part of it only, which stays in the
//! processor's cache; the array itself is made once for all pieces.

use super::{Buckets, Dense, Integers, Range};
use crate::batch::Batch;
use crate::shuffle::KeyVt;
use crate::storage::Reservation;

/// An array without rows, between two pieces.
#[derive(Debug)]
pub(crate) struct Emptied {
    dense: Dense,
    memory: Reservation,
}

impl Emptied {
    /// An array for pieces like the one that was merged into these rows, of which there are so many; none if their keys are no
    /// integers that lie close together, or if memory is short.
    pub(crate) fn like(rows: &Batch, pieces: usize, keys: &KeyVt, mut memory: Reservation) -> Option<Emptied> {
        let mut integers = Integers::of(keys)?;
        // The rows that come are those of the tables.
        integers.offsets.0 = integers.offsets.1;
        if rows.elem().drop.is_some() {
            return None;
        }
        // SAFETY: the offset is that of the tables' rows.
        let (least, places) = unsafe { integers.places(rows, integers.offsets.1, rows.rows(), pieces)? };
        memory.try_resize((places * integers.value.1.size + places / 8) as u64).ok()?;
        let range = Range { least, most: least + places as u64 - 1 };
        Some(Emptied { dense: Dense::new(integers, range, rows.elem()), memory })
    }
}

impl Buckets {
    /// Merges into the array, if there is one, from now on. The table is empty.
    pub(crate) fn merge_into(&mut self, array: Emptied) -> Reservation {
        debug_assert!(self.rows() == 0 && self.tables.len() == 1, "an array for the table of a piece");
        self.integers = Some(array.dense.integers);
        self.dense = Some(array.dense);
        array.memory
    }

    /// The rows of the piece, in the order of insertion, and the array if they were in one.
    pub(crate) fn take_piece(&mut self, memory: Option<Reservation>) -> (Batch, Option<Emptied>) {
        let Some((mut dense, memory)) = self.dense.take().zip(memory) else {
            return (self.tables[0].take_rows(), None);
        };
        let mut rows = Batch::new(dense.elem);
        rows.reserve(dense.order.len());
        for (i, number) in dense.order.iter().enumerate() {
            // SAFETY: each number has a value and comes once; there is memory for so many rows.
            unsafe { dense.write_row(*number, rows.row(i)) }
            dense.present[*number as usize / 64] = 0;
        }
        rows.len = dense.order.len();
        dense.order.clear();
        (rows, Some(Emptied { dense, memory }))
    }
}
