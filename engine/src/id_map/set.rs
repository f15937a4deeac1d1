//! Sets of numbers in their order.

use super::{IdMap, MapKey};

/// A set in the order of its keys.
#[derive(Clone)]
pub(crate) struct IdSet<K>(IdMap<K, ()>);

impl<K: MapKey> IdSet<K> {
    /// An empty set.
    pub(crate) fn new() -> IdSet<K> {
        IdSet::default()
    }

    /// Number of keys.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no keys.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `key` is in it.
    pub(crate) fn contains(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }

    /// Puts in `key`; whether it was not there.
    pub(crate) fn insert(&mut self, key: K) -> bool {
        self.0.insert(key, ()).is_none()
    }

    /// Takes out `key`; whether it was there.
    pub(crate) fn remove(&mut self, key: &K) -> bool {
        self.0.remove(key).is_some()
    }

    /// The smallest key.
    pub(crate) fn first(&self) -> Option<&K> {
        self.0.first_key_value().map(|(key, ())| key)
    }

    /// Takes out the smallest key.
    pub(crate) fn pop_first(&mut self) -> Option<K> {
        let first = *self.first()?;
        self.remove(&first);
        Some(first)
    }

    /// The keys in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &K> {
        self.0.keys()
    }

    /// The keys from `first` on, in their order.
    pub(crate) fn from(&self, first: K) -> impl Iterator<Item = &K> {
        self.0.from(first).map(|(key, ())| key)
    }

    /// Takes out everything.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

impl<K> Default for IdSet<K> {
    fn default() -> IdSet<K> {
        IdSet(IdMap::default())
    }
}

impl<K: MapKey + std::fmt::Debug> std::fmt::Debug for IdSet<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl<K: MapKey> IntoIterator for IdSet<K> {
    type Item = K;
    type IntoIter = std::iter::Map<std::vec::IntoIter<(K, ())>, fn((K, ())) -> K>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter().map(|(key, ())| key)
    }
}

impl<'a, K: MapKey> IntoIterator for &'a IdSet<K> {
    type Item = &'a K;
    type IntoIter = std::iter::Map<super::Iter<'a, K, ()>, fn((&'a K, &'a ())) -> &'a K>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(key, ())| key)
    }
}

impl<K: MapKey> Extend<K> for IdSet<K> {
    fn extend<I: IntoIterator<Item = K>>(&mut self, keys: I) {
        self.0.extend(keys.into_iter().map(|key| (key, ())));
    }
}

impl<K: MapKey> FromIterator<K> for IdSet<K> {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> IdSet<K> {
        IdSet(keys.into_iter().map(|key| (key, ())).collect())
    }
}
