//! `partition_by` and `repartition`: rows moved to other partitions, none combined.

use super::Rdd;
use super::sort_by::Rows;
use crate::batch::{Batch, Elem, copy_row};
use crate::closure::Closure;
use crate::codec::Codec;
use crate::data::{Data, Key};
use crate::partitioner::Partitioner;
use crate::shuffle::WriteVt;
use crate::table::{Buckets, hash_pairs};
use std::any::TypeId;
use std::hash::Hash;
use std::marker::PhantomData;

/// Carrier of the map side that places pairs by the hash of their keys.
pub(super) struct ByKey<K, V>(PhantomData<(K, V)>);

impl<K: Key, V: Data> ByKey<K, V> {
    pub(super) const WRITE: &'static WriteVt = &WriteVt {
        input: Elem::<(K, V)>::VT,
        stored: Elem::<(K, V)>::VT,
        codec: Codec::<(K, V)>::VT,
        add: Some(place::<K, V>),
        keys: None,
    };
}

unsafe fn place<K: Hash, V>(_: *const u8, input: &mut Batch, tables: &mut Buckets) {
    // SAFETY: the tables' types are those of the rows.
    unsafe { tables.place(input, hash_pairs::<K, V>) }
}

/// Carrier of the map side that deals rows out like cards.
struct Dealt<T>(PhantomData<T>);

impl<T: Data> Dealt<T> {
    const WRITE: &'static WriteVt =
        &WriteVt { input: Elem::<T>::VT, stored: Elem::<T>::VT, codec: Codec::<T>::VT, add: Some(deal), keys: None };
}

/// Row `i` of map partition `m` goes to partition `m + i`, round and round: the same in every run.
unsafe fn deal(_: *const u8, input: &mut Batch, tables: &mut Buckets) {
    let (size, partitions) = (input.elem().size, tables.tables());
    let mut next = tables.map_partition() + tables.rows();
    while !input.is_empty() {
        let row = input.row(0);
        input.head += 1;
        // SAFETY: the row moves to fresh memory for one of its type.
        unsafe { copy_row(row, tables.append(next % partitions), size) }
        next += 1;
    }
}

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// Moves each pair to the partition, of `n`, that the hash of its key names. What follows by the same keys needs no
    /// shuffle; an RDD that is partitioned so already is returned as it is. (DPark's `partitionByKey`.)
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 100).key_by(|x| x % 10).partition_by(4);
    /// let keys = pairs.map(|kv| kv.0).map_partitions(|keys| [keys.collect::<std::collections::BTreeSet<_>>().len()]);
    /// assert_eq!((keys.num_partitions(), keys.sum()?), (4, 10)); // each key in one partition
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[doc(alias = "partition_by_key")]
    #[track_caller]
    pub fn partition_by(&self, n: usize) -> Rdd<(K, V)>
    where
        K: Key,
        V: Data,
    {
        let (write, read) = (ByKey::<K, V>::WRITE, Rows::<(K, V)>::READ);
        Rdd::from_handle(self.handle.partitioned(n, write, read, TypeId::of::<K>()))
    }

    /// [`Rdd::partition_by`] by DPark's name.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 100).key_by(|x| x % 10);
    /// assert_eq!(pairs.partition_by_key(4).partitioner(), pairs.partition_by(4).partitioner());
    /// ```
    #[track_caller]
    pub fn partition_by_key(&self, n: usize) -> Rdd<(K, V)>
    where
        K: Key,
        V: Data,
    {
        self.partition_by(n)
    }
}

impl<T: 'static> Rdd<T> {
    /// Spreads the rows evenly over `n` partitions, by a shuffle. [`Rdd::coalesce`] makes fewer partitions without one.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 10).repartition(5);
    /// assert_eq!(rdd.map_partitions(|rows| [rows.count()]).collect()?, [2, 2, 2, 2, 2]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn repartition(&self, n: usize) -> Rdd<T>
    where
        T: Data,
    {
        let (write, read) = (Dealt::<T>::WRITE, Rows::<T>::READ);
        Rdd::from_handle(self.handle.shuffled_into("repartition", n, write, read, Closure::none()))
    }

    /// The same rows; the next shuffle of what this returns makes `n` partitions instead of the default number, also behind row
    /// operators in between. The partitioner is kept.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 100).key_by(|x| x % 10);
    /// assert_eq!(pairs.shuffle_into(7).reduce_by_key(|a, b| a + b).num_partitions(), 7);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn shuffle_into(&self, n: usize) -> Rdd<T> {
        Rdd::from_handle(self.handle.shuffle_into(n))
    }

    /// How the rows are spread over the partitions, if that follows from their keys.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 9).key_by(|x| x % 3);
    /// assert!(pairs.partitioner().is_none());
    /// let sums = pairs.reduce_by_key(|a, b| a + b);
    /// assert_eq!(sums.map_values(|v| v + 1).partitioner(), sums.partitioner());
    /// ```
    pub fn partitioner(&self) -> Option<Partitioner> {
        self.handle.partitioner()
    }
}

impl crate::node::RddHandle {
    #[inline(never)]
    fn partitioner(&self) -> Option<Partitioner> {
        self.arc().partitioner
    }
}
