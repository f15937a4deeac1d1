//! `sort_by`: a total order over all partitions. The ranges of the partitions come from samples of every partition of the
//! parent, taken by a job of its own when the first action needs them.

use super::{Rdd, WithEnv};
use crate::batch::{Batch, Elem};
use crate::closure::Closure;
use crate::codec::Codec;
use crate::data::{Data, Ordered};
use crate::shuffle::{ReadVt, WriteVt};
use crate::sort::SortVt;
use std::cmp::Ordering;
use std::marker::PhantomData;

pub(super) struct SortBy<T, K, F>(PhantomData<(T, K, F)>);

impl<T: 'static, K: Ord + 'static, F: Fn(&T) -> K> SortBy<T, K, F> {
    pub(super) const SORT: &'static SortVt =
        &SortVt { key: Elem::<K>::VT, codec: None, extract: extract::<T, K, F>, compare: compare::<K> };
}

impl<T: 'static, K: Data + Ord, F: Fn(&T) -> K> SortBy<T, K, F> {
    /// For sorts over several partitions, whose ranges the driver finds.
    pub(super) const TOTAL: &'static SortVt = &SortVt { codec: Some(Codec::<K>::VT), ..*Self::SORT };
}

pub(super) struct Rows<T>(PhantomData<T>);

impl<T: Data> Rows<T> {
    pub(super) const WRITE: &'static WriteVt =
        &WriteVt { input: Elem::<T>::VT, stored: Elem::<T>::VT, codec: Codec::<T>::VT, add: None, keys: None };
    pub(super) const READ: &'static ReadVt = &ReadVt::concatenated(Elem::<T>::VT);
}

unsafe fn extract<T, K, F: Fn(&T) -> K>(f: *const u8, rows: *const u8, n: usize, keys: &mut Batch) {
    keys.reserve(n);
    // SAFETY: the table's types are those of closure, rows and keys; `n` keys were reserved.
    unsafe {
        let f = &*(f as *const F);
        let rows = rows as *const T;
        let mut i = 0;
        while i < n {
            let key = f(&*rows.add(i));
            (keys.ptr as *mut K).add(keys.len).write(key);
            keys.len += 1;
            i += 1;
        }
    }
}

pub(super) unsafe fn compare<K: Ord>(a: *const u8, b: *const u8) -> Ordering {
    // SAFETY: the caller passes two keys of type `K`.
    unsafe { (*(a as *const K)).cmp(&*(b as *const K)) }
}

impl<T: 'static> Rdd<T> {
    /// Sorts the rows by the key that `f` computes; rows with equal keys stay in order. `std::cmp::Reverse` turns the order
    /// around.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).parallelize([3, 1, 2]);
    /// assert_eq!(rdd.sort_by(|x| -x).collect()?, [3, 2, 1]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn sort_by<K, F>(&self, f: F) -> Rdd<T>
    where
        T: Data,
        K: Data + Ordered,
        F: Fn(&T) -> K + Send + Sync + 'static,
    {
        let closure = Closure::plain::<F, fn(&T) -> K>(f, "sort_by");
        Rdd::from_handle(self.handle.sorted(
            "sort_by",
            Rows::<T>::WRITE,
            Rows::<T>::READ,
            SortBy::<T, K, F>::TOTAL,
            closure,
        ))
    }
}

impl<T: 'static, O: 'static> WithEnv<T, O> {
    /// [`Rdd::sort_by`] with captured variables.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 4);
    /// assert_eq!(rdd.with_env((&3i64,)).sort_by(|(n,)| move |x| x * n % 4).collect()?, [0, 3, 2, 1]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn sort_by<K, G, F>(self, factory: G) -> Rdd<T>
    where
        T: Data,
        K: Data + Ordered,
        G: Fn(O) -> F,
        F: Fn(&T) -> K + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure(factory);
        Rdd::from_handle(rdd.handle.sorted(
            "sort_by",
            Rows::<T>::WRITE,
            Rows::<T>::READ,
            SortBy::<T, K, F>::TOTAL,
            closure,
        ))
    }
}
