//! `stats_by_key`: count, sum, mean, extremes and variance of each key's values.

use super::Rdd;
use crate::data::Key;
use crate::stats::{Number, Stats, Summarise};

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// Count, sum, mean, smallest, largest and variance of each key's values, in one pass.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 10).map(|x| (x % 2, x));
    /// let odd = pairs.stats_by_key().collect_as_map()?[&1];
    /// assert_eq!((odd.count(), odd.sum(), odd.mean(), odd.max()), (5, 25.0, 5.0, 9.0));
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn stats_by_key(&self) -> Rdd<(K, Stats)>
    where
        K: Key,
        V: Number,
    {
        self.sketch_by_key("stats_by_key", Summarise)
    }
}
