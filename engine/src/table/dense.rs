//! Tables of a map side whose keys are integers that lie close together: one array with a place for the row of each number in
//! their range, instead of hash tables and the buffers that keep these in the processor's cache. A row is found where its key
//! says, by one access to memory. The numbers in the order of insertion are kept beside it, so that the rows leave the array in
//! the tables and in the order in which they would have left hash tables.

use super::{Buckets, GROUP, prefetch};
use crate::batch::{Batch, ElemVt, copy_row};
use crate::hash::hash_key;
use crate::shuffle::KeyVt;
use std::any::TypeId;

/// An array of so many bytes is never too large: so much is what the buffers may take that it replaces.
const SMALL: u64 = 32 << 20;

/// In a larger one, at least one place of so many has a row.
const SPARSEST: u64 = 4;

/// How the integer keys of a map side are found in its rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Integers {
    read: Read,
    /// The bit that puts signed numbers into the order of unsigned ones.
    sign: u64,
    /// Where the keys are in rows of the input and in rows of the tables.
    offsets: (usize, usize),
}

/// Reads the keys of rows of a size, less the first argument; returns the largest. Arguments: base, first key, size, keys.
type Read = unsafe fn(u64, *const u8, usize, &mut [u64]) -> u64;

/// An integer as an unsigned one in the same order.
trait Ordinal: Copy {
    fn ordinal(self) -> u64;
}

const SIGN: u64 = 1 << 63;

macro_rules! ordinals {
    ($($unsigned:ty, $signed:ty);*) => {
        $(
            impl Ordinal for $unsigned {
                fn ordinal(self) -> u64 {
                    self as u64
                }
            }

            impl Ordinal for $signed {
                fn ordinal(self) -> u64 {
                    self as u64 ^ SIGN
                }
            }
        )*

        /// How keys of a type are read, and the bit that makes them unsigned; none if they are no integers of a word.
        fn reader(key: TypeId) -> Option<(Read, u64)> {
            $(
                if key == TypeId::of::<$unsigned>() {
                    return Some((read::<$unsigned>, 0));
                }
                if key == TypeId::of::<$signed>() {
                    return Some((read::<$signed>, SIGN));
                }
            )*
            None
        }
    };
}

ordinals!(u8, i8; u16, i16; u32, i32; u64, i64; usize, isize);

unsafe fn read<I: Ordinal>(base: u64, first: *const u8, size: usize, keys: &mut [u64]) -> u64 {
    let mut largest = 0;
    for (i, key) in keys.iter_mut().enumerate() {
        // SAFETY: the caller passes the address of the key of the first of as many rows of this size.
        let number = unsafe { (first.add(i * size) as *const I).read() };
        *key = number.ordinal().wrapping_sub(base);
        largest = largest.max(*key);
    }
    largest
}

impl Integers {
    /// None if the keys are no integers.
    pub(super) fn of(keys: &KeyVt) -> Option<Integers> {
        let (read, sign) = reader((keys.key)())?;
        Some(Integers { read, sign, offsets: (keys.input, keys.stored) })
    }

    /// Calls `visit` with each row of a table and its key.
    fn for_each(&self, rows: &Batch, mut visit: impl FnMut(*const u8, u64)) {
        let mut keys = [0; GROUP];
        let (mut at, size) = (0, rows.elem().size);
        while at < rows.rows() {
            let n = GROUP.min(rows.rows() - at);
            let first = rows.row(at).wrapping_add(self.offsets.1);
            // SAFETY: the rows exist, and their keys are of the type that is read.
            unsafe { (self.read)(0, first, size, &mut keys[..n]) };
            keys[..n].iter().enumerate().for_each(|(i, key)| visit(rows.row(at + i), *key));
            at += n;
        }
    }

    /// The hash of a key.
    fn hash(&self, key: u64) -> u64 {
        hash_key(&(key ^ self.sign))
    }
}

/// The smallest and the largest key.
#[derive(Clone, Copy, Debug)]
struct Range {
    least: u64,
    most: u64,
}

impl Range {
    const NONE: Range = Range { least: u64::MAX, most: 0 };

    fn with(self, key: u64) -> Range {
        Range { least: self.least.min(key), most: self.most.max(key) }
    }

