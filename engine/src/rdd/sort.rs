//! `sort` and `sort_by_key`: orders that rows have of themselves.

use super::Rdd;
use super::sort_by::{Rows, SortBy};
use crate::closure::Closure;
use crate::data::{Data, Ordered};

fn row<T: Clone>(row: &T) -> T {
    row.clone()
}

fn key<K: Clone, V>(pair: &(K, V)) -> K {
    pair.0.clone()
}

impl<T: 'static> Rdd<T> {
    /// Sorts the rows. [`Rdd::sort_by`] sorts by something else.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).parallelize([3, 1, 2]);
    /// assert_eq!(rdd.sort().collect()?, [1, 2, 3]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn sort(&self) -> Rdd<T>
    where
        T: Data + Ordered + Clone,
    {
        let closure = Closure::plain::<fn(&T) -> T, fn(&T) -> T>(row::<T>, "sort");
        let sort = SortBy::<T, T, fn(&T) -> T>::TOTAL;
        Rdd::from_handle(self.handle.sorted("sort", Rows::<T>::WRITE, Rows::<T>::READ, sort, closure))
    }
}

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// Sorts the pairs by their keys; pairs with equal keys stay in order. The ranges of the partitions come from samples of
    /// every partition.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).parallelize([(2, 'b'), (3, 'c'), (1, 'a')]);
    /// assert_eq!(rdd.sort_by_key().map(|kv| kv.1).collect()?, ['a', 'b', 'c']);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn sort_by_key(&self) -> Rdd<(K, V)>
    where
        K: Data + Ordered + Clone,
        V: Data,
    {
        let closure = Closure::plain::<fn(&(K, V)) -> K, fn(&(K, V)) -> K>(key::<K, V>, "sort_by_key");
        let sort = SortBy::<(K, V), K, fn(&(K, V)) -> K>::TOTAL;
        let (write, read) = (Rows::<(K, V)>::WRITE, Rows::<(K, V)>::READ);
        Rdd::from_handle(self.handle.sorted("sort_by_key", write, read, sort, closure))
    }
}
