//! `filter_values`: the pairs whose value fulfils a predicate.

use super::{Rdd, WithEnv};
use crate::batch::{Batch, Elem, filter_rows};
use crate::closure::Closure;
use crate::pipeline::{OpVt, Step};
use std::marker::PhantomData;

struct FilterValues<K, V, F>(PhantomData<(K, V, F)>);

impl<K: 'static, V: 'static, F: Fn(&V) -> bool> FilterValues<K, V, F> {
    const OP: &'static OpVt =
        &OpVt { name: "filter_values", out: Elem::<(K, V)>::VT, state: None, run: run::<K, V, F> };
}

unsafe fn run<K, V, F: Fn(&V) -> bool>(f: *const u8, _: *mut u8, input: &mut Batch, out: &mut Batch) -> Step {
    // SAFETY: the table's types are those of the closure and the batches.
    unsafe {
        let f = &*(f as *const F);
        filter_rows::<(K, V)>(input, out, |row| f(&row.1));
    }
    Step::Done
}

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// Keeps the pairs for whose value `f` holds. They stay where they are: the partitioner is kept.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 4).key_by(|x| x * x);
    /// assert_eq!(pairs.filter_values(|v| *v > 1).collect()?, [(4, 2), (9, 3)]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn filter_values<F: Fn(&V) -> bool + Send + Sync + 'static>(&self, f: F) -> Rdd<(K, V)> {
        let closure = Closure::plain::<F, fn(&V) -> bool>(f, "filter_values");
        Rdd::from_handle(self.handle.narrow_keeping_keys(FilterValues::<K, V, F>::OP, closure))
    }
}

impl<K: 'static, V: 'static, O: 'static> WithEnv<(K, V), O> {
    /// [`Rdd::filter_values`] with captured variables.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 4).key_by(|x| x * x);
    /// assert_eq!(pairs.with_env((&2i64,)).filter_values(|(n,)| move |v| *v < n).collect()?, [(0, 0), (1, 1)]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn filter_values<G, F>(self, factory: G) -> Rdd<(K, V)>
    where
        G: Fn(O) -> F,
        F: Fn(&V) -> bool + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure(factory);
        Rdd::from_handle(rdd.handle.narrow_keeping_keys(FilterValues::<K, V, F>::OP, closure))
    }
}
