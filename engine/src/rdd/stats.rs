//! `stats`, `mean`, `variance` and `stdev` of numbers.

use super::Rdd;
use super::take::empty;
use crate::error::Result;
use crate::stats::{Number, Stats, Summarise};

impl<T: 'static> Rdd<T> {
    /// The summary of all rows; an error if there are none.
    #[track_caller]
    fn stats_of_some(&self, name: &'static str) -> Result<Stats>
    where
        T: Number,
    {
        let stats = self.sketch(name, Summarise)?;
        if stats.count() == 0 { Err(empty(name)) } else { Ok(stats) }
    }

    /// Count, mean, sum, minimum, maximum, variance and standard deviation of the rows, in one pass. Computed in `f64`: rows
    /// of other types are converted first.
    ///
    /// ```
    /// let stats = dpark::DparkContext::local(2).parallelize([2, 4, 4, 4, 5, 5, 7, 9]).stats()?;
    /// assert_eq!((stats.count(), stats.mean(), stats.stdev()), (8, 5.0, 2.0));
    /// assert_eq!((stats.sum(), stats.min(), stats.max()), (40.0, 2.0, 9.0));
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn stats(&self) -> Result<Stats>
    where
        T: Number,
    {
        self.sketch("stats", Summarise)
    }

    /// The mean of the rows; an error if there are none.
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(2).range(0, 4).mean()?, 1.5);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn mean(&self) -> Result<f64>
    where
        T: Number,
    {
        self.stats_of_some("mean").map(|stats| stats.mean())
    }

    /// The variance of the rows as a whole population ([`Stats::sample_variance`] is that of a sample); an error if there are
    /// none.
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(2).parallelize([1.0, 3.0]).variance()?, 1.0);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn variance(&self) -> Result<f64>
    where
        T: Number,
    {
        self.stats_of_some("variance").map(|stats| stats.variance())
    }

    /// The standard deviation of the rows as a whole population ([`Stats::sample_stdev`] is that of a sample); an error if
    /// there are none.
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(2).parallelize([1.0, 5.0]).stdev()?, 2.0);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn stdev(&self) -> Result<f64>
    where
        T: Number,
    {
        self.stats_of_some("stdev").map(|stats| stats.stdev())
    }
}
