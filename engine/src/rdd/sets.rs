//! `intersection`, `subtract` and `update`: two RDDs as sets of rows or of keys.

use super::Rdd;
use super::cogroup::Cogrouped;
use crate::data::{Data, Key};

fn unit<T>(row: T) -> (T, ()) {
    (row, ())
}

fn row<T>((row, ()): (T, ())) -> T {
    row
}

fn joined_row<T>((row, _): (T, ((), ()))) -> T {
    row
}

fn newest<K, V>((key, (mut old, mut new)): Cogrouped<K, V, V>) -> Option<(K, V)> {
    Some((key, new.pop().or_else(|| old.pop())?))
}

fn newest_known<K, V>((key, (mut old, mut new)): Cogrouped<K, V, V>) -> Option<(K, V)> {
    let known = old.pop()?;
    Some((key, new.pop().unwrap_or(known)))
}

impl<T: 'static> Rdd<T> {
    /// The rows that are in both RDDs, each once.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(2);
    /// let both = ctx.parallelize([1, 2, 2, 3]).intersection(&ctx.parallelize([2, 3, 4]));
    /// assert_eq!(both.sort_by(|x| *x).collect()?, [2, 3]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn intersection(&self, other: &Rdd<T>) -> Rdd<T>
    where
        T: Key + Clone,
    {
        let once = |rdd: &Rdd<T>| rdd.map(unit::<T>).reduce_by_key(|(), ()| ());
        once(self).join(&once(other)).map(joined_row::<T>)
    }

    /// The rows of `self` that are not in `other`, as often as they are in `self`.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(1);
    /// assert_eq!(ctx.parallelize([1, 2, 1, 3]).subtract(&ctx.parallelize([3, 2])).collect()?, [1, 1]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[doc(alias = "except")]
    #[track_caller]
    pub fn subtract(&self, other: &Rdd<T>) -> Rdd<T>
    where
        T: Key + Clone,
    {
        self.map(unit::<T>).subtract_by_key(&other.map(unit::<T>)).map(row::<T>)
    }
}

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// The pairs of both RDDs, each key once: with its last value in `other` if it has one there, else the last one in
    /// `self`. The pairs are spread by key. (DPark's `update`.)
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(1);
    /// let stock = ctx.parallelize([('a', 1), ('b', 2)]).update(&ctx.parallelize([('b', 5), ('c', 6)]));
    /// assert_eq!(stock.sort_by(|kv| kv.0).collect()?, [('a', 1), ('b', 5), ('c', 6)]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn update(&self, other: &Rdd<(K, V)>) -> Rdd<(K, V)>
    where
        K: Key,
        V: Data,
    {
        self.cogroup(other).filter_map_keeping_keys(newest::<K, V>)
    }

    /// [`Rdd::update`] of the keys that `self` has; keys of `other` alone are left out. (DPark's `replace_only`.)
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(1);
    /// let stock = ctx.parallelize([('a', 1), ('b', 2)]).update_known(&ctx.parallelize([('b', 5), ('c', 6)]));
    /// assert_eq!(stock.sort_by(|kv| kv.0).collect()?, [('a', 1), ('b', 5)]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn update_known(&self, other: &Rdd<(K, V)>) -> Rdd<(K, V)>
    where
        K: Key,
        V: Data,
    {
        self.cogroup(other).filter_map_keeping_keys(newest_known::<K, V>)
    }
}
