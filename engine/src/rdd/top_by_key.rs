//! `top_by_key` and `top_by_key_by`: the largest values of each key.

use super::{Rdd, WithEnv};
use crate::batch::{Batch, Elem, map_rows};
use crate::closure::Closure;
use crate::data::{Data, Key, Ordered};
use crate::pipeline::{OpVt, Step};
use crate::stats::Largest;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::marker::PhantomData;

/// A value with what it is compared by.
#[derive(Serialize, Deserialize)]
struct Ranked<R, V> {
    rank: R,
    value: V,
}

impl<R: Ord, V> Ord for Ranked<R, V> {
    fn cmp(&self, other: &Ranked<R, V>) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

impl<R: Ord, V> PartialOrd for Ranked<R, V> {
    fn partial_cmp(&self, other: &Ranked<R, V>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<R: Ord, V> PartialEq for Ranked<R, V> {
    fn eq(&self, other: &Ranked<R, V>) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<R: Ord, V> Eq for Ranked<R, V> {}

struct Rank<K, V, R, F>(PhantomData<(K, V, R, F)>);

impl<K: 'static, V: 'static, R: 'static, F: Fn(&V) -> R> Rank<K, V, R, F> {
    const OP: &'static OpVt =
        &OpVt { name: "rank", out: Elem::<(K, Ranked<R, V>)>::VT, state: None, run: rank::<K, V, R, F> };
}

unsafe fn rank<K, V, R, F: Fn(&V) -> R>(f: *const u8, _: *mut u8, input: &mut Batch, out: &mut Batch) -> Step {
    // SAFETY: the table's types are those of the closure and the batches.
    unsafe {
        let f = &*(f as *const F);
        map_rows::<(K, V), (K, Ranked<R, V>)>(input, out, |(key, value)| (key, Ranked { rank: f(&value), value }));
    }
    Step::Done
}

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// The `n` largest values of each key, the largest first; of equal values, earlier ones first. Each key keeps less than
    /// `2 * n` values in memory.
    ///
    /// As in Spark. DPark's `topByKey` takes the smallest ones, unless told `reverse`: that is
    /// [`top_by_key_by`](Rdd::top_by_key_by) with `Reverse`.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 10).map(|x| (x % 2, x));
    /// assert_eq!(pairs.top_by_key(2).collect_as_map()?[&0], [8, 6]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn top_by_key(&self, n: usize) -> Rdd<(K, Vec<V>)>
    where
        K: Key,
        V: Data + Ordered,
    {
        let candidates = self.sketch_by_key("top_by_key", Largest(n));
        candidates.with_env((&n,)).map_values(|(n,)| move |candidates| Largest(n).of(candidates))
    }

    /// The `n` values of each key for which `f` gives the most, those first; of equal ones, earlier ones first.
    ///
    /// ```
    /// use std::cmp::Reverse;
    /// let pairs = dpark::DparkContext::local(2).range(0, 10).map(|x| (x % 2, x));
    /// assert_eq!(pairs.top_by_key_by(2, |x| Reverse(*x)).collect_as_map()?[&1], [1, 3]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn top_by_key_by<R, F>(&self, n: usize, f: F) -> Rdd<(K, Vec<V>)>
    where
        K: Key,
        V: Data,
        R: Data + Ordered,
        F: Fn(&V) -> R + Send + Sync + 'static,
    {
        self.top_by_rank::<R, F>(n, Closure::plain::<F, fn(&V) -> R>(f, "top_by_key_by"))
    }

    #[track_caller]
    fn top_by_rank<R, F>(&self, n: usize, closure: Closure) -> Rdd<(K, Vec<V>)>
    where
        K: Key,
        V: Data,
        R: Data + Ordered,
        F: Fn(&V) -> R + Send + Sync + 'static,
    {
        let ranked = Rdd::<(K, Ranked<R, V>)>::from_handle(self.handle.narrow(Rank::<K, V, R, F>::OP, closure));
        let candidates = ranked.sketch_by_key("top_by_key_by", Largest(n));
        candidates.with_env((&n,)).map_values(|(n,)| {
            move |candidates| Largest(n).of(candidates).into_iter().map(|ranked| ranked.value).collect()
        })
    }
}

impl<K: 'static, V: 'static, O: 'static> WithEnv<(K, V), O> {
    /// [`Rdd::top_by_key_by`] with captured variables.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 10).map(|x| (x % 2, x));
    /// let nearest = pairs.with_env((&4i64,)).top_by_key_by(2, |(to,)| move |x| -(x - to).abs());
    /// assert_eq!(nearest.collect_as_map()?[&0], [4, 2]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn top_by_key_by<R, G, F>(self, n: usize, factory: G) -> Rdd<(K, Vec<V>)>
    where
        K: Key,
        V: Data,
        R: Data + Ordered,
        G: Fn(O) -> F,
        F: Fn(&V) -> R + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure(factory);
        rdd.top_by_rank::<R, F>(n, closure)
    }
}
