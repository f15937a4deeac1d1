//! Tables of a map side whose keys are integers that lie close together: one array with a place for the value of each number in
//! their range, instead of hash tables and the buffers that keep these in the processor's cache. A value is found where its key
//! says, by one access to memory; the key itself is not stored. The numbers in the order of insertion are kept beside it, so
//! that the rows leave the array in the tables and in the order in which they would have left hash tables.

mod integers;
mod pieces;

use super::{Buckets, GROUP, prefetch};
use crate::batch::{Batch, ElemVt, copy_row};
pub(super) use integers::Integers;
use integers::Range;
pub(crate) use pieces::Emptied;

/// So many rows ahead of the one that is combined, the memory for a value is asked for.
const AHEAD: usize = 32;

/// The array.
#[derive(Debug)]
pub(super) struct Dense {
    integers: Integers,
    /// The keys that have a place.
    range: Range,
    /// The type of the rows that the tables would have.
    elem: &'static ElemVt,
    /// Memory for the value of each number; there is no row in the sense of a batch.
    values: Batch,
    /// A bit for each number that has a value.
    present: Vec<u64>,
    /// The numbers that have one, in the order of insertion.
    order: Vec<u32>,
    /// Those of the keys of the rows that are being combined, and `AHEAD` more, which are none.
    next: Vec<u32>,
}

impl Dense {
    fn new(integers: Integers, range: Range, elem: &'static ElemVt) -> Dense {
        let numbers = (range.most - range.least) as usize + 1;
        let mut values = Batch::new(integers.value.1);
        values.reserve(numbers);
        let present = vec![0; numbers.div_ceil(64)];
        Dense { integers, range, elem, values, present, order: Vec::new(), next: Vec::new() }
    }

    pub(super) fn rows(&self) -> usize {
        self.order.len()
    }

    pub(super) fn bytes(&self) -> usize {
        let numbers = self.order.capacity() + self.next.capacity();
        self.values.bytes() + self.present.len() * size_of::<u64>() + numbers * size_of::<u32>()
    }

    /// Memory for the value of a number that has none.
    fn insert(&mut self, number: u32) -> *mut u8 {
        self.present[number as usize / 64] |= 1 << (number % 64);
        self.order.push(number);
        self.values.row(number as usize)
    }

    fn key(&self, number: u32) -> u64 {
        self.range.least + u64::from(number)
    }

    /// Takes over the values of rows.
    ///
    /// # Safety
    /// The rows have the type of the tables and need no drop; their keys are in the range and have no value, each has one.
    unsafe fn take(&mut self, rows: Batch) {
        let Integers { offsets, value: (offset, value), .. } = self.integers;
        let mut numbers = vec![0; rows.rows()];
        // SAFETY: the offsets are those of the tables' rows; there is memory for the value of each number in the range.
        unsafe {
            self.integers.numbers(self.range.least, &rows, offsets.1, &mut numbers);
            for (i, number) in numbers.iter().enumerate() {
                copy_row(rows.row(i).wrapping_add(offset), self.insert(*number), value.size)
            }
        }
    }

    /// Writes the row of a number. Its value is moved.
    ///
    /// # Safety
    /// The number has a value, and there is memory for a row.
    unsafe fn write_row(&self, number: u32, to: *mut u8) {
        let Integers { write, offsets, value: (offset, value), .. } = self.integers;
        // SAFETY: the offsets are those of the tables' rows.
        unsafe {
            write(self.key(number), to.wrapping_add(offsets.1));
            copy_row(self.values.row(number as usize), to.wrapping_add(offset), value.size)
        }
    }
}

/// The places of the rows of a batch, one after the other.
#[derive(Debug)]
pub(super) struct Places {
    /// The number of the next row's key.
    next: *const u32,
    values: *mut u8,
    present: *const u64,
}

