//! `combine_by_key` and its kin: all values of a key combined into one, first on the map side, then on the reduce side. A
//! [`Combine`] says how; the loops are the same for all.

use super::{Rdd, WithEnv};
use crate::batch::{Batch, Elem};
use crate::closure::{Closure, ships};
use crate::codec::Codec;
use crate::data::{Data, Key};
use crate::node::RddHandle;
use crate::shuffle::{KeyVt, ReadVt, WriteVt};
use crate::table::{Buckets, combine_pairs};
use std::hash::Hash;
use std::marker::PhantomData;

/// How the values of a key become one.
pub(super) trait Combine<V> {
    /// What they become.
    type Combined;

    /// What the first value becomes.
    fn create(&self, value: V) -> Self::Combined;

    /// Adds a value to the one in place.
    ///
    /// # Safety
    /// `combined` points to a value. If user code panics meanwhile, the value is gone.
    unsafe fn add(&self, combined: *mut Self::Combined, value: V);

    /// Adds what another map partition has for the same key.
    ///
    /// # Safety
    /// As for `add`.
    unsafe fn merge(&self, combined: *mut Self::Combined, other: Self::Combined);
}

/// Carrier of the tables of one combination; the closure's value is an `M`.
pub(super) struct CombineByKey<K, V, M>(PhantomData<(K, V, M)>);

impl<K: Key, V: 'static, M: Combine<V, Combined: Data>> CombineByKey<K, V, M> {
    pub(super) const WRITE: &'static WriteVt = &WriteVt {
        input: Elem::<(K, V)>::VT,
        stored: Elem::<(K, M::Combined)>::VT,
        codec: Codec::<(K, M::Combined)>::VT,
        add: Some(add::<K, V, M>),
        keys: Some(&KeyVt::of_pairs::<K, V, M::Combined>()),
    };
    pub(super) const READ: &'static ReadVt = &ReadVt::merged(Elem::<(K, M::Combined)>::VT, &[merge::<K, V, M>]);

    /// The combined RDD.
    #[track_caller]
    pub(super) fn of(handle: &RddHandle, operator: &'static str, closure: Closure) -> Rdd<(K, M::Combined)> {
        Rdd::from_handle(handle.by_key::<K>(operator, Self::WRITE, Self::READ, closure))
    }
}

unsafe fn add<K: Hash + Eq, V, M: Combine<V>>(m: *const u8, input: &mut Batch, tables: &mut Buckets) {
    // SAFETY: the tables' types are those of closure and rows; `combined` is the address of a value.
    unsafe {
        let m = &*(m as *const M);
        let add = |combined, value| m.add(combined, value);
        combine_pairs::<K, V, M::Combined>(input, tables, |value| m.create(value), add)
    }
}

unsafe fn merge<K: Hash + Eq, V, M: Combine<V>>(m: *const u8, input: &mut Batch, tables: &mut Buckets) {
    // SAFETY: as in `add`.
    unsafe {
        let m = &*(m as *const M);
        let merge = |combined, other| m.merge(combined, other);
        combine_pairs::<K, M::Combined, M::Combined>(input, tables, |combined| combined, merge)
    }
}

/// Three closures of the user's: from a value, one more value, two combinations.
#[repr(transparent)]
struct ByFunctions<C, F, G, H>((F, G, H), PhantomData<C>);

impl<V, C, F: Fn(V) -> C, G: Fn(C, V) -> C, H: Fn(C, C) -> C> Combine<V> for ByFunctions<C, F, G, H> {
    type Combined = C;

    fn create(&self, value: V) -> C {
        (self.0.0)(value)
    }

    unsafe fn add(&self, combined: *mut C, value: V) {
        // SAFETY: the value is moved out and another one in; what a panic leaves is said in the trait.
        unsafe { combined.write((self.0.1)(combined.read(), value)) }
    }

    unsafe fn merge(&self, combined: *mut C, other: C) {
        // SAFETY: as in `add`.
        unsafe { combined.write((self.0.2)(combined.read(), other)) }
    }
}

/// A zero value and two closures of the user's: one more value, two combinations.
#[repr(transparent)]
struct FromZero<C, F, G>((C, F, G));

impl<V, C: Clone, F: Fn(C, V) -> C, G: Fn(C, C) -> C> Combine<V> for FromZero<C, F, G> {
    type Combined = C;

    fn create(&self, value: V) -> C {
        (self.0.1)(self.0.0.clone(), value)
    }

    unsafe fn add(&self, combined: *mut C, value: V) {
        // SAFETY: as in `ByFunctions`.
        unsafe { combined.write((self.0.1)(combined.read(), value)) }
    }