    /// Bytes of the array for these keys; none if it is not worth its memory for so many rows.
    fn bytes(self, rows: usize, size: usize) -> Option<u64> {
        let numbers = self.most.checked_sub(self.least)?.checked_add(1)?;
        let bytes = numbers.checked_mul(size as u64)?;
        let most = (rows as u64 * size as u64 * SPARSEST).max(SMALL);
        (bytes <= most && numbers <= u64::from(u32::MAX)).then_some(bytes)
    }
}

/// The array.
#[derive(Debug)]
pub(super) struct Dense {
    integers: Integers,
    /// The keys that have a place.
    range: Range,
    /// Memory for the row of each number; there is no row in the sense of a batch.
    rows: Batch,
    /// A bit for each number that has a row.
    present: Vec<u64>,
    /// The numbers that have one, in the order of insertion.
    order: Vec<u32>,
}

impl Dense {
    fn new(integers: Integers, range: Range, elem: &'static ElemVt) -> Dense {
        let numbers = (range.most - range.least) as usize + 1;
        let mut rows = Batch::new(elem);
        rows.reserve(numbers);
        Dense { integers, range, rows, present: vec![0; numbers.div_ceil(64)], order: Vec::new() }
    }

    pub(super) fn rows(&self) -> usize {
        self.order.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.rows.bytes() + self.present.len() * size_of::<u64>() + self.order.capacity() * size_of::<u32>()
    }

    /// The row of a number, if there is one.
    pub(super) fn row(&self, number: u64) -> Option<*mut u8> {
        self.has(number).then(|| self.rows.row(number as usize))
    }

    fn has(&self, number: u64) -> bool {
        self.present[number as usize / 64] >> (number % 64) & 1 != 0
    }

    /// Memory for the row of a number that has none.
    pub(super) fn insert(&mut self, number: u64) -> *mut u8 {
        self.present[number as usize / 64] |= 1 << (number % 64);
        self.order.push(number as u32);
        self.rows.row(number as usize)
    }

    /// For each number its row, or null.
    pub(super) fn look_up(&self, numbers: &[u64], found: &mut [*mut u8; GROUP]) {
        for (number, found) in numbers.iter().zip(&mut *found) {
            *found = self.rows.row(*number as usize);
            prefetch(*found);
        }
        for (number, found) in numbers.iter().zip(found) {
            if !self.has(*number) {
                *found = std::ptr::null_mut();
            }
        }
    }

    /// The keys with the addresses of their rows, in the order of insertion.
    fn entries(&self) -> impl Iterator<Item = (u64, *mut u8)> {
        self.order.iter().map(|number| (self.range.least + u64::from(*number), self.rows.row(*number as usize)))
    }

    /// Takes over a row.
    ///
    /// # Safety
    /// The row has the type of the table and needs no drop; its key is in the range and has no row.
    unsafe fn take(&mut self, key: u64, row: *const u8) {
        let size = self.rows.elem().size;
        // SAFETY: there is memory for the row of each number in the range.
        unsafe { copy_row(row, self.insert(key - self.range.least), size) }
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
        let mut range = Range::NONE;
        self.all_rows().for_each(|rows| integers.for_each(rows, |_, key| range = range.with(key)));
        self.tables[0].rows.elem().drop.is_none().then_some(range)
    }

    /// Bytes of the array that `make_dense` would make; none if it would not make one.
    pub(crate) fn dense_bytes(&self) -> Option<u64> {
        self.range()?.bytes(self.rows(), self.tables[0].rows.elem().size)
    }

    /// Puts the rows into an array, if their keys are integers that lie close together.
    pub(crate) fn make_dense(&mut self) {
        let elem = self.tables[0].rows.elem();
        let range = self.range().filter(|range| range.bytes(self.rows(), elem.size).is_some());
        let Some((integers, range)) = self.integers.zip(range) else { return };
        let mut dense = Dense::new(integers, range, elem);
        for table in &mut self.tables {
            let rows = table.take_rows();
            table.index = Vec::new();
            // SAFETY: the range is that of the keys, of which each has one row.
            integers.for_each(&rows, |row, key| unsafe { dense.take(key, row) });
        }
        self.bytes = dense.bytes();
        self.moved += 1;
        self.dense = Some(dense);
    }

