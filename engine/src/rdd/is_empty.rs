//! `is_empty`: whether there is a row.

use super::Rdd;
use crate::codec::Codec;
use crate::data::Data;
use crate::error::Result;

impl<T: 'static> Rdd<T> {
    /// Whether there is no row; computes no more partitions and rows than needed to find one.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 10);
    /// assert!(!rdd.is_empty()? && rdd.filter(|x| *x > 10).is_empty()?);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn is_empty(&self) -> Result<bool>
    where
        T: Data,
    {
        self.handle.take("is_empty", Codec::<T>::VT, 1).map(|rows| rows.is_empty())
    }
}
