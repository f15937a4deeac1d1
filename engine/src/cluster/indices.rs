//! The indices of map outputs that were read, to be used by the next task that reads the same output. They are not more than some
//! bytes: beyond that they are read again.

use crate::ids::{ShuffleId, TaskId};
use crate::shuffle::Index;
use std::collections::HashMap;
use std::sync::Arc;

/// The most bytes of them. An index has as many entries as the shuffle has pieces on the reduce side.
const LIMIT: usize = 32 << 20;

/// The output of a map partition, made by a task.
pub(super) type Key = (ShuffleId, usize, TaskId);

/// An index, and the disk that it is on.
pub(super) type Found = (Arc<Index>, usize);

/// See the module.
#[derive(Default)]
pub(super) struct Indices {
    known: HashMap<Key, Found>,
    bytes: usize,
}

impl Indices {
    pub(super) fn get(&self, key: Key) -> Option<Found> {
        self.known.get(&key).cloned()
    }

    /// Keeps an index. If it does not fit beside the others, they go.
    pub(super) fn insert(&mut self, key: Key, found: Found) {
        self.insert_within(LIMIT, key, found);
    }

    fn insert_within(&mut self, limit: usize, key: Key, found: Found) {
        let memory = found.0.memory();
        if self.bytes + memory > limit {
            self.retain(|_| false);
        }
        if memory <= limit {
            self.bytes += memory;
            let before = self.known.insert(key, found);
            self.bytes -= before.map_or(0, |(index, _)| index.memory());
        }
    }

    /// Keeps only some.
    pub(super) fn retain(&mut self, keeps: impl Fn(Key) -> bool) {
        self.known.retain(|key, _| keeps(*key));
        self.bytes = self.known.values().map(|(index, _)| index.memory()).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_kept_than_fit() {
        let index = || (Arc::new(Index::new(ShuffleId(1), 0)), 0);
        let (one, mut indices) = (index().0.memory(), Indices::default());
        let key = |map| (ShuffleId(1), map, TaskId(7));
        for map in [0, 0, 1] {
            indices.insert_within(2 * one, key(map), index());
        }
        assert_eq!((indices.known.len(), indices.bytes), (2, 2 * one));
        indices.insert_within(2 * one, key(2), index());
        assert!(indices.get(key(0)).is_none() && indices.get(key(2)).is_some());
        assert_eq!(indices.bytes, one);
        indices.insert_within(one - 1, key(3), index());
        assert_eq!((indices.known.len(), indices.bytes), (0, 0));
        indices.insert(key(4), index());
        indices.retain(|(shuffle, _, _)| shuffle != ShuffleId(1));
        assert_eq!((indices.known.len(), indices.bytes), (0, 0));
    }
}
