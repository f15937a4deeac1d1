//! Ordered maps and sets by numbers: jobs, tasks, partitions, executors and pairs of them. They behave as `BTreeMap` and
//! `BTreeSet` do, but share one compiled tree: it maps numbers to places, and a map has its entries at those places. With a
//! `BTreeMap` of its own for each kind of entry, nearly a third of the engine's code was copies of the B-tree, and compiling
//! them a large part of what the first start of a session takes.

mod key;
mod places;
mod set;
#[cfg(test)]
mod tests;

pub(crate) use key::{MapKey, Number};
use places::{Places, Steps};
pub(crate) use set::IdSet;

/// A map in the order of its keys.
#[derive(Clone)]
pub(crate) struct IdMap<K, V> {
    places: Places,
    /// The entries at their places; the free places are empty.
    entries: Vec<Option<(K, V)>>,
}

impl<K: MapKey, V> IdMap<K, V> {
    /// An empty map.
    pub(crate) fn new() -> IdMap<K, V> {
        IdMap::default()
    }

    /// Number of entries.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are no entries.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether `key` has a value.
    pub(crate) fn contains_key(&self, key: &K) -> bool {
        self.places.find(key.number()).is_some()
    }

    /// The value of `key`.
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.entries[self.places.find(key.number())?].as_ref().map(|(_, value)| value)
    }

    /// The value of `key`, to be changed.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries[self.places.find(key.number())?].as_mut().map(|(_, value)| value)
    }

    /// Gives `key` a value; the one before.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.place(key).replace((key, value)).map(|(_, before)| before)
    }

    /// Takes out `key`; its value.
    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let place = self.places.remove(key.number())?;
        self.entries[place].take().map(|(_, value)| value)
    }

    /// The value of `key`, which `make` makes if it has none.
    pub(crate) fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        &mut self.place(key).get_or_insert_with(|| (key, make())).1
    }

    /// The value of `key`, the default one if it has none.
    pub(crate) fn get_or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        self.get_or_insert_with(key, V::default)
    }

    /// The entry with the smallest key.
    pub(crate) fn first_key_value(&self) -> Option<(&K, &V)> {
        self.entries[self.places.first()?].as_ref().map(|(key, value)| (key, value))
    }

    /// The entries by key.
    pub(crate) fn iter(&self) -> Iter<'_, K, V> {
        Iter { steps: self.places.from(0), entries: &self.entries }
    }

    /// The entries with the keys from `first` on.
    pub(crate) fn from(&self, first: K) -> Iter<'_, K, V> {
        Iter { steps: self.places.from(first.number()), entries: &self.entries }
    }

    /// The keys in their order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// The values by key.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// The entries by key, their values to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        let mut entries: Vec<Option<&mut (K, V)>> = self.entries.iter_mut().map(Option::as_mut).collect();
        let in_order = self.places.from(0).filter_map(move |place| entries[place].take());
        in_order.map(|(key, value)| (&*key, value))
    }

    /// The values by key, to be changed.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.iter_mut().map(|(_, value)| value)
    }

    /// The values by key, without the map.
    pub(crate) fn into_values(self) -> impl Iterator<Item = V> {
        self.into_iter().map(|(_, value)| value)
    }

    /// Leaves the entries that `keep` wants.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        for place in self.places.all() {
            if let Some((key, value)) = &mut self.entries[place]
                && !keep(key, value)
            {
                self.places.remove(key.number());
                self.entries[place] = None;
            }
        }
    }

    /// Takes out everything.
    pub(crate) fn clear(&mut self) {
        *self = IdMap::default();
    }

    /// The place of `key`, empty if it has no value yet; then it must be filled.
    fn place(&mut self, key: K) -> &mut Option<(K, V)> {
        let place = self.places.add(key.number());
        if place == self.entries.len() {
            self.entries.push(None);
        }
        &mut self.entries[place]
    }
}

/// The entries of a map by key.
pub(crate) struct Iter<'a, K, V> {
    steps: Steps<'a>,
    entries: &'a [Option<(K, V)>],
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<(&'a K, &'a V)> {
        self.entries[self.steps.next()?].as_ref().map(|(key, value)| (key, value))
    }
}

impl<K, V> Default for IdMap<K, V> {
    fn default() -> IdMap<K, V> {
        IdMap { places: Places::default(), entries: Vec::new() }
    }
}

impl<K: MapKey + std::fmt::Debug, V: std::fmt::Debug> std::fmt::Debug for IdMap<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<K: MapKey, V> std::ops::Index<&K> for IdMap<K, V> {
    type Output = V;

    fn index(&self, key: &K) -> &V {
        // As maps of the standard library do.
        #[expect(clippy::expect_used, reason = "the caller says that there is such a key")]
        self.get(key).expect("no entry found for key")
    }
}

impl<'a, K: MapKey, V> IntoIterator for &'a IdMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

impl<K: MapKey, V> IntoIterator for IdMap<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(mut self) -> std::vec::IntoIter<(K, V)> {
        let mut entries = Vec::with_capacity(self.len());
        entries.extend(self.places.from(0).filter_map(|place| self.entries[place].take()));
        entries.into_iter()
    }
}

impl<K: MapKey, V> Extend<(K, V)> for IdMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K: MapKey, V> FromIterator<(K, V)> for IdMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> IdMap<K, V> {
        let mut map = IdMap::new();
        map.extend(entries);
        map
    }
}
