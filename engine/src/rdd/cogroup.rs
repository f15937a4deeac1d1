//! `cogroup`: all values that several RDDs have for a key, side by side.

use super::Rdd;
use super::group_by_key::merge_by_key;
use super::partition_by::ByKey;
use crate::batch::{Batch, Elem};
use crate::closure::Closure;
use crate::data::{Data, Key};
use crate::node::RddHandle;
use crate::shuffle::ReadVt;
use crate::table::Buckets;
use std::hash::Hash;
use std::marker::PhantomData;

/// The values of one of the RDDs, in a tuple of vectors.
trait Slot<const I: usize> {
    type Value;
    fn slot(&mut self) -> &mut Vec<Self::Value>;
}

macro_rules! slots {
    ($(($($vector:ident)*) $i:tt $value:ident;)*) => {
        $(
            impl<$($vector),*> Slot<$i> for ($(Vec<$vector>,)*) {
                type Value = $value;

                #[inline]
                fn slot(&mut self) -> &mut Vec<$value> {
                    &mut self.$i
                }
            }
        )*
    };
}

slots! {
    (A B) 0 A;
    (A B) 1 B;
    (A B C) 0 A;
    (A B C) 1 B;
    (A B C) 2 C;
    (A B C D) 0 A;
    (A B C D) 1 B;
    (A B C D) 2 C;
    (A B C D) 3 D;
}

unsafe fn merge<K: Hash + Eq, G: Slot<I> + Default, const I: usize>(
    _: *const u8,
    input: &mut Batch,
    tables: &mut Buckets,
) {
    // SAFETY: the tables' types are those of the rows.
    unsafe { merge_by_key::<K, G::Value, G>(input, tables, G::default, |groups, value| groups.slot().push(value)) }
}

struct Cogroup<K, G>(PhantomData<(K, G)>);

impl<K: Key, A: 'static, B: 'static> Cogroup<K, (Vec<A>, Vec<B>)> {
    const READ: &'static ReadVt = &ReadVt::merged(
        Elem::<(K, (Vec<A>, Vec<B>))>::VT,
        &[merge::<K, (Vec<A>, Vec<B>), 0>, merge::<K, (Vec<A>, Vec<B>), 1>],
    );
}

impl<K: Key, A: 'static, B: 'static, C: 'static> Cogroup<K, (Vec<A>, Vec<B>, Vec<C>)> {
    const READ3: &'static ReadVt = &ReadVt::merged(
        Elem::<(K, (Vec<A>, Vec<B>, Vec<C>))>::VT,
        &[
            merge::<K, (Vec<A>, Vec<B>, Vec<C>), 0>,
            merge::<K, (Vec<A>, Vec<B>, Vec<C>), 1>,
            merge::<K, (Vec<A>, Vec<B>, Vec<C>), 2>,
        ],
    );
}

impl<K: Key, A: 'static, B: 'static, C: 'static, D: 'static> Cogroup<K, (Vec<A>, Vec<B>, Vec<C>, Vec<D>)> {
    const READ4: &'static ReadVt = &ReadVt::merged(
        Elem::<(K, (Vec<A>, Vec<B>, Vec<C>, Vec<D>))>::VT,
        &[
            merge::<K, (Vec<A>, Vec<B>, Vec<C>, Vec<D>), 0>,
            merge::<K, (Vec<A>, Vec<B>, Vec<C>, Vec<D>), 1>,
            merge::<K, (Vec<A>, Vec<B>, Vec<C>, Vec<D>), 2>,
            merge::<K, (Vec<A>, Vec<B>, Vec<C>, Vec<D>), 3>,
        ],
    );
}

