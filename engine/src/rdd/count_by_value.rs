//! `count_by_value`: how often each row occurs.

use super::Rdd;
use super::reduce_by_key_to_driver::into_map;
use crate::batch::{Batch, Elem};
use crate::closure::Closure;
use crate::codec::Codec;
use crate::data::Key;
use crate::error::Result;
use crate::hash::hash_key;
use crate::shuffle::{ReadVt, WriteVt};
use crate::table::{Buckets, upsert_rows};
use std::collections::HashMap;
use std::hash::Hash;
use std::marker::PhantomData;

pub(super) struct CountByValue<T>(PhantomData<T>);

impl<T: Key> CountByValue<T> {
    pub(super) const WRITE: &'static WriteVt = &WriteVt {
        input: Elem::<T>::VT,
        stored: Elem::<(T, u64)>::VT,
        codec: Codec::<(T, u64)>::VT,
        add: Some(add::<T>),
        keys: None,
    };
    pub(super) const READ: &'static ReadVt = &ReadVt::merged(Elem::<(T, u64)>::VT, &[add_up::<T>]);
}

unsafe fn add<T: Hash + Eq>(_: *const u8, input: &mut Batch, tables: &mut Buckets) {
    // SAFETY: the tables' types are those of the rows.
    unsafe { count_rows::<T, T>(input, tables, |row| row, |row| (row, 1)) }
}

unsafe fn add_up<T: Hash + Eq>(_: *const u8, input: &mut Batch, tables: &mut Buckets) {
    // SAFETY: the tables' types are those of the rows.
    unsafe { count_rows::<(T, u64), T>(input, tables, |row| &row.0, |row| row) }
}

/// Counts rows by key: `key` is the key of a row, `counted` makes of it the key and what the row counts.
///
/// # Safety
/// `input` holds rows of type `T`, the tables of type `(K, u64)`.
#[inline]
pub(super) unsafe fn count_rows<T, K: Hash + Eq>(
    input: &mut Batch,
    tables: &mut Buckets,
    key: impl Fn(&T) -> &K,
    counted: impl Fn(T) -> (K, u64),
) {
    // SAFETY: passed on from the caller; `update` gets the address of an initialised row.
    unsafe {
        upsert_rows::<T, (K, u64)>(
            input,
            tables,
            None,
            |row| hash_key(key(row)),
            |row, known| *key(row) == known.0,
            &counted,
            |_, known, row| (*known).1 += counted(row).1,
        )
    }
}

impl<T: 'static> Rdd<T> {
    /// Counts how often each row occurs; the counts come to the driver as a map. There is no shuffle: for very many different
    /// rows `rdd.map(|row| (row, 1)).reduce_by_key(|a, b| a + b)` is better.
    ///
    /// ```
    /// let counts = dpark::DparkContext::local(2).parallelize(['a', 'b', 'a']).count_by_value()?;
    /// assert_eq!((counts[&'a'], counts[&'b']), (2, 1));
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn count_by_value(&self) -> Result<HashMap<T, u64>>
    where
        T: Key,
    {
        let (write, read) = (CountByValue::<T>::WRITE, CountByValue::<T>::READ);
        let counts = self.handle.combine_to_driver("count_by_value", write, read, Closure::none());
        // SAFETY: the tables have rows of this type.
        counts.map(|counts| unsafe { into_map(counts) })
    }
}
