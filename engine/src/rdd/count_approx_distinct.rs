//! `count_approx_distinct`: how many different rows there are, or values of each key, in little memory.

use super::Rdd;
use super::sketch::of_operator;
use crate::data::Key;
use crate::error::Result;
use crate::stats::{HyperLogLog, Precision};
use std::hash::Hash;

/// The standard error of what DPark computes: 2^16 registers.
const DPARK_ERROR: f64 = 0.005;

impl<T: 'static> Rdd<T> {
    /// The approximate number of different rows, by [`HyperLogLog`] with this standard error
    /// (from 0.00204 to below 1): two thirds of all results are closer than that, and next to all closer than three times that.
    /// Small numbers are next to exact. Unlike `distinct().count()` it shuffles nothing.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 50_000).map(|x| x % 20_000);
    /// let n = rdd.count_approx_distinct(0.01)?;
    /// assert!((19_400..=20_600).contains(&n));
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[doc(alias = "approx_count_distinct")]
    #[track_caller]
    pub fn count_approx_distinct(&self, relative_error: f64) -> Result<u64>
    where
        T: Hash,
    {
        self.approximate_count("count_approx_distinct", relative_error)
    }

    /// DPark's name for [`count_approx_distinct`](Rdd::count_approx_distinct), with its precision: 0.4 %.
    ///
    /// ```
    /// let words = dpark::DparkContext::local(2).parallelize(["to", "be", "or", "not", "to", "be"].map(String::from));
    /// assert_eq!(words.adcount()?, 4);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn adcount(&self) -> Result<u64>
    where
        T: Hash,
    {
        self.approximate_count("adcount", DPARK_ERROR)
    }

    #[track_caller]
    fn approximate_count(&self, name: &'static str, relative_error: f64) -> Result<u64>
    where
        T: Hash,
    {
        let precision = Precision::of_error(relative_error).map_err(|error| of_operator(name, error))?;
        Ok(self.sketch(name, precision)?.count())
    }
}

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// The approximate number of different values of each key; see [`count_approx_distinct`](Rdd::count_approx_distinct).
    /// A key takes four bytes for each of its values, but never more than the precision needs (16 KB for 0.01).
    ///
    /// ```
    /// let visits = dpark::DparkContext::local(2).parallelize([(1, "a"), (2, "a"), (1, "b"), (1, "a")].map(page));
    /// assert_eq!(visits.count_approx_distinct_by_key(0.01).collect_as_map()?[&1], 2);
    /// # fn page((user, page): (u32, &str)) -> (u32, String) { (user, page.to_owned()) }
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn count_approx_distinct_by_key(&self, relative_error: f64) -> Rdd<(K, u64)>
    where
        K: Key,
        V: Hash,
    {
        self.approximate_count_by_key("count_approx_distinct_by_key", relative_error)
    }

    /// DPark's name for [`count_approx_distinct_by_key`](Rdd::count_approx_distinct_by_key), with its precision: 0.4 %.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 1000).map(|x| (x % 2, x % 6));
    /// assert_eq!(pairs.adcount_by_key().collect_as_map()?[&1], 3);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn adcount_by_key(&self) -> Rdd<(K, u64)>
    where
        K: Key,
        V: Hash,
    {
        self.approximate_count_by_key("adcount_by_key", DPARK_ERROR)
    }

    #[track_caller]
    fn approximate_count_by_key(&self, name: &'static str, relative_error: f64) -> Rdd<(K, u64)>
    where
        K: Key,
        V: Hash,
    {
        match Precision::of_error(relative_error) {
            Ok(precision) => self.sketch_by_key(name, precision).map_values(|sketch: HyperLogLog| sketch.count()),
            Err(error) => self.refused(name, error),
        }
    }
}
