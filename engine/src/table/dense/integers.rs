//! Keys that are integers: where they are in rows, and how many places their range needs.

use crate::batch::{Batch, Elem, ElemVt};
use crate::hash::hash_key;
use crate::shuffle::KeyVt;
use crate::table::KeyPlace;
use std::any::TypeId;

/// An array of so many bytes is never too large: so much is what the buffers may take that it replaces.
const SMALL: u64 = 32 << 20;

/// In a larger one, at least one place of so many has a row.
const SPARSEST: u64 = 4;

/// In an array for the pieces of a partition, at least one place of so many is used in the end.
const SPARSEST_PIECES: u64 = 8;

/// With fewer keys in a piece, or fewer pieces, such an array is not worth making.
const LEAST_KEYS: usize = 1024;
const LEAST_PIECES: usize = 4;

/// How the integer keys of a map side are found in its rows.
#[derive(Clone, Copy, Debug)]
pub(in crate::table) struct Integers {
    read: Read,
    pub(super) write: Write,
    range: RangeOf,
    /// The bit that puts signed numbers into the order of unsigned ones.
    sign: u64,
    /// Where the keys are in rows of the input and in rows of the tables.
    pub(in crate::table) offsets: (usize, usize),
    /// Where the values are in the latter, and what they are.
    pub(super) value: (usize, &'static ElemVt),
}

/// Reads the keys of rows of a size, less the first argument, if they fit into 32 bits then; returns the largest, which tells.
/// Arguments: base, first key, size, numbers.
type Read = unsafe fn(u64, *const u8, usize, &mut [u32]) -> u64;

/// Writes a key.
type Write = unsafe fn(u64, *mut u8);

/// The range of the keys of rows. Arguments: first key, size, rows.
type RangeOf = unsafe fn(*const u8, usize, usize) -> Range;

/// An integer as an unsigned one in the same order.
trait Ordinal: Copy {
    fn ordinal(self) -> u64;

    /// The integer of an ordinal.
    fn of_ordinal(ordinal: u64) -> Self;
}

const SIGN: u64 = 1 << 63;

macro_rules! ordinals {
    ($($unsigned:ty, $signed:ty);*) => {
        $(
            impl Ordinal for $unsigned {
                fn ordinal(self) -> u64 {
                    self as u64
                }

                fn of_ordinal(ordinal: u64) -> $unsigned {
                    ordinal as $unsigned
                }
            }

            impl Ordinal for $signed {
                fn ordinal(self) -> u64 {
                    self as u64 ^ SIGN
                }

                fn of_ordinal(ordinal: u64) -> $signed {
                    (ordinal ^ SIGN) as $signed
                }
            }
        )*

        /// How keys of a type are read, and the bit that makes them unsigned; none if they are no integers of a word.
        fn reader(key: TypeId) -> Option<(Read, Write, RangeOf, u64)> {
            $(
                if key == TypeId::of::<$unsigned>() {
                    return Some((read::<$unsigned>, write::<$unsigned>, range::<$unsigned>, 0));
                }
                if key == TypeId::of::<$signed>() {
                    return Some((read::<$signed>, write::<$signed>, range::<$signed>, SIGN));
                }
            )*
            None
        }
    };
}

ordinals!(u8, i8; u16, i16; u32, i32; u64, i64; usize, isize);

unsafe fn read<I: Ordinal>(base: u64, first: *const u8, size: usize, numbers: &mut [u32]) -> u64 {
    let mut largest = 0;
    for (i, number) in numbers.iter_mut().enumerate() {
        // SAFETY: the caller passes the address of the key of the first of as many rows of this size.
        let key = unsafe { (first.add(i * size) as *const I).read() };
        let distance = key.ordinal().wrapping_sub(base);
        *number = distance as u32;
        largest = largest.max(distance);
    }
    largest
}

unsafe fn write<I: Ordinal>(key: u64, to: *mut u8) {
    // SAFETY: the caller passes the address of memory for a key.
    unsafe { (to as *mut I).write(I::of_ordinal(key)) }
}

unsafe fn range<I: Ordinal>(first: *const u8, size: usize, rows: usize) -> Range {
    // SAFETY: the caller passes the address of the key of the first of so many rows of this size.
    let key = |i: usize| unsafe { (first.add(i * size) as *const I).read() };
    (0..rows).fold(Range::NONE, |range, i| range.with(key(i).ordinal()))
}

impl Integers {
    /// None if the keys are no integers.
    pub(in crate::table) fn of(keys: &KeyVt) -> Option<Integers> {
        let (read, write, range, sign) = reader((keys.key)())?;
        let KeyVt { input, stored, value, .. } = *keys;
        Some(Integers { read, write, range, sign, offsets: (input, stored), value })
    }