/// A key with all its values in two RDDs.
pub type Cogrouped<K, A, B> = (K, (Vec<A>, Vec<B>));
/// A key with all its values in three RDDs.
pub type Cogrouped3<K, A, B, C> = (K, (Vec<A>, Vec<B>, Vec<C>));
/// A key with all its values in four RDDs.
pub type Cogrouped4<K, A, B, C, D> = (K, (Vec<A>, Vec<B>, Vec<C>, Vec<D>));

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// For every key of either RDD, all its values in `self` and all in `other`, in the order of partitions and rows. What
    /// is partitioned by these keys already is not shuffled. (DPark's `groupWith`.)
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(2);
    /// let (a, b) = (ctx.range(0, 4).key_by(|x| x % 2), ctx.range(9, 10).key_by(|_| 1));
    /// assert_eq!(a.cogroup(&b).collect_as_map()?[&1], (vec![1, 3], vec![9]));
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[doc(alias = "group_with")]
    #[track_caller]
    pub fn cogroup<W>(&self, other: &Rdd<(K, W)>) -> Rdd<Cogrouped<K, V, W>>
    where
        K: Key,
        V: Data,
        W: Data,
    {
        let inputs = [(&self.handle, ByKey::<K, V>::WRITE), (&other.handle, ByKey::<K, W>::WRITE)];
        let read = Cogroup::<K, (Vec<V>, Vec<W>)>::READ;
        Rdd::from_handle(RddHandle::cogrouped::<K>("cogroup", &inputs, read, Closure::none()))
    }

    /// [`Rdd::cogroup`] of three RDDs.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 4).key_by(|x| x % 2);
    /// let thrice = pairs.cogroup3(&pairs.map_values(|v| v * 10), &pairs.map_values(|v| v.to_string()));
    /// assert_eq!(thrice.collect_as_map()?[&1], (vec![1, 3], vec![10, 30], vec!["1".to_string(), "3".to_string()]));
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn cogroup3<W, X>(&self, second: &Rdd<(K, W)>, third: &Rdd<(K, X)>) -> Rdd<Cogrouped3<K, V, W, X>>
    where
        K: Key,
        V: Data,
        W: Data,
        X: Data,
    {
        let inputs = [
            (&self.handle, ByKey::<K, V>::WRITE),
            (&second.handle, ByKey::<K, W>::WRITE),
            (&third.handle, ByKey::<K, X>::WRITE),
        ];
        let read = Cogroup::<K, (Vec<V>, Vec<W>, Vec<X>)>::READ3;
        Rdd::from_handle(RddHandle::cogrouped::<K>("cogroup", &inputs, read, Closure::none()))
    }

    /// [`Rdd::cogroup`] of four RDDs.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 4).key_by(|x| x % 2);
    /// let counts = pairs.cogroup4(&pairs, &pairs, &pairs).map_values(|(a, b, c, d)| [a, b, c, d].map(|v| v.len()));
    /// assert_eq!(counts.collect_as_map()?[&0], [2, 2, 2, 2]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn cogroup4<W, X, Y>(
        &self,
        second: &Rdd<(K, W)>,
        third: &Rdd<(K, X)>,
        fourth: &Rdd<(K, Y)>,
    ) -> Rdd<Cogrouped4<K, V, W, X, Y>>
    where
        K: Key,
        V: Data,
        W: Data,
        X: Data,
        Y: Data,
    {
        let inputs = [
            (&self.handle, ByKey::<K, V>::WRITE),
            (&second.handle, ByKey::<K, W>::WRITE),
            (&third.handle, ByKey::<K, X>::WRITE),
            (&fourth.handle, ByKey::<K, Y>::WRITE),
        ];
        let read = Cogroup::<K, (Vec<V>, Vec<W>, Vec<X>, Vec<Y>)>::READ4;
        Rdd::from_handle(RddHandle::cogrouped::<K>("cogroup", &inputs, read, Closure::none()))
    }

    /// [`Rdd::cogroup`] by DPark's name.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 4).key_by(|x| x % 2);
    /// assert_eq!(pairs.group_with(&pairs).collect_as_map()?[&1], (vec![1, 3], vec![1, 3]));
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn group_with<W>(&self, other: &Rdd<(K, W)>) -> Rdd<Cogrouped<K, V, W>>
    where
        K: Key,
        V: Data,
        W: Data,
    {
        self.cogroup(other)
    }
}
