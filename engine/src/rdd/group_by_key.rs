//! `group_by_key`: all values of a key in one vector, in the order of partitions and rows.

use super::Rdd;
use crate::batch::{Batch, Elem};
use crate::closure::Closure;
use crate::codec::Codec;
use crate::data::{Data, Key};
use crate::hash::hash_key;
use crate::shuffle::{ReadVt, WriteVt};
use crate::table::{Buckets, upsert_rows};
use std::hash::Hash;
use std::marker::PhantomData;

pub(super) struct Grouping<K, V>(PhantomData<(K, V)>);

impl<K: Key, V: Data> Grouping<K, V> {
    pub(super) const WRITE: &'static WriteVt = &WriteVt {
        input: Elem::<(K, V)>::VT,
        stored: Elem::<(K, Vec<V>)>::VT,
        codec: Codec::<(K, Vec<V>)>::VT,
        add: Some(add::<K, V>),
    };
    const READ: &'static ReadVt = &ReadVt { out: Elem::<(K, Vec<V>)>::VT, merge: &[merge::<K, V>] };
}

unsafe fn add<K: Hash + Eq, V>(_: *const u8, input: &mut Batch, tables: &mut Buckets) {
    // SAFETY: the tables' types are those of the rows.
    unsafe { merge_by_key::<K, V, Vec<V>>(input, tables, Vec::new, |values, value| values.push(value)) }
}

unsafe fn merge<K: Hash + Eq, V>(_: *const u8, input: &mut Batch, tables: &mut Buckets) {
    // SAFETY: the tables' types are those of the rows.
    unsafe { merge_by_key::<K, Vec<V>, Vec<V>>(input, tables, Vec::new, |values, mut more| values.append(&mut more)) }
}

/// Moves pairs into tables: `change` adds a pair's value to what is known of its key, which begins as `new`.
///
/// # Safety
/// `input` holds rows of type `(K, V)`, the tables of type `(K, C)`.
#[inline]
pub(super) unsafe fn merge_by_key<K: Hash + Eq, V, C>(
    input: &mut Batch,
    tables: &mut Buckets,
    new: impl Fn() -> C,
    change: impl Fn(&mut C, V),
) {
    // SAFETY: passed on from the caller; `update` gets the address of an initialised row.
    unsafe {
        upsert_rows::<(K, V), (K, C)>(
            input,
            tables,
            |row| hash_key(&row.0),
            |row, known| row.0 == known.0,
            |(key, value)| {
                let mut combined = new();
                change(&mut combined, value);
                (key, combined)
            },
            |_, known, (_, value)| change(&mut (*known).1, value),
        )
    }
}

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// Gathers all values of each key.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 5).key_by(|x| x % 2);
    /// assert_eq!(pairs.group_by_key().collect_as_map()?[&0], [0, 2, 4]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn group_by_key(&self) -> Rdd<(K, Vec<V>)>
    where
        K: Key,
        V: Data,
    {
        let (write, read) = (Grouping::<K, V>::WRITE, Grouping::<K, V>::READ);
        Rdd::from_handle(self.handle.by_key::<K>("group_by_key", write, read, Closure::none()))
    }
}
