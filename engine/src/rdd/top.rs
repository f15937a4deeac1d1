//! `top` and `top_by`: the largest rows.

use super::sort_by::{SortBy, compare};
use super::{Rdd, WithEnv};
use crate::batch::{Batch, Elem};
use crate::closure::Closure;
use crate::codec::{Codec, CodecVt};
use crate::data::{Data, Ordered};
use crate::error::{Error, Result};
use crate::job::{Action, Output, Sink, merged, run};
use crate::node::{RddHandle, call_site};
use crate::sort::{SortVt, keep_top};
use crate::task::TaskContext;
use std::cmp::Ordering;
use std::marker::PhantomData;
use std::panic::Location;

/// Rows that are their own keys: the keys are their addresses.
struct Top<T>(PhantomData<T>);

impl<T: Ord + 'static> Top<T> {
    const SORT: &'static SortVt =
        &SortVt { key: Elem::<*const u8>::VT, codec: None, extract: addresses::<T>, compare: compare_rows::<T> };
}

pub(super) unsafe fn addresses<T>(_: *const u8, rows: *const u8, n: usize, keys: &mut Batch) {
    for i in 0..n {
        // SAFETY: the keys are addresses; row `i` exists.
        unsafe { keys.push::<*const u8>((rows as *const T).add(i) as *const u8) }
    }
}

pub(super) unsafe fn compare_rows<T: Ord>(a: *const u8, b: *const u8) -> Ordering {
    // SAFETY: the keys are addresses of rows of type `T`, which do not move while they are compared.
    unsafe { compare::<T>(*(a as *const *const u8), *(b as *const *const u8)) }
}

impl RddHandle {
    #[inline(never)]
    #[track_caller]
    pub(super) fn top(
        &self,
        name: &'static str,
        vt: &'static SortVt,
        codec: &'static CodecVt,
        closure: Closure,
        n: usize,
    ) -> Result<Batch> {
        let call_site = call_site(Location::caller());
        let sink = Sink::Top { vt, codec, closure: closure.clone(), n };
        let outputs = run(Action { node: self.arc(), name, call_site, partitions: None, sink })?;
        let mut best = Batch::new(self.arc().elem);
        for mut part in outputs.into_iter().filter_map(Output::into_rows) {
            part.move_rows(&mut best, usize::MAX);
        }
        merged(name, || {
            keep_top(vt, closure.ptr(), &mut best, n, &TaskContext::default())
                .map_err(|stop| Error::Invalid(format!("{name}: {stop:?}")))?;
            Ok(best)
        })
    }
}

impl<T: 'static> Rdd<T> {
    /// The `n` largest rows, the largest first; of equal rows, earlier ones first.
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(2).parallelize([3, 1, 4, 1, 5]).top(2)?, [5, 4]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn top(&self, n: usize) -> Result<Vec<T>>
    where
        T: Data + Ordered,
    {
        // SAFETY: an `Rdd<T>`'s node has rows `T`.
        self.handle
            .top("top", Top::<T>::SORT, Codec::<T>::VT, Closure::none(), n)
            .map(|rows| unsafe { rows.into_vec() })
    }

    /// The `n` rows with the largest keys, the largest first; of rows with equal keys, earlier ones first.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 10);
    /// assert_eq!(rdd.top_by(3, |x| x % 5)?, [4, 9, 3]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn top_by<K, F>(&self, n: usize, f: F) -> Result<Vec<T>>
    where
        T: Data,
        K: Ordered + 'static,
        F: Fn(&T) -> K + Send + Sync + 'static,
    {
        let closure = Closure::plain::<F, fn(&T) -> K>(f, "top_by");
        // SAFETY: an `Rdd<T>`'s node has rows `T`.
        self.handle
            .top("top_by", SortBy::<T, K, F>::SORT, Codec::<T>::VT, closure, n)
            .map(|rows| unsafe { rows.into_vec() })
    }
}

impl<T: 'static, O: 'static> WithEnv<T, O> {
    /// [`Rdd::top_by`] with captured variables.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 10);
    /// assert_eq!(rdd.with_env((&4i64,)).top_by(2, |(n,)| move |x| x % n)?, [3, 7]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn top_by<K, G, F>(self, n: usize, factory: G) -> Result<Vec<T>>
    where
        T: Data,
        K: Ordered + 'static,
        G: Fn(O) -> F,
        F: Fn(&T) -> K + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure(factory);
        // SAFETY: an `Rdd<T>`'s node has rows `T`.
        rdd.handle
            .top("top_by", SortBy::<T, K, F>::SORT, Codec::<T>::VT, closure, n)
            .map(|rows| unsafe { rows.into_vec() })
    }
}
