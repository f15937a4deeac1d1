//! `group_by_key`: all values of a key in one vector, in the order of partitions and rows.

use super::Rdd;
use crate::batch::{Batch, Elem};
use crate::closure::Closure;
use crate::codec::Codec;
use crate::data::Data;
use crate::hash::hash_key;
use crate::shuffle::{ReadVt, WriteVt};
use crate::table::{Buckets, drain_hashed};
use std::hash::Hash;
use std::marker::PhantomData;

pub(super) struct Grouping<K, V>(PhantomData<(K, V)>);

impl<K: Data + Hash + Eq, V: Data> Grouping<K, V> {
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
    unsafe {
        drain_hashed::<(K, V)>(
            input,
            tables,
            |row| hash_key(&row.0),
            |tables, hash, (key, value)| {
                entry(tables, hash, key, Vec::new, |values: &mut Vec<V>| values.push(value));
            },
        )
    }
}

unsafe fn merge<K: Hash + Eq, V>(_: *const u8, input: &mut Batch, tables: &mut Buckets) {
    // SAFETY: the tables' types are those of the rows.
    unsafe {
        drain_hashed::<(K, Vec<V>)>(
            input,
            tables,
            |row| hash_key(&row.0),
            |tables, hash, (key, mut more)| {
                entry(tables, hash, key, Vec::new, |values: &mut Vec<V>| values.append(&mut more));
            },
        )
    }
}

/// Finds or makes the row of a key and changes its value.
///
/// # Safety
/// The tables hold rows of type `(K, C)`.
#[inline]
pub(super) unsafe fn entry<K: Hash + Eq, C>(
    tables: &mut Buckets,
    hash: u64,
    key: K,
    new: impl FnOnce() -> C,
    change: impl FnOnce(&mut C),
) {
    let mut probe = tables.probe(hash);
    // SAFETY: candidates are initialised rows of the type; a new row is written before anything else is called.
    unsafe {
        loop {
            let row = probe.candidate() as *mut (K, C);
            if row.is_null() {
                let mut value = new();
                change(&mut value);
                (probe.insert() as *mut (K, C)).write((key, value));
                return;
            }
            if (*row).0 == key {
                change(&mut (*row).1);
                return;
            }
        }
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
        K: Data + Hash + Eq,
        V: Data,
    {
        let (write, read) = (Grouping::<K, V>::WRITE, Grouping::<K, V>::READ);
        Rdd::from_handle(self.handle.shuffled("group_by_key", write, read, Closure::none()))
    }
}
