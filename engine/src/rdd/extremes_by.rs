//! `min_by` and `max_by`: the rows with the smallest and the largest key.

use super::{Rdd, WithEnv};
use crate::batch::{Batch, Elem, take_row};
use crate::closure::Closure;
use crate::codec::Codec;
use crate::data::{Data, Ordered};
use crate::error::Result;
use crate::job::{FoldVt, LeaveOut, StepFn};
use std::cmp::Ordering;
use std::marker::PhantomData;

struct Extreme<T, K, F>(PhantomData<(T, K, F)>);

impl<T: Data, K: Ord, F: Fn(&T) -> K> Extreme<T, K, F> {
    const MIN: &'static FoldVt = &Self::vt(min::<T, K, F>);
    const MAX: &'static FoldVt = &Self::vt(max::<T, K, F>);

    const fn vt(step: StepFn) -> FoldVt {
        FoldVt { acc: Elem::<T>::VT, codec: Codec::<T>::VT, step, step_selected: None, bad_rows: LeaveOut::Saved }
    }
}

unsafe fn min<T, K: Ord, F: Fn(&T) -> K>(f: *const u8, input: &mut Batch, acc: &mut Batch) -> Option<&'static str> {
    // SAFETY: passed on from the caller.
    unsafe { step::<T, K, F>(f, input, acc, Ordering::Less) }
}

unsafe fn max<T, K: Ord, F: Fn(&T) -> K>(f: *const u8, input: &mut Batch, acc: &mut Batch) -> Option<&'static str> {
    // SAFETY: passed on from the caller.
    unsafe { step::<T, K, F>(f, input, acc, Ordering::Greater) }
}

/// Replaces the row in `acc` by each one whose key compares to that row's as `better`.
///
/// # Safety
/// `f` is an `F`, both batches hold rows of type `T`, `acc` at most one.
#[inline]
unsafe fn step<T, K: Ord, F: Fn(&T) -> K>(
    f: *const u8,
    input: &mut Batch,
    acc: &mut Batch,
    better: Ordering,
) -> Option<&'static str> {
    // SAFETY: the types are as the caller says; rows are taken from batches that are not empty.
    unsafe {
        let f = &*(f as *const F);
        if !input.is_empty() {
            let mut best = take_row::<T>(if acc.is_empty() { &mut *input } else { &mut *acc });
            let mut key = f(&best);
            while !input.is_empty() {
                let row = take_row::<T>(input);
                let other = f(&row);
                if other.cmp(&key) == better {
                    (best, key) = (row, other);
                }
            }
            acc.clear();
            acc.push(best);
        }
    }
    None
}

/// `min_by` or `max_by` (`$vt`), with and without captured variables.
macro_rules! extreme_by {
    ($name:ident, $vt:ident, $what:literal, $row:literal, $captured:literal) => {
        impl<T: 'static> Rdd<T> {
            #[doc = concat!("The row with the ", $what, " key; of several the first. An error if there is no row.")]
            ///
            /// ```
            /// let rdd = dpark::DparkContext::local(2).range(1, 9);
            #[doc = concat!("assert_eq!(rdd.", stringify!($name), "(|x| x % 5)?, ", $row, ");")]
            /// # Ok::<(), dpark::Error>(())
            /// ```
            #[track_caller]
            pub fn $name<K, F>(&self, f: F) -> Result<T>
            where
                T: Data,
                K: Ordered + 'static,
                F: Fn(&T) -> K + Send + Sync + 'static,
            {
                let closure = Closure::plain::<F, fn(&T) -> K>(f, stringify!($name));
                let rows = self.handle.reduce(stringify!($name), Extreme::<T, K, F>::$vt, closure);
                // SAFETY: the accumulator has rows `T`; there is one.
                rows.map(|mut rows| unsafe { take_row(&mut rows) })
            }
        }

        impl<T: 'static, O: 'static> WithEnv<T, O> {
            #[doc = concat!("[`Rdd::", stringify!($name), "`] with captured variables.")]
            ///
            /// ```
            /// let rdd = dpark::DparkContext::local(2).range(1, 9).with_env((&3i64,));
            #[doc = concat!("assert_eq!(rdd.", stringify!($name), "(|(n,)| move |x| x % n)?, ", $captured, ");")]
            /// # Ok::<(), dpark::Error>(())
            /// ```
            #[track_caller]
            pub fn $name<K, G, F>(self, factory: G) -> Result<T>
            where
                T: Data,
                K: Ordered + 'static,
                G: Fn(O) -> F,
                F: Fn(&T) -> K + Send + Sync + 'static,
            {
                let (rdd, closure) = self.closure(factory);
                let rows = rdd.handle.reduce(stringify!($name), Extreme::<T, K, F>::$vt, closure);
                // SAFETY: the accumulator has rows `T`; there is one.
                rows.map(|mut rows| unsafe { take_row(&mut rows) })
            }
        }
    };
}

extreme_by!(min_by, MIN, "smallest", "5", "3");
extreme_by!(max_by, MAX, "largest", "4", "2");
