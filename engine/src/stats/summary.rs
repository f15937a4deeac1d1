//! `Stats`: count, sum, mean, extremes and variance in one pass.
//!
//! By the method of Welford, and that of Chan, Golub and LeVeque to merge: unlike with sums of squares, nothing is lost
//! where the variance is small against the mean.

use super::aggregator::Aggregator;
use super::number::Number;
use serde::{Deserialize, Serialize};

/// What is known of numbers after one pass. A NaN among them makes everything but the count NaN, as in arithmetic.
///
/// ```
/// use dpark::stats::Stats;
/// let stats: Stats = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0].into_iter().collect();
/// assert_eq!((stats.count(), stats.sum(), stats.mean(), stats.stdev()), (8, 40.0, 5.0, 2.0));
/// assert_eq!((stats.min(), stats.max()), (2.0, 9.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    count: u64,
    sum: f64,
    mean: f64,
    /// The sum of the squares of the distances from the mean.
    squares: f64,
    min: f64,
    max: f64,
}

impl Stats {
    /// Adds a number.
    #[inline]
    pub fn add(&mut self, x: f64) {
        self.count += 1;
        self.sum += x;
        let before = x - self.mean;
        self.mean += before / self.count as f64;
        self.squares += before * (x - self.mean);
        self.extend(x, x);
    }

    /// Adds the numbers of another summary.
    ///
    /// ```
    /// use dpark::stats::Stats;
    /// let mut stats: Stats = [1.0, 2.0].into_iter().collect();
    /// stats.merge(&[3.0, 4.0].into_iter().collect());
    /// assert_eq!((stats.count(), stats.mean(), stats.variance()), (4, 2.5, 1.25));
    /// ```
    pub fn merge(&mut self, other: &Stats) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        let (own, more) = (self.count as f64, other.count as f64);
        let apart = other.mean - self.mean;
        self.count += other.count;
        self.sum += other.sum;
        self.mean += apart * (more / (own + more));
        self.squares += other.squares + apart * apart * (own * more / (own + more));
        self.extend(other.min, other.max);
    }

    /// Widens the range. A NaN stays.
    #[inline]
    fn extend(&mut self, min: f64, max: f64) {
        if min < self.min || min.is_nan() {
            self.min = min;
        }
        if max > self.max || max.is_nan() {
            self.max = max;
        }
    }

    /// How many numbers there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sum; 0 if there are none.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// Their mean; NaN if there are none.
    pub fn mean(&self) -> f64 {
        // The quotient is exact for integers; the running mean does not overflow.
        let quotient = self.sum / self.count as f64;
        let mean = if quotient.is_finite() || self.mean.is_nan() { quotient } else { self.mean };
        self.or_nan(mean, 1)
    }

    /// The smallest; NaN if there are none.
    pub fn min(&self) -> f64 {
        self.or_nan(self.min, 1)
    }

    /// The largest; NaN if there are none.
    pub fn max(&self) -> f64 {
        self.or_nan(self.max, 1)
    }

    /// The variance of these numbers (divided by their count); NaN if there are none.
    pub fn variance(&self) -> f64 {
        self.or_nan(self.squares / self.count as f64, 1)
    }

    /// The standard deviation of these numbers; NaN if there are none.
    pub fn stdev(&self) -> f64 {
        self.variance().sqrt()
    }

    /// The variance of what these numbers are a sample of (divided by their count less one); NaN if there are less than two.
    ///
    /// ```
    /// let stats: dpark::stats::Stats = [1.0, 2.0, 3.0].into_iter().collect();
    /// assert_eq!((stats.sample_variance(), stats.sample_stdev()), (1.0, 1.0));
    /// ```
    pub fn sample_variance(&self) -> f64 {
        self.or_nan(self.squares / (self.count as f64 - 1.0), 2)
    }

    /// The standard deviation of what these numbers are a sample of; NaN if there are less than two.
    pub fn sample_stdev(&self) -> f64 {
        self.sample_variance().sqrt()
    }

    fn or_nan(&self, value: f64, least: u64) -> f64 {
        if self.count < least { f64::NAN } else { value }
    }
}

