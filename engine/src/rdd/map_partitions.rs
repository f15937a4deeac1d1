//! `map_partitions`: one closure call for each partition, over an iterator of its rows.

use super::{Rdd, WithEnv};
use crate::batch::{Batch, Elem};
use crate::closure::Closure;
use crate::pipeline::{PartitionsVt, Rows, StateVt, Upstream};
use std::alloc::Layout;
use std::marker::PhantomData;

struct MapPartitions<T, I, F>(PhantomData<(T, I, F)>);

impl<T: 'static, I: IntoIterator<Item: 'static>, F: Fn(Rows<T>) -> I> MapPartitions<T, I, F> {
    const OP: &'static PartitionsVt = &PartitionsVt {
        name: "map_partitions",
        out: Elem::<I::Item>::VT,
        state: Running::<I::IntoIter>::STATE,
        open: open::<T, I, F>,
        next: next::<I::IntoIter>,
    };
}

/// The state of an operator whose closure makes an iterator `I` of a partition.
pub(super) struct Running<I> {
    /// The partition's index.
    pub(super) partition: usize,
    /// What the closure returned; none before it was called.
    pub(super) rows: Option<I>,
}

impl<I> Running<I> {
    pub(super) const STATE: &'static StateVt =
        &StateVt { layout: Layout::new::<Running<I>>(), init: init::<I>, drop: drop_rows::<I> };
}

unsafe fn init<I>(state: *mut u8, partition: u64) {
    // SAFETY: the memory is laid out for the state.
    unsafe { (state as *mut Running<I>).write(Running { partition: partition as usize, rows: None }) }
}

unsafe fn drop_rows<I>(state: *mut u8) {
    // SAFETY: the state was written by `init`.
    unsafe { std::ptr::drop_in_place(state as *mut Running<I>) }
}

unsafe fn open<T, I: IntoIterator, F: Fn(Rows<T>) -> I>(f: *const u8, upstream: Upstream, state: *mut u8) {
    // SAFETY: the table's types are those of closure, upstream and state.
    unsafe {
        let f = &*(f as *const F);
        (*(state as *mut Running<I::IntoIter>)).rows = Some(f(Rows::new(upstream)).into_iter());
    }
}

/// Fills a batch from the iterator.
///
/// # Safety
/// The state is a [`Running<I>`], the batch has rows of the iterator's items.
pub(super) unsafe fn next<I: Iterator>(state: *mut u8, out: &mut Batch) -> bool {
    // SAFETY: the types are as the caller says.
    unsafe {
        let rows = &mut (*(state as *mut Running<I>)).rows;
        out.reserve(out.limit);
        while out.len < out.limit {
            let Some(row) = rows.as_mut().and_then(Iterator::next) else { return false };
            (out.ptr as *mut I::Item).add(out.len).write(row);
            out.len += 1;
        }
    }
    true
}

impl<T: 'static> Rdd<T> {
    /// Calls `f` once for each partition, with an iterator over its rows; what it returns are the rows of the partition.
    /// Since it sees the whole partition, a panic in it is no bad row that `--err` could leave out.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 10);
    /// assert_eq!(rdd.map_partitions(|rows| [rows.sum::<i64>()]).collect()?, [10, 35]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[doc(alias = "map_partition")]
    #[track_caller]
    pub fn map_partitions<I, F>(&self, f: F) -> Rdd<I::Item>
    where
        I: IntoIterator<Item: 'static> + 'static,
        F: Fn(Rows<T>) -> I + Send + Sync + 'static,
    {
        let closure = Closure::plain::<F, fn(Rows<T>) -> I>(f, "map_partitions");
        Rdd::from_handle(self.handle.partitions(MapPartitions::<T, I, F>::OP, closure))
    }
}

impl<T: 'static, O: 'static> WithEnv<T, O> {
    /// [`Rdd::map_partitions`] with captured variables.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 10);
    /// let firsts = rdd.with_env((&2usize,)).map_partitions(|(n,)| move |rows| rows.take(n));
    /// assert_eq!(firsts.collect()?, [0, 1, 5, 6]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn map_partitions<I, G, F>(self, factory: G) -> Rdd<I::Item>
    where
        I: IntoIterator<Item: 'static> + 'static,
        G: Fn(O) -> F,
        F: Fn(Rows<T>) -> I + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure(factory);
        Rdd::from_handle(rdd.handle.partitions(MapPartitions::<T, I, F>::OP, closure))
    }
}
