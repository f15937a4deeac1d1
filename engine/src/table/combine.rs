//! Pairs whose values are combined by key, in hash tables or in an array.

use super::{Buckets, upsert_rows};
use crate::batch::{Batch, take_row};
use crate::hash::hash_key;
use std::hash::Hash;

/// Moves every pair of `input` into the tables: `create` makes a combination of a key's first value, `add` adds another one to
/// it in place. If `add` panics, the combination is gone.
///
/// # Safety
/// `input` holds rows of type `(K, V)`, the tables of type `(K, C)`; if they may become an array, it is made for these types.
#[inline]
pub unsafe fn combine_pairs<K: Hash + Eq, V, C>(
    input: &mut Batch,
    tables: &mut Buckets,
    create: impl Fn(V) -> C,
    add: impl Fn(*mut C, V),
) {
    // SAFETY: there is a place for the number of each row. Values that are present are initialised, a new one is written before
    // anything else is called; they need no drop. A row of a hash table whose value user code was given is the tables' hole
    // meanwhile, so that a panic does not drop the value twice.
    unsafe {
        if let Some(mut places) = tables.places(input) {
            while !input.is_empty() {
                let number = places.next(size_of::<C>());
                let (_, value) = take_row::<(K, V)>(input);
                if places.has(number) {
                    add(places.value(number), value);
                } else {
                    let combined = create(value);
                    (tables.insert(number) as *mut C).write(combined);
                }
            }
            return;
        }
        upsert_rows::<(K, V), (K, C)>(
            input,
            tables,
            None,
            |row| hash_key(&row.0),
            |row, known| row.0 == known.0,
            |(key, value)| (key, create(value)),
            |tables, known, (_, value)| {
                tables.set_hole(known as *mut u8);
                add(&raw mut (*known).1, value);
                tables.set_hole(std::ptr::null_mut());
            },
        )
    }
}
