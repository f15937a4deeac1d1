//! How the rows of an RDD are spread over its partitions, where that is known: what lets a join or an aggregation read its
//! input where it is instead of shuffling it again.

use crate::data::Key;
use crate::hash::{hash_key, partition_of};
use std::any::TypeId;

/// Pairs are in the partition that the engine's hash of their key names.
///
/// `partition_by`, `reduce_by_key`, joins and the other operators by key spread their result so. Operators that leave keys where
/// they are keep it: `filter`, `map_values`, `filter_values`, `flat_map_values`, `inspect`, the samples, `random_split`,
/// `broadcast_join`, `cache`, `persist`, `checkpoint` and `shuffle_into`; everything else forgets it. (DPark
/// keeps it for `mapValue` and `flatMapValue` only.) Two RDDs with equal partitioners are joined without a shuffle.
///
/// ```
/// let ctx = dpark::DparkContext::local(2);
/// let pairs = ctx.range(0, 100).key_by(|x| x % 10).partition_by(4);
/// let partitioner = pairs.partitioner().unwrap();
/// assert_eq!(partitioner.num_partitions(), 4);
/// // Where the pairs of a key are.
/// let there = partitioner.partition(&7i64).unwrap();
/// assert!(pairs.slice(there..there + 1).collect()?.contains(&(7, 17)));
/// // An aggregation by the same keys spreads its result alike, and joins where it is.
/// assert_eq!(pairs.reduce_by_key(|a, b| a + b).partitioner(), Some(partitioner));
/// # Ok::<(), dpark::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Partitioner {
    partitions: usize,
    key: TypeId,
}

impl std::fmt::Debug for Partitioner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "hash of the key over {} partitions", self.partitions)
    }
}

impl Partitioner {
    /// By the hash of keys of type `key`.
    pub(crate) fn hash(partitions: usize, key: TypeId) -> Partitioner {
        Partitioner { partitions, key }
    }

    /// Number of partitions.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 9).key_by(|x| x % 3).partition_by(5);
    /// assert_eq!(pairs.partitioner().map(|partitioner| partitioner.num_partitions()), Some(5));
    /// ```
    pub fn num_partitions(&self) -> usize {
        self.partitions
    }

    /// The partition of a key, if keys are of this type.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 9).key_by(|x| x % 3).partition_by(1);
    /// let partitioner = pairs.partitioner().unwrap();
    /// assert_eq!((partitioner.partition(&7i64), partitioner.partition(&"7".to_string())), (Some(0), None));
    /// ```
    pub fn partition<K: Key>(&self, key: &K) -> Option<usize> {
        self.places(TypeId::of::<K>()).then(|| partition_of(hash_key(key), self.partitions))
    }

    /// Whether it tells where keys of this type are.
    pub(crate) fn places(&self, key: TypeId) -> bool {
        self.key == key
    }
}
