//! Numbering keys that are integers and lie close together: an array says which number a key has, where otherwise it would be
//! hashed, looked up and compared. It is made once for all pieces of a partition; each touches a small part of it.

use super::dense::Integers;
use super::{Buckets, EMPTY, GROUP, prefetch};
use crate::batch::{Batch, Elem};
use crate::storage::Reservation;
use std::any::TypeId;

/// The array.
#[derive(Debug)]
pub(crate) struct Numbering {
    integers: Integers,
    /// The key of the first place.
    least: u64,
    /// The number of the key of each place, or `EMPTY`.
    numbers: Vec<u32>,
    _memory: Reservation,
}

/// Where rows have their keys, and of what type these are.
pub(crate) type KeyPlace = (fn() -> TypeId, usize);

impl Numbering {
    /// An array for pieces with so many keys like those of these rows; none if these are no integers that lie close together,
    /// or if memory is short.
    pub(crate) fn like(
        rows: &Batch,
        keys: usize,
        pieces: usize,
        place: KeyPlace,
        mut memory: Reservation,
    ) -> Option<Numbering> {
        let integers = Integers::at(place)?;
        // SAFETY: the place is that of the rows' keys.
        let (least, places) = unsafe { integers.places(rows, place.1, keys, pieces)? };
        memory.try_resize((places * size_of::<u32>()) as u64).ok()?;
        Some(Numbering { integers, least, numbers: vec![EMPTY; places], _memory: memory })
    }

    /// What `number_keys` gives for these rows; none if a key has no place in the array.
    pub(crate) fn number(&mut self, rows: &Batch) -> Option<(Box<[u32]>, Buckets)> {
        let mut places = vec![0; rows.rows()].into_boxed_slice();
        let offset = self.integers.offsets.0;
        // SAFETY: the array was made for rows of this type.
        let largest = unsafe { self.integers.numbers(self.least, rows, offset, &mut places) };
        if largest >= self.numbers.len() as u64 {
            return None;
        }
        // For each key its place, and its first row with the number of its rows.
        let mut keys: Vec<(u32, (u32, u32))> = Vec::new();
        for row in 0..places.len() {
            if let Some(soon) = places.get(row + GROUP) {
                prefetch(self.numbers.as_ptr().wrapping_add(*soon as usize) as *const u8);
            }
            let place = places[row];
            let number = &mut self.numbers[place as usize];
            if *number == EMPTY {
                *number = keys.len() as u32;
                keys.push((place, (row as u32, 0)));
            }
            keys[*number as usize].1.1 += 1;
            places[row] = *number;
        }
        let mut known = Buckets::new(Elem::<(u32, u32)>::VT, 1);
        for (place, key) in keys {
            self.numbers[place as usize] = EMPTY;
            // SAFETY: the table has rows of this type; this is fresh memory for one.
            unsafe { (known.append(0) as *mut (u32, u32)).write(key) }
        }
        Some((places, known))
    }
}
