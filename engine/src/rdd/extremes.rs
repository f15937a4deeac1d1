//! `min` and `max`.

use super::Rdd;
use super::reduce::Reduce;
use crate::batch::take_row;
use crate::closure::Closure;
use crate::data::{Data, Ordered};
use crate::error::Result;

impl<T: 'static> Rdd<T> {
    /// The smallest row; an error if there is none.
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(2).parallelize([3, 1, 2]).min()?, 1);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn min(&self) -> Result<T>
    where
        T: Data + Ordered,
    {
        self.extreme("min", T::min)
    }

    /// The largest row; an error if there is none.
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(2).parallelize([3, 1, 2]).max()?, 3);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn max(&self) -> Result<T>
    where
        T: Data + Ordered,
    {
        self.extreme("max", T::max)
    }

    #[track_caller]
    fn extreme<F>(&self, name: &'static str, f: F) -> Result<T>
    where
        T: Data,
        F: Fn(T, T) -> T + Send + Sync + 'static,
    {
        let closure = Closure::plain::<F, fn(T, T) -> T>(f, name);
        // SAFETY: the accumulator has rows `T`; there is one.
        self.handle.reduce(name, Reduce::<T, F>::EXTREME, closure).map(|mut rows| unsafe { take_row(&mut rows) })
    }
}
