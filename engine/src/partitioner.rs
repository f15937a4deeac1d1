//! How the rows of an RDD are spread over its partitions, where that is known: what lets a join or an aggregation read its
//! input where it is instead of shuffling it again.

use crate::data::Key;
use crate::hash::{hash_key, partition_of};
use std::any::TypeId;

/// Pairs are in the partition that the engine's hash of their key names.
///
/// `partition_by`, `reduce_by_key`, joins and the other operators by key spread their result so; `filter`, `map_values`,
/// `flat_map_values`, `filter_values` and `cache` leave it as it is, and everything else forgets it, as in DPark and Spark. Two
/// RDDs with equal partitioners are joined without a shuffle.
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
    pub fn num_partitions(&self) -> usize {
        self.partitions
    }

    /// The partition of a key, if keys are of this type.
    pub fn partition<K: Key>(&self, key: &K) -> Option<usize> {
        self.places(TypeId::of::<K>()).then(|| partition_of(hash_key(key), self.partitions))
    }

    /// Whether it tells where keys of this type are.
    pub(crate) fn places(&self, key: TypeId) -> bool {
        self.key == key
    }
}
