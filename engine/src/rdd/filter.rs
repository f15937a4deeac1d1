//! `filter`: the rows for which a predicate holds.

use super::{Rdd, WithEnv};
use crate::batch::{Batch, Elem, filter_rows};
use crate::closure::Closure;
use crate::pipeline::{OpVt, Step};
use std::marker::PhantomData;

struct Filter<T, F>(PhantomData<(T, F)>);

impl<T: 'static, F: Fn(&T) -> bool> Filter<T, F> {
    const OP: &'static OpVt = &OpVt { name: "filter", out: Elem::<T>::VT, state: None, run: run::<T, F> };
}

unsafe fn run<T, F: Fn(&T) -> bool>(f: *const u8, _: *mut u8, input: &mut Batch, out: &mut Batch) -> Step {
    // SAFETY: the table's types are those of the closure and the batches.
    unsafe {
        let f = &*(f as *const F);
        filter_rows::<T>(input, out, f);
    }
    Step::Done
}

impl<T: 'static> Rdd<T> {
    /// Keeps the rows for which `f` holds, where they are: the partitioner of pairs is kept.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 6);
    /// assert_eq!(rdd.filter(|x| x % 2 == 0).collect()?, [0, 2, 4]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn filter<F: Fn(&T) -> bool + Send + Sync + 'static>(&self, f: F) -> Rdd<T> {
        Rdd::from_handle(
            self.handle.narrow_keeping_keys(Filter::<T, F>::OP, Closure::plain::<F, fn(&T) -> bool>(f, "filter")),
        )
    }
}

impl<T: 'static, O: 'static> WithEnv<T, O> {
    /// [`Rdd::filter`] with captured variables.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 9);
    /// assert_eq!(rdd.with_env((&7i64,)).filter(|(n,)| move |x| *x >= n).collect()?, [7, 8]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn filter<G, F>(self, factory: G) -> Rdd<T>
    where
        G: Fn(O) -> F,
        F: Fn(&T) -> bool + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure(factory);
        Rdd::from_handle(rdd.handle.narrow_keeping_keys(Filter::<T, F>::OP, closure))
    }
}
