//! `fold`: all rows combined, beginning with a given value.

use super::reduce::Reduce;
use super::{Rdd, WithEnv};
use crate::batch::{Batch, SharedBatch, take_row};
use crate::closure::Closure;
use crate::data::Data;
use crate::error::Result;
use crate::job::Zero;
use crate::storage::clone_rows;

/// The value that a fold begins with, as its row.
pub(super) fn zero_row<T: Data + Clone>(value: T) -> Option<Zero> {
    // SAFETY: `Data` is `Send + Sync`.
    let row = unsafe { SharedBatch::new(Batch::from_vec(vec![value])) };
    Some(Zero { row, clone: clone_rows::<T> })
}

impl<T: 'static> Rdd<T> {
    /// Combines all rows with `f`, beginning with `zero` in every partition and once more on the driver.
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(2).range(0, 5).fold(0, |a, b| a + b)?, 10);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn fold<F>(&self, zero: T, f: F) -> Result<T>
    where
        T: Data + Clone,
        F: Fn(T, T) -> T + Send + Sync + 'static,
    {
        let closure = Closure::plain::<F, fn(T, T) -> T>(f, "fold");
        let rows = self.handle.fold("fold", Reduce::<T, F>::FOLD, closure, zero_row(zero));
        // SAFETY: the accumulator has rows `T`; it began with one.
        rows.map(|mut rows| unsafe { take_row(&mut rows) })
    }
}

impl<T: 'static, O: 'static> WithEnv<T, O> {
    /// [`Rdd::fold`] with captured variables.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 5);
    /// assert_eq!(rdd.with_env((&3i64,)).fold(0, |(n,)| move |a, b| (a + b) % n)?, 1);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn fold<G, F>(self, zero: T, factory: G) -> Result<T>
    where
        T: Data + Clone,
        G: Fn(O) -> F,
        F: Fn(T, T) -> T + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure(factory);
        let rows = rdd.handle.fold("fold", Reduce::<T, F>::FOLD, closure, zero_row(zero));
        // SAFETY: as in `Rdd::fold`.
        rows.map(|mut rows| unsafe { take_row(&mut rows) })
    }
}
