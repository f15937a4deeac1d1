//! The tree that all maps by numbers share: where the entry of a number is.

use std::collections::btree_map::{BTreeMap, Entry, Range};

/// Numbers and their places. Places count from 0; one that is given up is the next to be taken.
#[derive(Clone, Default)]
pub(super) struct Places {
    tree: BTreeMap<u128, usize>,
    free: Vec<usize>,
}

impl Places {
    pub(super) fn len(&self) -> usize {
        self.tree.len()
    }

    /// The place of a number.
    pub(super) fn find(&self, number: u128) -> Option<usize> {
        self.tree.get(&number).copied()
    }

    /// The place of the smallest number.
    pub(super) fn first(&self) -> Option<usize> {
        self.tree.first_key_value().map(|(_, place)| *place)
    }

    /// The place of a number, which gets one if it has none.
    pub(super) fn add(&mut self, number: u128) -> usize {
        let used = self.tree.len();
        match self.tree.entry(number) {
            Entry::Occupied(place) => *place.get(),
            // All places that were ever taken are in use, if none is free.
            Entry::Vacant(entry) => *entry.insert(self.free.pop().unwrap_or(used)),
        }
    }

    /// Takes out a number; its place, which is free now.
    pub(super) fn remove(&mut self, number: u128) -> Option<usize> {
        let place = self.tree.remove(&number)?;
        self.free.push(place);
        Some(place)
    }

    /// The places of the numbers from `first` on, in the order of the numbers.
    pub(super) fn from(&self, first: u128) -> Steps<'_> {
        Steps(self.tree.range(first..))
    }

    /// All places, in the order of the numbers.
    pub(super) fn all(&self) -> Vec<usize> {
        self.tree.values().copied().collect()
    }
}

/// Places in the order of their numbers.
pub(super) struct Steps<'a>(Range<'a, u128, usize>);

impl Iterator for Steps<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.0.next().map(|(_, place)| *place)
    }
}
