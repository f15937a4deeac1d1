//! `reduce`: all rows combined into one.

use super::take::empty;
use super::{Rdd, WithEnv};
use crate::batch::{Batch, Elem, take_row};
use crate::closure::Closure;
use crate::codec::Codec;
use crate::data::Data;
use crate::error::{Error, Result};
use crate::job::{Action, FoldVt, LeaveOut, Output, Sink, Zero, merged, run};
use crate::node::{RddHandle, call_site};
use std::marker::PhantomData;
use std::panic::Location;

pub(super) struct Reduce<T, F>(PhantomData<(T, F)>);

impl<T: Data, F: Fn(T, T) -> T> Reduce<T, F> {
    /// Begins with a value.
    pub(super) const FOLD: &'static FoldVt = &Self::vt(LeaveOut::Copied);

    /// Begins with the first row, and `F` is the engine's.
    pub(super) const EXTREME: &'static FoldVt = &Self::vt(LeaveOut::Never);

    /// Begins with the first row.
    const REDUCE: &'static FoldVt = &Self::vt(LeaveOut::Saved);

    const fn vt(bad_rows: LeaveOut) -> FoldVt {
        FoldVt { acc: Elem::<T>::VT, codec: Codec::<T>::VT, step: step::<T, F>, step_selected: None, bad_rows }
    }
}

unsafe fn step<T, F: Fn(T, T) -> T>(f: *const u8, input: &mut Batch, acc: &mut Batch) -> Option<&'static str> {
    // SAFETY: the table's types are those of the closure and both batches; `acc` has at most one row.
    unsafe {
        let f = &*(f as *const F);
        if !input.is_empty() {
            let source = if acc.is_empty() { &mut *input } else { &mut *acc };
            let mut value = take_row::<T>(source);
            while !input.is_empty() {
                value = f(value, take_row::<T>(input));
            }
            acc.clear();
            acc.push(value);
        }
    }
    None
}

impl RddHandle {
    /// Folds all rows, first in each partition, then the partitions' results in their order.
    #[inline(never)]
    #[track_caller]
    pub(super) fn fold(
        &self,
        name: &'static str,
        vt: &'static FoldVt,
        closure: Closure,
        zero: Option<Zero>,
    ) -> Result<Batch> {
        self.fold_with(name, vt, vt, closure, zero)
    }

    /// The same with a loop of its own (`merge`) for the partitions' results.
    #[inline(never)]
    #[track_caller]
    pub(super) fn fold_with(
        &self,
        name: &'static str,
        vt: &'static FoldVt,
        merge: &'static FoldVt,
        closure: Closure,
        zero: Option<Zero>,
    ) -> Result<Batch> {
        let call_site = call_site(Location::caller());
        let mut acc = zero.as_ref().map_or_else(|| Batch::new(vt.acc), Zero::copy);
        let sink = Sink::Fold { name, vt, closure: closure.clone(), zero };
        let outputs = run(Action { node: self.arc(), name, call_site, partitions: None, sink })?;
        merged(name, || {
            for mut part in outputs.into_iter().filter_map(Output::into_rows) {
                // SAFETY: closure and batches have the types of the table.
                let problem = unsafe { (merge.step)(closure.ptr(), &mut part, &mut acc) };
                if let Some(problem) = problem {
                    return Err(Error::Invalid(format!("{name}: {problem}")));
                }
            }
            Ok(acc)
        })
    }

    /// The same; an error if there are no rows.
    #[inline(never)]
    #[track_caller]
    pub(super) fn reduce(&self, name: &'static str, vt: &'static FoldVt, closure: Closure) -> Result<Batch> {
        let acc = self.fold(name, vt, closure, None)?;
        if acc.is_empty() { Err(empty(name)) } else { Ok(acc) }
    }
}

impl<T: 'static> Rdd<T> {
    /// Combines all rows with `f`, which must be associative; an error if there are none. Where `--err` tolerates bad rows
    /// and `f` panics, the later of its two rows counts as the bad one.
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(2).range(1, 6).reduce(|a, b| a * b)?, 120);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn reduce<F>(&self, f: F) -> Result<T>
    where
        T: Data,
        F: Fn(T, T) -> T + Send + Sync + 'static,
    {
        let closure = Closure::plain::<F, fn(T, T) -> T>(f, "reduce");
        let rows = self.handle.reduce("reduce", Reduce::<T, F>::REDUCE, closure);
        // SAFETY: the fold's accumulator has rows `T`; there is one.
        rows.map(|mut rows| unsafe { take_row(&mut rows) })
    }
}

impl<T: 'static, O: 'static> WithEnv<T, O> {
    /// [`Rdd::reduce`] with captured variables.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(1, 9);
    /// assert_eq!(rdd.with_env((&7i64,)).reduce(|(n,)| move |a, b| (a * b) % n)?, 0);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn reduce<G, F>(self, factory: G) -> Result<T>
    where
        T: Data,
        G: Fn(O) -> F,
        F: Fn(T, T) -> T + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure(factory);
        let rows = rdd.handle.reduce("reduce", Reduce::<T, F>::REDUCE, closure);
        // SAFETY: as in `Rdd::reduce`.
        rows.map(|mut rows| unsafe { take_row(&mut rows) })
    }
}
