//! `aggregate`: all rows combined into a value of another type.

use super::fold::zero_row;
use super::{Rdd, WithEnv};
use crate::batch::{Batch, Elem, drain_rows, take_row};
use crate::closure::{Closure, ships};
use crate::codec::Codec;
use crate::data::Data;
use crate::error::Result;
use crate::job::{FoldVt, LeaveOut};
use std::marker::PhantomData;

struct Aggregate<T, U, F, G>(PhantomData<(T, U, F, G)>);

impl<T: 'static, U: Data, F: Fn(U, T) -> U, G: Fn(U, U) -> U> Aggregate<T, U, F, G> {
    const ADD: &'static FoldVt = &FoldVt {
        acc: Elem::<U>::VT,
        codec: Codec::<U>::VT,
        step: add::<T, U, F, G>,
        step_selected: None,
        bad_rows: LeaveOut::Copied,
    };
    const MERGE: &'static FoldVt = &FoldVt {
        acc: Elem::<U>::VT,
        codec: Codec::<U>::VT,
        step: merge::<U, F, G>,
        step_selected: None,
        bad_rows: LeaveOut::Never,
    };
}

unsafe fn add<T, U, F: Fn(U, T) -> U, G>(f: *const u8, input: &mut Batch, acc: &mut Batch) -> Option<&'static str> {
    // SAFETY: the closure's value is the tuple below, the batches hold rows of its types.
    unsafe { step::<T, U>(input, acc, &(*(f as *const (U, F, G))).1) }
}

unsafe fn merge<U, F, G: Fn(U, U) -> U>(f: *const u8, input: &mut Batch, acc: &mut Batch) -> Option<&'static str> {
    // SAFETY: as in `add`.
    unsafe { step::<U, U>(input, acc, &(*(f as *const (U, F, G))).2) }
}

/// # Safety
/// `input` holds rows `T`, `acc` one row `U`.
#[inline]
unsafe fn step<T, U>(input: &mut Batch, acc: &mut Batch, f: &impl Fn(U, T) -> U) -> Option<&'static str> {
    // SAFETY: passed on from the caller. A panic of `f` leaves `acc` without a row.
    unsafe {
        let mut value = Some(take_row::<U>(acc));
        drain_rows::<T>(input, |row| value = value.take().map(|value| f(value, row)));
        acc.clear();
        if let Some(value) = value {
            acc.push(value);
        }
    }
    None
}

impl<T: 'static> Rdd<T> {
    /// Combines all rows into one value: in each partition `add` adds rows to a copy of `zero`, and `merge` adds the
    /// partitions' results, in their order, to another copy.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(1, 5);
    /// let (sum, n) = rdd.aggregate((0, 0), |(sum, n), x| (sum + x, n + 1), |a, b| (a.0 + b.0, a.1 + b.1))?;
    /// assert_eq!((sum, n), (10, 4));
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn aggregate<U, F, G>(&self, zero: U, add: F, merge: G) -> Result<U>
    where
        U: Data + Clone,
        F: Fn(U, T) -> U + Send + Sync + 'static,
        G: Fn(U, U) -> U + Send + Sync + 'static,
    {
        let ships = ships::<F, fn(U, T) -> U>() && ships::<G, fn(U, U) -> U>();
        let closure = Closure::seeded(zero.clone(), add, merge, ships, "aggregate");
        let (add, merge) = (Aggregate::<T, U, F, G>::ADD, Aggregate::<T, U, F, G>::MERGE);
        let acc = self.handle.fold_with("aggregate", add, merge, closure, zero_row(zero));
        // SAFETY: the accumulator has rows `U`; it began with one.
        acc.map(|mut acc| unsafe { take_row(&mut acc) })
    }
}

impl<T: 'static, O: 'static> WithEnv<T, O> {
    /// [`Rdd::aggregate`] with captured variables.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(1, 5);
    /// let scaled = rdd.with_env((&10i64,)).aggregate(0, |(n,)| move |sum, x| sum + x * n, |(_,)| move |a, b| a + b)?;
    /// assert_eq!(scaled, 100);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn aggregate<U, F, G, FF, GF>(self, zero: U, add: FF, merge: GF) -> Result<U>
    where
        U: Data + Clone,
        FF: Fn(O) -> F,
        GF: Fn(O) -> G,
        F: Fn(U, T) -> U + Send + Sync + 'static,
        G: Fn(U, U) -> U + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure2(&zero, (add, merge));
        let (add, merge) = (Aggregate::<T, U, F, G>::ADD, Aggregate::<T, U, F, G>::MERGE);
        let acc = rdd.handle.fold_with("aggregate", add, merge, closure, zero_row(zero));
        // SAFETY: as in `Rdd::aggregate`.
        acc.map(|mut acc| unsafe { take_row(&mut acc) })
    }
}