impl Places {
    /// The number of the next row's key; values are of this size. Memory for a later one is on its way then.
    ///
    /// # Safety
    /// It is called once for each row of the batch at most.
    #[inline]
    pub(super) unsafe fn next(&mut self, size: usize) -> u32 {
        // SAFETY: there is a number for each row, and `AHEAD` more.
        unsafe {
            prefetch(self.values.wrapping_add(*self.next.add(AHEAD) as usize * size));
            let number = *self.next;
            self.next = self.next.add(1);
            number
        }
    }

    /// Whether there is a value for a number.
    ///
    /// # Safety
    /// The number is one that `next` has returned.
    #[inline]
    pub(super) unsafe fn has(&self, number: u32) -> bool {
        // SAFETY: there is a bit for each of those.
        unsafe { *self.present.add(number as usize / 64) >> (number % 64) & 1 != 0 }
    }

    /// The address of the value of a number.
    #[inline]
    pub(super) fn value<C>(&self, number: u32) -> *mut C {
        (self.values as *mut C).wrapping_add(number as usize)
    }
}

impl Buckets {
    /// Whether an array finds the rows.
    pub(crate) fn is_dense(&self) -> bool {
        self.dense.is_some()
    }

    /// The range of the keys, if they are integers, and rows are not in an array yet but may be moved about.
    fn range(&self) -> Option<Range> {
        let integers = self.integers.as_ref().filter(|_| self.dense.is_none())?;
        // SAFETY: the offset is that of the tables' rows.
        let ranges = self.all_rows().map(|rows| unsafe { integers.range(rows, integers.offsets.1) });
        let range = ranges.fold(Range::NONE, Range::and);
        self.tables[0].rows.elem().drop.is_none().then_some(range)
    }

    /// Bytes of the array that `make_dense` would make; none if it would not make one.
    pub(crate) fn dense_bytes(&self) -> Option<u64> {
        self.range()?.bytes(self.rows(), self.sizes()?)
    }

    /// The sizes of rows and of their values.
    fn sizes(&self) -> Option<(usize, usize)> {
        Some((self.tables[0].rows.elem().size, self.integers.as_ref()?.value.1.size))
    }

    /// Puts the values into an array, if the keys are integers that lie close together.
    pub(crate) fn make_dense(&mut self) {
        if self.dense_bytes().is_none() {
            return;
        }
        let Some((integers, range)) = self.integers.zip(self.range()) else { return };
        let mut dense = Dense::new(integers, range, self.tables[0].rows.elem());
        for table in &mut self.tables {
            let rows = table.take_rows();
            table.index = Vec::new();
            // SAFETY: the range is that of the keys, of which each has one row.
            unsafe { dense.take(rows) }
        }
        self.bytes = dense.bytes();
        self.dense = Some(dense);
    }

    /// If rows are in an array: the places of all rows of the input in it. They hold until the array is made wider or left.
    ///
    /// # Safety
    /// The batch holds rows of the type that enters the tables.
    #[inline(never)]
    pub(super) unsafe fn places(&mut self, input: &Batch) -> Option<Places> {
        while let Some(dense) = &mut self.dense {
            let Dense { integers, range, next, values, present, .. } = dense;
            let n = input.rows();
            if next.len() < n + AHEAD {
                next.resize(n + AHEAD, 0);
            }
            let offset = integers.offsets.0;
            // SAFETY: passed on from the caller.
            let largest = unsafe { integers.numbers(range.least, input, offset, &mut next[..n]) };
            if largest <= range.most - range.least {
                next[..AHEAD].iter().for_each(|number| prefetch(values.row(*number as usize)));
                let places = Places { next: next.as_ptr(), values: values.row(0), present: present.as_ptr() };
                self.bytes = dense.bytes();
                return Some(places);
            }
            // SAFETY: as above.
            let wanted = unsafe { integers.range(input, offset) }.and(*range);
            self.widen(wanted);
        }
        None
    }

