//! `map_partitions_with_index`: one closure call for each partition, over its index and an iterator of its rows.

use super::map_partitions::{Running, next};
use super::{Rdd, WithEnv};
use crate::batch::Elem;
use crate::closure::Closure;
use crate::pipeline::{PartitionsVt, Rows, Upstream};
use std::marker::PhantomData;

struct MapPartitionsWithIndex<T, I, F>(PhantomData<(T, I, F)>);

impl<T: 'static, I: IntoIterator<Item: 'static>, F: Fn(usize, Rows<T>) -> I> MapPartitionsWithIndex<T, I, F> {
    const OP: &'static PartitionsVt = &PartitionsVt {
        name: "map_partitions_with_index",
        out: Elem::<I::Item>::VT,
        state: Running::<I::IntoIter>::STATE,
        open: open::<T, I, F>,
        next: next::<I::IntoIter>,
    };
}

unsafe fn open<T, I: IntoIterator, F: Fn(usize, Rows<T>) -> I>(f: *const u8, upstream: Upstream, state: *mut u8) {
    // SAFETY: the table's types are those of closure, upstream and state.
    unsafe {
        let f = &*(f as *const F);
        let running = &mut *(state as *mut Running<I::IntoIter>);
        running.rows = Some(f(running.partition, Rows::new(upstream)).into_iter());
    }
}

impl<T: 'static> Rdd<T> {
    /// Calls `f` once for each partition, with its index and an iterator over its rows; what it returns are the rows of the
    /// partition.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 10);
    /// let sums = rdd.map_partitions_with_index(|partition, rows| [(partition, rows.sum::<i64>())]);
    /// assert_eq!(sums.collect()?, [(0, 10), (1, 35)]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn map_partitions_with_index<I, F>(&self, f: F) -> Rdd<I::Item>
    where
        I: IntoIterator<Item: 'static> + 'static,
        F: Fn(usize, Rows<T>) -> I + Send + Sync + 'static,
    {
        let closure = Closure::plain::<F, fn(usize, Rows<T>) -> I>(f, "map_partitions_with_index");
        Rdd::from_handle(self.handle.partitions(MapPartitionsWithIndex::<T, I, F>::OP, closure))
    }
}

impl<T: 'static, O: 'static> WithEnv<T, O> {
    /// [`Rdd::map_partitions_with_index`] with captured variables.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 10);
    /// let some = rdd.with_env((&2usize,)).map_partitions_with_index(|(n,)| move |i, rows| rows.take(i * n));
    /// assert_eq!(some.collect()?, [5, 6]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn map_partitions_with_index<I, G, F>(self, factory: G) -> Rdd<I::Item>
    where
        I: IntoIterator<Item: 'static> + 'static,
        G: Fn(O) -> F,
        F: Fn(usize, Rows<T>) -> I + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure(factory);
        Rdd::from_handle(rdd.handle.partitions(MapPartitionsWithIndex::<T, I, F>::OP, closure))
    }
}
