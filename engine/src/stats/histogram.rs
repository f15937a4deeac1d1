//! `Histogram`: how many numbers lie in which bucket, exactly.

use super::aggregator::Aggregator;
use super::number::Number;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Counts numbers in buckets. A bucket holds its lower bound but not its upper one; the last one holds both. Numbers
/// outside of all buckets, and NaN, are not counted.
///
/// ```
/// use dpark::stats::Histogram;
/// let mut histogram = Histogram::new(&[0.0, 10.0, 100.0])?;
/// [0.0, 9.9, 10.0, 100.0, 101.0].into_iter().for_each(|x| histogram.add(x));
/// assert_eq!(histogram.counts(), [2, 2]);
/// # Ok::<(), dpark::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    bounds: Bounds,
    counts: Vec<u64>,
}

impl Histogram {
    /// Empty buckets between neighbouring bounds, which must be at least two, each greater than the one before.
    pub fn new(bounds: &[f64]) -> Result<Histogram> {
        Bounds::new(bounds).map(Histogram::of_bounds)
    }

    /// That many empty buckets of equal width between the two numbers, which must be finite; one bucket if they are equal.
    ///
    /// ```
    /// let histogram = dpark::stats::Histogram::even(0.0, 50.0, 5)?;
    /// assert_eq!(histogram.bounds(), [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    pub fn even(min: f64, max: f64, buckets: usize) -> Result<Histogram> {
        Bounds::even(min, max, buckets).map(Histogram::of_bounds)
    }

    fn of_bounds(bounds: Bounds) -> Histogram {
        Histogram { counts: bounds.counts(), bounds }
    }

    /// Counts a number.
    pub fn add(&mut self, x: f64) {
        self.bounds.count(&mut self.counts, x)
    }

    /// Adds the counts of a histogram with the same bounds; an error if they are others.
    pub fn merge(&mut self, other: &Histogram) -> Result<()> {
        if self.bounds != other.bounds {
            let buckets = (self.counts.len(), other.counts.len());
            return Err(Error::Invalid(format!(
                "histograms with different bounds ({} and {} buckets) cannot be merged; make both with the same bounds",
                buckets.0, buckets.1
            )));
        }
        add_counts(&mut self.counts, &other.counts);
        Ok(())
    }

    /// The bounds of the buckets, one more than there are buckets.
    pub fn bounds(&self) -> &[f64] {
        &self.bounds.0
    }

    /// The counts of the buckets.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }
}

/// The bounds of buckets. They gather counts, which do not repeat them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bounds(Vec<f64>);

impl Bounds {
    pub(crate) fn new(bounds: &[f64]) -> Result<Bounds> {
        if bounds.len() < 2 || !bounds.is_sorted_by(|a, b| a < b) {
            return Err(Error::Invalid(format!(
                "the bounds {bounds:?} make no buckets; give at least two, each greater than the one before"
            )));
        }
        Ok(Bounds(bounds.to_vec()))
    }

    pub(crate) fn even(min: f64, max: f64, buckets: usize) -> Result<Bounds> {
        if buckets == 0 {
            return Err(Error::Invalid("a histogram needs at least one bucket".to_owned()));
        }
        if !(min.is_finite() && max.is_finite() && min <= max) {
            return Err(Error::Invalid(format!(
                "no even buckets lie between {min} and {max}; `filter` out NaN and infinite numbers, or give bounds"
            )));
        }
        if min == max {
            return Ok(Bounds(vec![min, max]));
        }
        let bound = |i: usize| {
            let (i, buckets) = (i as f64, buckets as f64);
            let even = min + i * (max - min) / buckets;
            // The distance may be too large for a number.
            if even.is_finite() { even.min(max) } else { min * (1.0 - i / buckets) + max * (i / buckets) }
        };
        Ok(Bounds((0..buckets).map(bound).chain([max]).collect()))
    }

    pub(crate) fn into_vec(self) -> Vec<f64> {
        self.0
    }

    fn counts(&self) -> Vec<u64> {
        vec![0; self.0.len() - 1]
    }

    #[inline]
    fn count(&self, counts: &mut [u64], x: f64) {
        let bounds = &self.0[..];
        let (first, last) = (bounds[0], bounds[counts.len()]);
        if first <= x && x <= last {
            // The bucket behind the last one begins where it ends.
            let bucket = bounds.partition_point(|bound| *bound <= x).min(counts.len()) - 1;
            counts[bucket] += 1;
        }
    }
}

fn add_counts(counts: &mut [u64], more: &[u64]) {
    counts.iter_mut().zip(more).for_each(|(count, more)| *count += more)
}

impl<V: Number> Aggregator<V> for Bounds {
    type Sketch = Vec<u64>;

    fn zero(&self) -> Vec<u64> {
        self.counts()
    }

    #[inline]
    fn add(&self, counts: &mut Vec<u64>, value: V) {
        self.count(counts, value.to_f64())
    }

    fn merge(&self, counts: &mut Vec<u64>, other: Vec<u64>) {
        add_counts(counts, &other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_that_make_no_buckets_are_refused() {
        for bounds in [&[][..], &[1.0], &[1.0, 1.0], &[2.0, 1.0], &[1.0, f64::NAN, 2.0], &[f64::NAN, f64::NAN]] {
            assert!(Histogram::new(bounds).is_err(), "{bounds:?}");
        }
        for (min, max, buckets) in [(0.0, 1.0, 0), (1.0, 0.0, 1), (f64::NAN, 1.0, 1), (0.0, f64::INFINITY, 1)] {
            assert!(Histogram::even(min, max, buckets).is_err(), "{min} {max} {buckets}");
        }
        assert!(Histogram::new(&[f64::NEG_INFINITY, 0.0, f64::INFINITY]).is_ok());
    }

    #[test]
    fn even_bounds_rise_also_where_the_distance_is_too_large_or_too_small_for_a_number() {
        for (min, max) in
            [(-f64::MAX, f64::MAX), (1.0, 1.0 + f64::EPSILON), (0.0, 5e-324), (0.1, 0.7), (-1e300, 1e-300)]
        {
            let histogram = Histogram::even(min, max, 7).unwrap();
            let bounds = histogram.bounds();
            assert!(bounds.len() == 8 && bounds.is_sorted(), "{bounds:?}");
            assert_eq!((bounds[0], bounds[7]), (min, max));
        }
        assert_eq!(Histogram::even(2.0, 2.0, 5).unwrap().bounds(), [2.0, 2.0]);
    }

    #[test]
    fn merging_adds_counts_of_the_same_buckets_only() {
        let mut a = Histogram::new(&[0.0, 1.0, 2.0]).unwrap();
        let mut b = a.clone();
        a.add(0.5);
        b.add(0.5);
        b.add(2.0);
        a.merge(&b).unwrap();
        assert_eq!(a.counts(), [2, 1]);
        let error = a.merge(&Histogram::new(&[0.0, 1.0]).unwrap()).unwrap_err();
        assert!(error.to_string().contains("same bounds"), "{error}");
    }
}
