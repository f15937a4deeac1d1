//! `map_values`: another value for each key.

use super::{Rdd, WithEnv};
use crate::batch::{Batch, Elem, map_rows};
use crate::closure::Closure;
use crate::pipeline::{OpVt, Step};
use std::marker::PhantomData;

struct MapValues<K, V, U, F>(PhantomData<(K, V, U, F)>);

impl<K: 'static, V: 'static, U: 'static, F: Fn(V) -> U> MapValues<K, V, U, F> {
    const OP: &'static OpVt =
        &OpVt { name: "map_values", out: Elem::<(K, U)>::VT, state: None, run: run::<K, V, U, F> };
}

unsafe fn run<K, V, U, F: Fn(V) -> U>(f: *const u8, _: *mut u8, input: &mut Batch, out: &mut Batch) -> Step {
    // SAFETY: the table's types are those of the closure and the batches.
    unsafe {
        let f = &*(f as *const F);
        map_rows::<(K, V), (K, U)>(input, out, |(key, value)| (key, f(value)));
    }
    Step::Done
}

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// Applies `f` to the value of every pair. The pairs stay where they are: the partitioner is kept.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).parallelize([("a".to_string(), 1), ("b".to_string(), 2)]);
    /// assert_eq!(pairs.map_values(|v| v * 10).collect_as_map()?["b"], 20);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[doc(alias = "map_value")]
    #[track_caller]
    pub fn map_values<U: 'static, F: Fn(V) -> U + Send + Sync + 'static>(&self, f: F) -> Rdd<(K, U)> {
        let closure = Closure::plain::<F, fn(V) -> U>(f, "map_values");
        Rdd::from_handle(self.handle.narrow_keeping_keys(MapValues::<K, V, U, F>::OP, closure))
    }
}

impl<K: 'static, V: 'static, O: 'static> WithEnv<(K, V), O> {
    /// [`Rdd::map_values`] with captured variables.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(1).range(0, 3).key_by(|x| x % 2);
    /// assert_eq!(pairs.with_env((&5i64,)).map_values(|(n,)| move |v| v + n).collect()?, [(0, 5), (1, 6), (0, 7)]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn map_values<U: 'static, G, F>(self, factory: G) -> Rdd<(K, U)>
    where
        G: Fn(O) -> F,
        F: Fn(V) -> U + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure(factory);
        Rdd::from_handle(rdd.handle.narrow_keeping_keys(MapValues::<K, V, U, F>::OP, closure))
    }
}
