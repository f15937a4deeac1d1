//! Accumulators that are lists, sets and maps, with a method that adds one element.

use super::Accumulator;
use crate::context::DparkContext;
use crate::data::{Data, Key};
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::ops::AddAssign;

impl DparkContext {
    /// A list that tasks push to; it comes in the order in which they end.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(2);
    /// let odd = ctx.list_accumulator();
    /// ctx.range(0, 6).with_env((&odd,)).foreach(|(odd,)| move |x| if x % 2 == 1 { odd.push(x) })?;
    /// let mut odd = odd.value();
    /// odd.sort();
    /// assert_eq!(odd, [1, 3, 5]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    pub fn list_accumulator<T: Data>(&self) -> Accumulator<Vec<T>> {
        self.accumulator_with(Vec::new(), |list, more| list.extend(more))
    }

    /// A set that tasks insert into.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(2);
    /// let rests = ctx.set_accumulator();
    /// ctx.range(0, 100).with_env((&rests,)).foreach(|(rests,)| move |x| rests.insert(x % 3))?;
    /// assert_eq!(rests.value(), std::collections::HashSet::from([0, 1, 2]));
    /// # Ok::<(), dpark::Error>(())
    /// ```
    pub fn set_accumulator<T: Key>(&self) -> Accumulator<HashSet<T>> {
        self.accumulator_with(HashSet::new(), |set, more| set.extend(more))
    }

    /// A map to whose values tasks add. (In DPark a later value replaces an earlier one, so the result depends on which task
    /// ends last.)
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(2);
    /// let rests = ctx.map_accumulator();
    /// ctx.range(0, 10).with_env((&rests,)).foreach(|(rests,)| move |x| rests.add_to(x % 3, 1))?;
    /// assert_eq!(rests.value(), std::collections::HashMap::from([(0, 4), (1, 3), (2, 3)]));
    /// # Ok::<(), dpark::Error>(())
    /// ```
    pub fn map_accumulator<K, V>(&self) -> Accumulator<HashMap<K, V>>
    where
        K: Key,
        V: AddAssign + Data,
    {
        self.accumulator_with(HashMap::new(), |map, more| {
            more.into_iter().for_each(|(key, value)| add_to(map, key, value));
        })
    }
}

impl<T: Send + Sync + 'static> Accumulator<Vec<T>> {
    /// Adds one element.
    ///
    /// ```
    /// let list = dpark::DparkContext::local(1).list_accumulator();
    /// list.push('a');
    /// assert_eq!(list.value(), ['a']);
    /// ```
    pub fn push(&self, x: T) {
        self.update(Vec::new, |list| list.push(x));
    }
}

impl<T: Hash + Eq + Send + Sync + 'static> Accumulator<HashSet<T>> {
    /// Adds one element.
    ///
    /// ```
    /// let set = dpark::DparkContext::local(1).set_accumulator();
    /// set.insert(1);
    /// set.insert(1);
    /// assert_eq!(set.value().len(), 1);
    /// ```
    pub fn insert(&self, x: T) {
        self.update(HashSet::new, |set| {
            set.insert(x);
        });
    }
}

impl<K, V> Accumulator<HashMap<K, V>>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: AddAssign + Send + Sync + 'static,
{
    /// Adds to the value of a key.
    ///
    /// ```
    /// let map = dpark::DparkContext::local(1).map_accumulator();
    /// map.add_to('a', 1);
    /// map.add_to('a', 2);
    /// assert_eq!(map.value()[&'a'], 3);
    /// ```
    pub fn add_to(&self, key: K, value: V) {
        self.update(HashMap::new, |map| add_to(map, key, value));
    }
}

fn add_to<K: Hash + Eq, V: AddAssign>(map: &mut HashMap<K, V>, key: K, value: V) {
    match map.get_mut(&key) {
        Some(sum) => *sum += value,
        None => {
            map.insert(key, value);
        }
    }
}
