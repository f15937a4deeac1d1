//! An index by number in the place of one by hash, for the table of a join whose keys are integers that lie close together: where a
//! key's row is stands in an array, at the key's distance from the least one. That is one access to memory and no comparison of
//! keys. The array is made once for all pieces of a partition; each touches a small part of it.

use super::dense::Integers;
use super::{Buckets, EMPTY, GROUP, KeyPlace, prefetch};
use crate::batch::Batch;
use crate::storage::Reservation;

/// The array.
#[derive(Debug)]
pub(crate) struct Direct {
    integers: Integers,
    /// The key of the first place.
    least: u64,
    /// The table's row of each key, or `EMPTY`.
    rows: Vec<u32>,
    /// The places that have a row.
    used: Vec<u32>,
    _memory: Reservation,
}

impl Direct {
    /// An index for tables like that of a piece, of which there are so many; none if its keys are no integers that lie close
    /// together, or if memory is short. The place is that of the keys in the table's rows.
    pub(crate) fn like(table: &Batch, pieces: usize, place: KeyPlace, mut memory: Reservation) -> Option<Direct> {
        let integers = Integers::at(place)?;
        // SAFETY: the place is that of the rows' keys.
        let (least, places) = unsafe { integers.places(table, place.1, table.rows(), pieces)? };
        memory.try_resize(((places + table.rows()) * size_of::<u32>()) as u64).ok()?;
        Some(Direct { integers, least, rows: vec![EMPTY; places], used: Vec::new(), _memory: memory })
    }

    /// The address of the row of a place, or null.
    #[inline]
    pub(super) fn row(&self, place: usize, table: &Batch) -> *mut u8 {
        match self.rows[place] {
            EMPTY => std::ptr::null_mut(),
            row => table.row(row as usize),
        }
    }

    /// Sets the row of a place that has none.
    pub(super) fn set(&mut self, place: usize, row: u32) {
        self.rows[place] = row;
        self.used.push(place as u32);
    }

    /// Without rows.
    fn emptied(mut self) -> Direct {
        for place in self.used.drain(..) {
            self.rows[place as usize] = EMPTY;
        }
        self
    }
}

impl Buckets {
    /// Finds the rows of the first table, which is empty, by number from now on.
    pub(crate) fn find_by_number(&mut self, index: Direct) {
        self.direct = Some(index);
    }

    /// The index by number, for another table.
    pub(crate) fn take_direct(&mut self) -> Option<Direct> {
        self.direct.take().map(Direct::emptied)
    }

    /// If rows are found by number: writes the numbers of some keys, of which the first one is at an address and the others
    /// follow at distances of `size`, where their hashes would be.
    ///
    /// # Safety
    /// There are so many keys, at most `GROUP`, and they are of the type of the table's.
    #[inline(never)]
    pub(super) unsafe fn numbers(&mut self, first: *const u8, size: usize, n: usize, to: &mut [u64; GROUP]) -> bool {
        let Some(direct) = &self.direct else { return false };
        let mut numbers = [0; GROUP];
        // SAFETY: passed on from the caller.
        let largest = unsafe { direct.integers.numbers_at(direct.least, first, size, &mut numbers[..n]) };
        if largest >= direct.rows.len() as u64 {
            self.leave_direct();
            return false;
        }
        to.iter_mut().zip(numbers).for_each(|(to, number)| *to = u64::from(number));
        true
    }

    /// Back to hashes, for good: there is a key outside of the array.
    #[cold]
    fn leave_direct(&mut self) {
        let Some(Direct { integers, .. }) = self.direct.take() else { return };
        let rows = self.tables[0].rows.rows();
        let offset = integers.offsets.0;
        self.tables[0].index = Vec::new();
        self.bytes += self.tables[0].resize_index((rows * 2 + 1).next_power_of_two().max(64));
        for row in 0..rows {
            // SAFETY: the table has this row, with its key there.
            let key = unsafe { integers.key(self.tables[0].rows.row(row).wrapping_add(offset)) };
            self.tables[0].add_to_index(integers.hash(key) as u32, row as u32);
        }
    }

    /// The rows of some numbers.
    pub(super) fn look_up_numbers(&self, direct: &Direct, numbers: &[u64], found: &mut [*mut u8; GROUP]) {
        for number in numbers {
            prefetch(direct.rows.as_ptr().wrapping_add(*number as usize) as *const u8);
        }
        for (number, found) in numbers.iter().zip(found) {
            *found = direct.row(*number as usize, &self.tables[0].rows);
            prefetch(*found);
        }
    }
}
