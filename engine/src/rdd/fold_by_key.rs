//! `fold_by_key`: all values of a key combined into one, beginning with a given value.

use super::combine_by_key::{Combine, CombineByKey};
use super::{Rdd, WithEnv};
use crate::closure::{Closure, ships};
use crate::data::{Data, Key};

/// A zero value and the user's closure; the last part makes the layout that of an environment's two closures.
#[repr(transparent)]
struct FoldFrom<V, F>((V, F, ()));

impl<V: Clone, F: Fn(V, V) -> V> Combine<V> for FoldFrom<V, F> {
    type Combined = V;

    fn create(&self, value: V) -> V {
        (self.0.1)(self.0.0.clone(), value)
    }

    unsafe fn add(&self, combined: *mut V, value: V) {
        // SAFETY: the value is moved out and another one in; what a panic leaves is said in the trait.
        unsafe { combined.write((self.0.1)(combined.read(), value)) }
    }

    unsafe fn merge(&self, combined: *mut V, other: V) {
        // SAFETY: as in `add`.
        unsafe { combined.write((self.0.1)(combined.read(), other)) }
    }
}

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// Combines all values of each key with `f`, beginning with `zero` in every map partition: it should not change the
    /// result (0 for a sum, 1 for a product), as in Spark's `foldByKey`.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(1, 5).key_by(|x| x % 2);
    /// assert_eq!(pairs.fold_by_key(1, |a, b| a * b).collect_as_map()?[&0], 8);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn fold_by_key<F>(&self, zero: V, f: F) -> Rdd<(K, V)>
    where
        K: Key,
        V: Data + Clone,
        F: Fn(V, V) -> V + Send + Sync + 'static,
    {
        let closure = Closure::seeded(zero, f, (), ships::<F, fn(V, V) -> V>(), "fold_by_key");
        CombineByKey::<K, V, FoldFrom<V, F>>::of(&self.handle, "fold_by_key", closure)
    }
}

impl<K: 'static, V: 'static, O: 'static> WithEnv<(K, V), O> {
    /// [`Rdd::fold_by_key`] with captured variables.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(1, 5).key_by(|x| x % 2);
    /// let capped = pairs.with_env((&5i64,)).fold_by_key(0, |(most,)| move |a, b| (a + b).min(most));
    /// assert_eq!(capped.collect_as_map()?[&0], 5);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn fold_by_key<G, F>(self, zero: V, factory: G) -> Rdd<(K, V)>
    where
        K: Key,
        V: Data + Clone,
        G: Fn(O) -> F,
        F: Fn(V, V) -> V + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure2(&zero, (factory, |_| ()));
        CombineByKey::<K, V, FoldFrom<V, F>>::of(&rdd.handle, "fold_by_key", closure)
    }
}
