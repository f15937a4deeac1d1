//! `flat_map_values`: any number of values for each pair, with its key.

use super::flat_map::{Current, expand};
use super::{Rdd, WithEnv};
use crate::batch::{Batch, Elem};
use crate::closure::Closure;
use crate::pipeline::{OpVt, Step};
use std::marker::PhantomData;

struct FlatMapValues<K, V, I, F>(PhantomData<(K, V, I, F)>);

impl<K: Clone + 'static, V: 'static, I: IntoIterator<Item: 'static>, F: Fn(V) -> I> FlatMapValues<K, V, I, F> {
    const OP: &'static OpVt = &OpVt {
        name: "flat_map_values",
        out: Elem::<(K, I::Item)>::VT,
        state: Some(Current::<Keyed<K, I::IntoIter>>::STATE),
        run: run::<K, V, I, F>,
    };
}

/// The values of one key.
struct Keyed<K, I> {
    key: K,
    values: I,
}

impl<K: Clone, I: Iterator> Iterator for Keyed<K, I> {
    type Item = (K, I::Item);

    #[inline]
    fn next(&mut self) -> Option<(K, I::Item)> {
        let value = self.values.next()?;
        Some((self.key.clone(), value))
    }
}

unsafe fn run<K: Clone, V, I: IntoIterator, F: Fn(V) -> I>(
    f: *const u8,
    state: *mut u8,
    input: &mut Batch,
    out: &mut Batch,
) -> Step {
    // SAFETY: the table's types are those of closure, state and batches.
    unsafe {
        let f = &*(f as *const F);
        expand::<(K, V), Keyed<K, I::IntoIter>>(state, input, out, |(key, value)| {
            let values = f(value).into_iter();
            Keyed { key, values }
        })
    }
}

impl<K: Clone + 'static, V: 'static> Rdd<(K, V)> {
    /// Applies `f` to the value of every pair and makes a pair of the key and each of what it returns. The pairs stay in
    /// their partitions: the partitioner is kept.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(1).range(1, 3).key_by(|x| x * 10);
    /// assert_eq!(pairs.flat_map_values(|v| vec![v; v as usize]).collect()?, [(10, 1), (20, 2), (20, 2)]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[doc(alias = "flat_map_value")]
    #[track_caller]
    pub fn flat_map_values<I, F>(&self, f: F) -> Rdd<(K, I::Item)>
    where
        I: IntoIterator<Item: 'static> + 'static,
        F: Fn(V) -> I + Send + Sync + 'static,
    {
        let closure = Closure::plain::<F, fn(V) -> I>(f, "flat_map_values");
        Rdd::from_handle(self.handle.narrow_keeping_keys(FlatMapValues::<K, V, I, F>::OP, closure))
    }
}

impl<K: Clone + 'static, V: 'static, O: 'static> WithEnv<(K, V), O> {
    /// [`Rdd::flat_map_values`] with captured variables.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(1).range(0, 2).key_by(|x| x + 5);
    /// let both = pairs.with_env((&9i64,)).flat_map_values(|(n,)| move |v| [v, n]);
    /// assert_eq!(both.collect()?, [(5, 0), (5, 9), (6, 1), (6, 9)]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn flat_map_values<I, G, F>(self, factory: G) -> Rdd<(K, I::Item)>
    where
        I: IntoIterator<Item: 'static> + 'static,
        G: Fn(O) -> F,
        F: Fn(V) -> I + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure(factory);
        Rdd::from_handle(rdd.handle.narrow_keeping_keys(FlatMapValues::<K, V, I, F>::OP, closure))
    }
}