    /// If rows are in an array: the numbers of the keys of the next `n` rows of the input, to be looked up instead of hashes.
    ///
    /// # Safety
    /// The batch holds at least `n` rows, of the type that enters the tables.
    #[inline(never)]
    pub(super) unsafe fn numbers(&mut self, input: &Batch, numbers: &mut [u64; GROUP], n: usize) -> bool {
        while let Some(dense) = &self.dense {
            let Integers { read, offsets, .. } = dense.integers;
            let read = |base, at: usize, numbers: &mut [u64]| {
                let first = input.row(at).wrapping_add(offsets.0);
                // SAFETY: there are such rows; their keys are of the type that is read.
                unsafe { read(base, first, input.elem().size, numbers) }
            };
            let range = dense.range;
            // The rows of the group after this one are on their way from memory while this one is combined.
            let next = (input.rows() - n).min(GROUP);
            read(range.least, n, &mut numbers[..next]);
            numbers[..next].iter().for_each(|number| prefetch(dense.rows.row(*number as usize)));
            if read(range.least, 0, &mut numbers[..n]) <= range.most - range.least {
                self.bytes = dense.bytes();
                return true;
            }
            read(0, 0, &mut numbers[..n]);
            self.widen(numbers[..n].iter().fold(range, |range, key| range.with(*key)));
        }
        false
    }

    /// Makes room in the array for keys outside of its range, or gives it up.
    #[cold]
    #[inline(never)]
    fn widen(&mut self, wanted: Range) {
        let Some(dense) = self.dense.take() else { return };
        let elem = dense.rows.elem();
        // At least twice as many numbers, in the direction of the new keys: that bounds the work of moving rows.
        let Range { least, most } = dense.range;
        let doubled = match wanted.least < least {
            true => Range { least: wanted.least.min(least.saturating_sub(most - least)), ..wanted },
            false => Range { most: wanted.most.max(most.saturating_add(most - least)), ..wanted },
        };
        let fits = |range: &Range| range.bytes(dense.rows(), elem.size).is_some();
        let Some(range) = [doubled, wanted].into_iter().find(fits) else {
            self.dense = Some(dense);
            return self.leave_dense();
        };
        let mut wider = Dense::new(dense.integers, range, elem);
        // SAFETY: the keys of the rows are different and in the wider range.
        dense.entries().for_each(|(key, row)| unsafe { wider.take(key, row) });
        self.moved += 1;
        self.dense = Some(wider);
    }

    /// Back to hash tables, for good: the keys do not lie close together after all, or memory is short.
    pub(crate) fn leave_dense(&mut self) {
        self.integers = None;
        let Some(dense) = self.dense.take() else { return };
        self.bytes = 0;
        self.moved += 1;
        let size = dense.rows.elem().size;
        for (key, row) in dense.entries() {
            let mut place = self.probe(dense.integers.hash(key));
            while !place.candidate().is_null() {}
            // SAFETY: the row moves to fresh memory for one; it needs no drop where it was.
            unsafe { copy_row(row, place.insert(), size) }
        }
    }

    /// The rows of every table, taken from the array; none if they are in hash tables.
    pub(super) fn spread(&mut self) -> Option<Spread> {
        let Dense { integers, range, rows, order, present } = self.dense.take()?;
        drop(present);
        let table_of = |number: &u32| self.table_of(integers.hash(range.least + u64::from(*number)));
        let mut ends = vec![0; self.tables.len()];
        order.iter().for_each(|number| ends[table_of(number)] += 1);
        let mut next = Vec::with_capacity(ends.len());
        let mut end = 0;
        for rows in &mut ends {
            next.push(end);
            end += *rows;
            *rows = end;
        }
        let mut by_table = vec![0; order.len()];
        for number in order {
            let place = &mut next[table_of(&number)];
            by_table[*place] = number;
            *place += 1;
        }
        Some(Spread { rows, order: by_table, at: 0, ends: ends.into_iter() })
    }
}

/// Rows on their way to their tables.
pub(super) struct Spread {
    /// The array. Its rows need no drop.
    rows: Batch,
    /// The numbers that have a row, table by table.
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
        let mut table = Batch::new(self.rows.elem());
        table.reserve(numbers.len());
        let size = table.elem().size;
        for (i, number) in numbers.iter().enumerate() {
            if let Some(soon) = numbers.get(i + GROUP) {
                prefetch(self.rows.row(*soon as usize));
            }
            // SAFETY: a row that needs no drop is copied to reserved memory.
            unsafe { copy_row(self.rows.row(*number as usize), table.row(i), size) }
        }
        table.len = numbers.len();
        Some(table)
    }
}

#[cfg(test)]
mod tests;
