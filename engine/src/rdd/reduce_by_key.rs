//! `reduce_by_key`: all values of a key combined into one, first on the map side, then on the reduce side.

use super::{Rdd, WithEnv};
use crate::batch::{Batch, Elem};
use crate::closure::Closure;
use crate::codec::Codec;
use crate::data::{Data, Key};
use crate::shuffle::{KeyVt, ReadVt, WriteVt};
use crate::table::{Buckets, combine_pairs};
use std::hash::Hash;
use std::marker::PhantomData;

pub(super) struct ReduceByKey<K, V, F>(PhantomData<(K, V, F)>);

impl<K: Key, V: Data, F: Fn(V, V) -> V> ReduceByKey<K, V, F> {
    pub(super) const WRITE: &'static WriteVt = &WriteVt {
        input: Elem::<(K, V)>::VT,
        stored: Elem::<(K, V)>::VT,
        codec: Codec::<(K, V)>::VT,
        add: Some(combine::<K, V, F>),
        keys: Some(&KeyVt::of_pairs::<K, V, V>()),
    };
    pub(super) const READ: &'static ReadVt = &ReadVt::merged(Elem::<(K, V)>::VT, &[combine::<K, V, F>]);
}

unsafe fn combine<K: Hash + Eq, V, F: Fn(V, V) -> V>(f: *const u8, input: &mut Batch, tables: &mut Buckets) {
    // SAFETY: the tables' types are those of closure and rows. `combined` is the address of a value, which is moved out and
    // another one in.
    unsafe {
        let f = &*(f as *const F);
        let add = |combined: *mut V, value| combined.write(f(combined.read(), value));
        combine_pairs::<K, V, V>(input, tables, |value| value, add)
    }
}

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// Combines all values of each key with `f`, which must be associative.
    ///
    /// ```
    /// let words = dpark::DparkContext::local(2).parallelize(["a", "b", "a"].map(String::from));
    /// let counts = words.map(|w| (w, 1)).reduce_by_key(|a, b| a + b).collect_as_map()?;
    /// assert_eq!((counts["a"], counts["b"]), (2, 1));
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn reduce_by_key<F>(&self, f: F) -> Rdd<(K, V)>
    where
        K: Key,
        V: Data,
        F: Fn(V, V) -> V + Send + Sync + 'static,
    {
        self.reduce_by_key_with::<F>(Closure::plain::<F, fn(V, V) -> V>(f, "reduce_by_key"))
    }

    #[track_caller]
    fn reduce_by_key_with<F>(&self, closure: Closure) -> Rdd<(K, V)>
    where
        K: Key,
        V: Data,
        F: Fn(V, V) -> V + Send + Sync + 'static,
    {
        let (write, read) = (ReduceByKey::<K, V, F>::WRITE, ReduceByKey::<K, V, F>::READ);
        Rdd::from_handle(self.handle.by_key::<K>("reduce_by_key", write, read, closure))
    }
}

impl<K: 'static, V: 'static, O: 'static> WithEnv<(K, V), O> {
    /// [`Rdd::reduce_by_key`] with captured variables.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 9).key_by(|x| x % 2);
    /// let capped = pairs.with_env((&10i64,)).reduce_by_key(|(most,)| move |a, b| (a + b).min(most));
    /// assert_eq!(capped.collect_as_map()?[&0], 10);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn reduce_by_key<G, F>(self, factory: G) -> Rdd<(K, V)>
    where
        K: Key,
        V: Data,
        G: Fn(O) -> F,
        F: Fn(V, V) -> V + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure(factory);
        rdd.reduce_by_key_with::<F>(closure)
    }
}