    /// Memory in the array for the value of a number that has none.
    #[inline(never)]
    pub(super) fn insert(&mut self, number: u32) -> *mut u8 {
        let Some(dense) = &mut self.dense else { unreachable!("a number is that of a place in the array") };
        dense.insert(number)
    }

    /// Makes room in the array for keys outside of its range, or gives it up.
    #[cold]
    #[inline(never)]
    fn widen(&mut self, wanted: Range) {
        let Some((dense, sizes)) = self.dense.take().zip(self.sizes()) else { return };
        // At least twice as many numbers, in the direction of the new keys: that bounds the work of moving values.
        let Range { least, most } = dense.range;
        let doubled = match wanted.least < least {
            true => Range { least: wanted.least.min(least.saturating_sub(most - least)), ..wanted },
            false => Range { most: wanted.most.max(most.saturating_add(most - least)), ..wanted },
        };
        let fits = |range: &Range| range.bytes(dense.rows(), sizes).is_some();
        let Some(range) = [doubled, wanted].into_iter().find(fits) else {
            self.dense = Some(dense);
            return self.leave_dense();
        };
        let mut wider = Dense::new(dense.integers, range, dense.elem);
        for number in &dense.order {
            let (key, value) = (dense.key(*number), dense.values.row(*number as usize));
            // SAFETY: the keys are different and in the wider range; a value that needs no drop moves.
            unsafe { copy_row(value, wider.insert((key - range.least) as u32), sizes.1) }
        }
        self.dense = Some(wider);
    }

    /// Back to hash tables, for good: the keys do not lie close together after all, or memory is short.
    pub(crate) fn leave_dense(&mut self) {
        self.integers = None;
        let Some(dense) = self.dense.take() else { return };
        self.bytes = 0;
        for number in &dense.order {
            let mut place = self.probe(dense.integers.hash(dense.key(*number)));
            while !place.candidate().is_null() {}
            // SAFETY: the number has a value, and there is fresh memory for a row.
            unsafe { dense.write_row(*number, place.insert()) }
        }
    }

    /// The rows of every table, taken from the array; none if they are in hash tables.
    pub(super) fn spread(&mut self) -> Option<Spread> {
        let mut dense = self.dense.take()?;
        dense.present = Vec::new();
        let order = std::mem::take(&mut dense.order);
        let table_of = |number: &u32| self.table_of(dense.integers.hash(dense.key(*number)));
        let tables: Vec<u32> = order.iter().map(|number| table_of(number) as u32).collect();
        let mut ends = vec![0; self.tables.len()];
        tables.iter().for_each(|table| ends[*table as usize] += 1);
        let mut next = Vec::with_capacity(ends.len());
        let mut end = 0;
        for rows in &mut ends {
            next.push(end);
            end += *rows;
            *rows = end;
        }
        let mut by_table = vec![0; order.len()];
        for (number, table) in order.into_iter().zip(tables) {
            let place = &mut next[table as usize];
            by_table[*place] = number;
            *place += 1;
        }
        Some(Spread { dense, order: by_table, at: 0, ends: ends.into_iter() })
    }
}

/// Rows on their way to their tables.
pub(super) struct Spread {
    /// The array. Its values need no drop.
    dense: Dense,
    /// The numbers that have a value, table by table.
    order: Vec<u32>,
    at: usize,
    /// Where the numbers of each table end in it.
    ends: std::vec::IntoIter<usize>,
}

impl Iterator for Spread {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        let numbers = &self.order[self.at..self.ends.next()?];
        self.at += numbers.len();
        let mut table = Batch::new(self.dense.elem);
        table.reserve(numbers.len());
        for (i, number) in numbers.iter().enumerate() {
            if let Some(soon) = numbers.get(i + GROUP) {
                prefetch(self.dense.values.row(*soon as usize));
            }
            // SAFETY: each number has a value and comes once; there is memory for so many rows.
            unsafe { self.dense.write_row(*number, table.row(i)) }
        }
        table.len = numbers.len();
        Some(table)
    }
}

#[cfg(test)]
mod tests;
