//! `filter_map`: another row for some rows, none for the others.

use super::flat_map_with::emit_rows;
use super::{Rdd, WithEnv};
use crate::batch::{Batch, Elem};
use crate::closure::Closure;
use crate::pipeline::{OpVt, Step};
use std::marker::PhantomData;

struct FilterMap<T, U, F>(PhantomData<(T, U, F)>);

impl<T: 'static, U: 'static, F: Fn(T) -> Option<U>> FilterMap<T, U, F> {
    const OP: &'static OpVt = &OpVt { name: "filter_map", out: Elem::<U>::VT, state: None, run: run::<T, U, F> };
}

unsafe fn run<T, U, F: Fn(T) -> Option<U>>(f: *const u8, _: *mut u8, input: &mut Batch, out: &mut Batch) -> Step {
    // SAFETY: the table's types are those of the closure and the batches.
    unsafe {
        let f = &*(f as *const F);
        emit_rows::<T, U>(input, out, |row, emitter| {
            if let Some(row) = f(row) {
                emitter.emit(row);
            }
        })
    }
}

impl<T: 'static> Rdd<T> {
    /// Applies `f` to every row and keeps what is in `Some`.
    ///
    /// ```
    /// let texts = dpark::DparkContext::local(2).parallelize(["1", "x", "3"].map(String::from));
    /// assert_eq!(texts.filter_map(|text| text.parse::<i64>().ok()).collect()?, [1, 3]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn filter_map<U: 'static, F: Fn(T) -> Option<U> + Send + Sync + 'static>(&self, f: F) -> Rdd<U> {
        let closure = Closure::plain::<F, fn(T) -> Option<U>>(f, "filter_map");
        Rdd::from_handle(self.handle.narrow(FilterMap::<T, U, F>::OP, closure))
    }

    /// The same for an `f` that leaves the keys of pairs as they are: the partitioner is kept.
    #[track_caller]
    pub(super) fn filter_map_keeping_keys<U: 'static, F>(&self, f: F) -> Rdd<U>
    where
        F: Fn(T) -> Option<U> + Send + Sync + 'static,
    {
        let closure = Closure::plain::<F, fn(T) -> Option<U>>(f, "filter_map");
        Rdd::from_handle(self.handle.narrow_keeping_keys(FilterMap::<T, U, F>::OP, closure))
    }
}

impl<T: 'static, O: 'static> WithEnv<T, O> {
    /// [`Rdd::filter_map`] with captured variables.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 4);
    /// assert_eq!(rdd.with_env((&2i64,)).filter_map(|(n,)| move |x| x.checked_rem(x - n)).collect()?, [0, 0, 0]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn filter_map<U: 'static, G, F>(self, factory: G) -> Rdd<U>
    where
        G: Fn(O) -> F,
        F: Fn(T) -> Option<U> + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure(factory);
        Rdd::from_handle(rdd.handle.narrow(FilterMap::<T, U, F>::OP, closure))
    }
}