impl Default for Stats {
    /// Of no numbers.
    fn default() -> Stats {
        Stats { count: 0, sum: 0.0, mean: 0.0, squares: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

impl FromIterator<f64> for Stats {
    fn from_iter<I: IntoIterator<Item = f64>>(numbers: I) -> Stats {
        let mut stats = Stats::default();
        numbers.into_iter().for_each(|x| stats.add(x));
        stats
    }
}

impl std::fmt::Display for Stats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (count, mean, stdev, min, max) = (self.count, self.mean(), self.stdev(), self.min(), self.max());
        write!(f, "count: {count}, mean: {mean}, stdev: {stdev}, min: {min}, max: {max}")
    }
}

/// Gathers numbers in summaries.
#[derive(Serialize, Deserialize)]
pub(crate) struct Summarise;

impl<V: Number> Aggregator<V> for Summarise {
    type Sketch = Stats;

    fn zero(&self) -> Stats {
        Stats::default()
    }

    #[inline]
    fn add(&self, stats: &mut Stats, value: V) {
        stats.add(value.to_f64())
    }

    fn merge(&self, stats: &mut Stats, other: Stats) {
        stats.merge(&other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn two_pass(numbers: &[f64]) -> (f64, f64) {
        let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
        (mean, numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / numbers.len() as f64)
    }

    proptest! {
        #[test]
        fn one_pass_in_parts_equals_two_passes(
            numbers in prop::collection::vec(-1e6..1e6f64, 1..200),
            parts in 1usize..20,
            far in prop_oneof![Just(0.0), Just(1e9)],
        ) {
            let numbers: Vec<f64> = numbers.into_iter().map(|x| x + far).collect();
            let mut stats = Stats::default();
            numbers.chunks(numbers.len().div_ceil(parts)).for_each(|part| stats.merge(&part.iter().copied().collect()));
            let (mean, variance) = two_pass(&numbers);
            let close = |a: f64, b: f64, scale: f64| (a - b).abs() <= 1e-9 * scale.max(1.0);
            prop_assert!(close(stats.mean(), mean, mean.abs()), "mean {} {}", stats.mean(), mean);
            prop_assert!(close(stats.variance(), variance, 1e12), "variance {} {}", stats.variance(), variance);
            prop_assert!(close(stats.sum(), numbers.iter().sum(), mean.abs() * numbers.len() as f64));
            prop_assert_eq!(stats.count(), numbers.len() as u64);
            prop_assert_eq!(stats.min(), numbers.iter().copied().fold(f64::INFINITY, f64::min));
            prop_assert_eq!(stats.max(), numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        }
    }

    #[test]
    fn nothing_is_known_of_no_numbers_and_of_nan() {
        let empty = Stats::default();
        assert_eq!((empty.count(), empty.sum()), (0, 0.0));
        for value in [empty.mean(), empty.min(), empty.max(), empty.variance(), empty.sample_variance()] {
            assert!(value.is_nan());
        }
        for numbers in [[f64::NAN, 1.0, 2.0], [1.0, f64::NAN, 2.0], [1.0, 2.0, f64::NAN]] {
            let mut stats = Stats::default();
            numbers.iter().for_each(|x| stats.merge(&[*x].into_iter().collect()));
            assert_eq!(stats.count(), 3);
            for value in [stats.mean(), stats.sum(), stats.min(), stats.max(), stats.stdev()] {
                assert!(value.is_nan(), "{stats}");
            }
        }
    }

    #[test]
    fn one_number_has_no_sample_variance() {
        let one: Stats = [3.0].into_iter().collect();
        assert_eq!((one.variance(), one.mean()), (0.0, 3.0));
        assert!(one.sample_variance().is_nan());
    }
}