    /// The same for rows that only have keys.
    pub(in crate::table) fn at((key, offset): KeyPlace) -> Option<Integers> {
        let (read, write, range, sign) = reader(key())?;
        Some(Integers { read, write, range, sign, offsets: (offset, offset), value: (offset, Elem::<()>::VT) })
    }

    /// The range of the keys of rows whose keys are at an offset.
    ///
    /// # Safety
    /// The offset is that of the batch's row type.
    pub(super) unsafe fn range(&self, rows: &Batch, offset: usize) -> Range {
        // SAFETY: the rows exist, and their keys are of the type that is read.
        unsafe { (self.range)(rows.row(0).wrapping_add(offset), rows.elem().size, rows.rows()) }
    }

    /// The distances of those keys from a key that is not above them; the largest.
    ///
    /// # Safety
    /// As for `range`; there are as many numbers as rows.
    pub(in crate::table) unsafe fn numbers(&self, base: u64, rows: &Batch, offset: usize, numbers: &mut [u32]) -> u64 {
        debug_assert_eq!(numbers.len(), rows.rows(), "a number for each row");
        // SAFETY: as in `range`.
        unsafe { (self.read)(base, rows.row(0).wrapping_add(offset), rows.elem().size, numbers) }
    }

    /// The distances of the keys at addresses of their own, one at every `size` bytes.
    ///
    /// # Safety
    /// There is a key for each number.
    pub(in crate::table) unsafe fn numbers_at(&self, base: u64, first: *const u8, size: usize, to: &mut [u32]) -> u64 {
        // SAFETY: passed on from the caller.
        unsafe { (self.read)(base, first, size, to) }
    }

    /// The key at an address.
    ///
    /// # Safety
    /// There is one.
    pub(in crate::table) unsafe fn key(&self, at: *const u8) -> u64 {
        // SAFETY: passed on from the caller.
        unsafe { (self.read)(0, at, 0, &mut [0]) }
    }

    /// The first key and the number of places of an array for the keys of all pieces of a partition: so many different ones in each,
    /// like those of these rows. None if there are too few to gain anything, or if they do not lie close together.
    ///
    /// # Safety
    /// The rows have their keys at the offset.
    pub(in crate::table) unsafe fn places(
        &self,
        rows: &Batch,
        offset: usize,
        keys: usize,
        pieces: usize,
    ) -> Option<(u64, usize)> {
        if keys < LEAST_KEYS || pieces < LEAST_PIECES {
            return None;
        }
        // SAFETY: passed on from the caller.
        let range = unsafe { self.range(rows, offset) }.with_margin();
        let places = (range.most - range.least).checked_add(1)?;
        let fits = places <= keys as u64 * pieces as u64 * SPARSEST_PIECES && places < u64::from(u32::MAX);
        fits.then_some((range.least, places as usize))
    }

    /// The hash of a key.
    pub(in crate::table) fn hash(&self, key: u64) -> u64 {
        hash_key(&(key ^ self.sign))
    }
}

/// The smallest and the largest key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) least: u64,
    pub(super) most: u64,
}

impl Range {
    pub(super) const NONE: Range = Range { least: u64::MAX, most: 0 };

    fn with(self, key: u64) -> Range {
        self.and(Range { least: key, most: key })
    }

    /// With some room on both sides: the keys of some rows tell about where those of others are.
    pub(super) fn with_margin(self) -> Range {
        let margin = self.most.saturating_sub(self.least) / 16;
        Range { least: self.least.saturating_sub(margin), most: self.most.saturating_add(margin) }
    }

    pub(super) fn and(self, other: Range) -> Range {
        Range { least: self.least.min(other.least), most: self.most.max(other.most) }
    }

    /// Bytes of the array for these keys; none if it is not worth its memory for so many rows. The sizes are those of rows and of
    /// their values.
    pub(super) fn bytes(self, rows: usize, (row, value): (usize, usize)) -> Option<u64> {
        let numbers = self.most.checked_sub(self.least)?.checked_add(1)?;
        let bytes = numbers.checked_mul(value as u64)?.checked_add(numbers.div_ceil(8))?;
        let most = (rows as u64 * row as u64 * SPARSEST).max(SMALL);
        (bytes <= most && numbers <= u64::from(u32::MAX)).then_some(bytes)
    }
}