    unsafe fn merge(&self, combined: *mut C, other: C) {
        // SAFETY: as in `ByFunctions`.
        unsafe { combined.write((self.0.2)(combined.read(), other)) }
    }
}

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// Combines all values of each key: `create` makes a combination of a key's first value, `add` adds another value to
    /// it, and `merge` puts the combinations of two map partitions together. (Spark's and DPark's `combineByKey`.)
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 6).key_by(|x| x % 2);
    /// let averages = pairs
    ///     .combine_by_key(|v| (v, 1), |(sum, n), v| (sum + v, n + 1), |a, b| (a.0 + b.0, a.1 + b.1))
    ///     .map_values(|(sum, n)| sum / n);
    /// assert_eq!(averages.collect_as_map()?[&1], 3);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn combine_by_key<C, F, G, H>(&self, create: F, add: G, merge: H) -> Rdd<(K, C)>
    where
        K: Key,
        C: Data,
        F: Fn(V) -> C + Send + Sync + 'static,
        G: Fn(C, V) -> C + Send + Sync + 'static,
        H: Fn(C, C) -> C + Send + Sync + 'static,
    {
        let ships = ships::<F, fn(V) -> C>() && ships::<G, fn(C, V) -> C>() && ships::<H, fn(C, C) -> C>();
        let closure = Closure::accept((create, add, merge), ships, "combine_by_key");
        CombineByKey::<K, V, ByFunctions<C, F, G, H>>::of(&self.handle, "combine_by_key", closure)
    }

    /// Combines all values of each key, beginning with `zero`: `add` adds a value, `merge` puts the results of two map
    /// partitions together. (Spark's `aggregateByKey`.)
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 6).key_by(|x| x % 2);
    /// let longest = pairs.aggregate_by_key(0, |most, v| v.max(most), |a, b| a.max(b));
    /// assert_eq!(longest.collect_as_map()?[&0], 4);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn aggregate_by_key<C, F, G>(&self, zero: C, add: F, merge: G) -> Rdd<(K, C)>
    where
        K: Key,
        C: Data + Clone,
        F: Fn(C, V) -> C + Send + Sync + 'static,
        G: Fn(C, C) -> C + Send + Sync + 'static,
    {
        let ships = ships::<F, fn(C, V) -> C>() && ships::<G, fn(C, C) -> C>();
        let closure = Closure::seeded(zero, add, merge, ships, "aggregate_by_key");
        CombineByKey::<K, V, FromZero<C, F, G>>::of(&self.handle, "aggregate_by_key", closure)
    }
}

impl<K: 'static, V: 'static, O: 'static> WithEnv<(K, V), O> {
    /// [`Rdd::combine_by_key`] with captured variables.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 6).key_by(|x| x % 2);
    /// let capped = pairs.with_env((&5i64,)).combine_by_key(
    ///     |(_,)| move |v| v,
    ///     |(most,)| move |a, v| (a + v).min(most),
    ///     |(most,)| move |a, b| (a + b).min(most),
    /// );
    /// assert_eq!(capped.collect_as_map()?[&0], 5);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn combine_by_key<C, F, G, H, FF, GF, HF>(self, create: FF, add: GF, merge: HF) -> Rdd<(K, C)>
    where
        K: Key,
        C: Data,
        FF: Fn(O) -> F,
        GF: Fn(O) -> G,
        HF: Fn(O) -> H,
        F: Fn(V) -> C + Send + Sync + 'static,
        G: Fn(C, V) -> C + Send + Sync + 'static,
        H: Fn(C, C) -> C + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure3((create, add, merge));
        CombineByKey::<K, V, ByFunctions<C, F, G, H>>::of(&rdd.handle, "combine_by_key", closure)
    }

    /// [`Rdd::aggregate_by_key`] with captured variables.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 6).key_by(|x| x % 2);
    /// let scaled =
    ///     pairs.with_env((&10i64,)).aggregate_by_key(0, |(n,)| move |sum, v| sum + v * n, |(_,)| move |a, b| a + b);
    /// assert_eq!(scaled.collect_as_map()?[&0], 60);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn aggregate_by_key<C, F, G, FF, GF>(self, zero: C, add: FF, merge: GF) -> Rdd<(K, C)>
    where
        K: Key,
        C: Data + Clone,
        FF: Fn(O) -> F,
        GF: Fn(O) -> G,
        F: Fn(C, V) -> C + Send + Sync + 'static,
        G: Fn(C, C) -> C + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure2(&zero, (add, merge));
        CombineByKey::<K, V, FromZero<C, F, G>>::of(&rdd.handle, "aggregate_by_key", closure)
    }
}
