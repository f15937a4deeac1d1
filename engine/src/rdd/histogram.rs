//! `histogram`: how many rows lie in which bucket.

use super::Rdd;
use super::sketch::of_operator;
use super::take::empty;
use crate::data::Key;
use crate::error::Result;
use crate::stats::{Bounds, Number, Stats, Summarise};

impl<T: 'static> Rdd<T> {
    /// The bounds of that many buckets of equal width between the smallest and the largest row (one more than there are
    /// buckets), and how many rows lie in each. A bucket holds its lower bound but not its upper one; the last one holds both.
    /// If all rows are equal there is one bucket.
    ///
    /// An error if there are no rows, or one is NaN or infinite. It runs two jobs over the rows, so `cache()` what is
    /// expensive to compute, or give the bounds ([`histogram_with`](Rdd::histogram_with)).
    ///
    /// ```
    /// let (bounds, counts) = dpark::DparkContext::local(2).range(0, 101).histogram(2)?;
    /// assert_eq!((bounds, counts), (vec![0.0, 50.0, 100.0], vec![50, 51]));
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn histogram(&self, buckets: usize) -> Result<(Vec<f64>, Vec<u64>)>
    where
        T: Number,
    {
        let bounds = even(&self.sketch("histogram (range)", Summarise)?, buckets)?;
        let counts = self.sketch("histogram", bounds.clone())?;
        Ok((bounds.into_vec(), counts))
    }

    /// How many rows lie in each of the buckets between neighbouring bounds, of which there must be at least two, each greater
    /// than the one before. A bucket holds its lower bound but not its upper one; the last one holds both. Rows outside of all
    /// buckets, and NaN, are not counted.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).parallelize([1.0, 10.0, 15.0, 50.0, f64::NAN]);
    /// assert_eq!(rdd.histogram_with(&[0.0, 10.0, 50.0])?, [1, 3]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn histogram_with(&self, bounds: &[f64]) -> Result<Vec<u64>>
    where
        T: Number,
    {
        let bounds = Bounds::new(bounds).map_err(|error| of_operator("histogram_with", error))?;
        self.sketch("histogram_with", bounds)
    }
}

#[inline(never)]
fn even(range: &Stats, buckets: usize) -> Result<Bounds> {
    if range.count() == 0 {
        return Err(empty("histogram"));
    }
    // A sum is NaN if a row is, and for infinite rows of both signs.
    let (min, max) = if range.sum().is_nan() { (f64::NAN, f64::NAN) } else { (range.min(), range.max()) };
    Bounds::even(min, max, buckets).map_err(|error| of_operator("histogram", error))
}

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// For each key, how many of its values lie in each of the buckets; see [`histogram_with`](Rdd::histogram_with).
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 10).map(|x| (x % 2, x));
    /// assert_eq!(pairs.histogram_by_key(&[0.0, 5.0, 9.0]).collect_as_map()?[&1], [2, 3]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn histogram_by_key(&self, bounds: &[f64]) -> Rdd<(K, Vec<u64>)>
    where
        K: Key,
        V: Number,
    {
        match Bounds::new(bounds) {
            Ok(bounds) => self.sketch_by_key("histogram_by_key", bounds),
            Err(error) => self.refused("histogram_by_key", error),
        }
    }
}
