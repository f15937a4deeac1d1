//! `group_by_key`: all values of a key in one vector, in the order of partitions and rows. The map side only places the pairs:
//! to gather them there would not make them fewer.

use super::Rdd;
use super::partition_by::ByKey;
use crate::batch::{Batch, Elem, allocate, take_row};
use crate::closure::Closure;
use crate::data::{Data, Key};
use crate::hash::hash_key;
use crate::shuffle::{GroupVt, Numbered, ReadVt};
use crate::table::{Buckets, hash_pairs, number_keys, upsert_rows};
use std::any::TypeId;
use std::hash::Hash;
use std::marker::PhantomData;

struct Grouping<K, V>(PhantomData<(K, V)>);

impl<K: Key, V: Data> Grouping<K, V> {
    const READ: &'static ReadVt = &ReadVt {
        out: Elem::<(K, Vec<V>)>::VT,
        table: Elem::<(K, V)>::VT,
        merge: &[],
        group: Some(&GroupVt {
            number: number::<K, V>,
            gather: gather::<K, V>,
            value: size_of::<V>(),
            key: (TypeId::of::<K>, std::mem::offset_of!((K, V), 0)),
        }),
    };
}

/// Counts the pairs of each key, so that each vector is allocated once, in its final size.
unsafe fn number<K: Hash + Eq, V>(pairs: &Batch) -> Numbered {
    let first = pairs.row(0) as *const (K, V);
    let mut keys = Buckets::new(Elem::<(u32, u32)>::VT, 1);
    // SAFETY: the batch has pairs of the table's type, which stay where they are.
    let numbers = unsafe {
        let mut hashes = Vec::new();
        hash_pairs::<K, V>(pairs, &mut hashes);
        number_keys(&hashes, &mut keys, &mut |i, j| (*first.add(i)).0 == (*first.add(j)).0)
    };
    Numbered { numbers, keys }
}

unsafe fn gather<K, V: 'static>(pairs: &mut Batch, numbered: &mut Numbered, groups: &mut Batch) {
    // SAFETY: the batches have the types of the table. Each vector has room for all values of its key, as they were counted.
    unsafe {
        let Numbered { numbers, keys } = numbered;
        let sizes = keys.rows_mut();
        groups.reserve(sizes.rows());
        let target = groups.ptr as *mut (K, Vec<V>);
        let mut i = 0;
        while i < numbers.len() {
            let (key, value) = take_row::<(K, V)>(pairs);
            let number = numbers[i] as usize;
            if number == groups.len {
                let size = (*(sizes.row(number) as *const (u32, u32))).1 as usize;
                let values = Vec::from_raw_parts(allocate(Elem::<V>::VT, size) as *mut V, 0, size);
                target.add(number).write((key, values));
                groups.len += 1;
            }
            let values = &mut (*target.add(number)).1;
            let n = values.len();
            values.as_mut_ptr().add(n).write(value);
            values.set_len(n + 1);
            i += 1;
        }
    }
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
            None,
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
        let (write, read) = (ByKey::<K, V>::WRITE, Grouping::<K, V>::READ);
        Rdd::from_handle(self.handle.by_key::<K>("group_by_key", write, read, Closure::none()))
    }
}
