//! What is known of numbers without keeping them.
//!
//! Numbers are gathered in blocks of a fixed length; a block's mean and squared deviations are found in two passes over it
//! and merged with those before (Chan, Golub, LeVeque). That is as accurate as Welford's method and needs a division for each
//! block, not for each number. Blocks begin at fixed rows of a partition, so results do not depend on batches.

use serde::{Deserialize, Serialize};

/// Count, mean, sum, extremes and variance of numbers; see [`crate::Rdd::stats`]. It is a row itself, so that
/// `reduce_by_key` can merge those of many groups.
///
/// ```
/// let stats = dpark::Stats::from_iter([1.0, 3.0, 5.0, 7.0]);
/// assert_eq!((stats.count(), stats.sum(), stats.mean()), (4, 16.0, 4.0));
/// assert_eq!((stats.min(), stats.max()), (1.0, 7.0));
/// assert_eq!((stats.variance(), stats.stdev()), (5.0, 5f64.sqrt()));
/// assert_eq!((stats.sample_variance(), stats.sample_stdev()), (20.0 / 3.0, (20.0 / 3.0f64).sqrt()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    count: u64,
    mean: f64,
    sum: f64,
    min: f64,
    max: f64,
    /// The sum of squared deviations from the mean.
    deviations: f64,
}

impl Default for Stats {
    /// The statistics of no number.
    fn default() -> Stats {
        Stats { count: 0, mean: 0.0, sum: 0.0, min: f64::NAN, max: f64::NAN, deviations: 0.0 }
    }
}

impl Stats {
    /// How many numbers there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The mean; NaN if there is no number.
    pub fn mean(&self) -> f64 {
        let mean = self.sum / self.count as f64;
        // As in `of`.
        if self.sum.is_infinite() && self.mean.is_finite() { self.mean } else { mean }
    }

    /// The sum, added up as `f64`. [`crate::Rdd::sum`] adds integers up exactly.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// The smallest number that is not NaN; NaN if there is none.
    pub fn min(&self) -> f64 {
        self.min
    }

    /// The largest number that is not NaN; NaN if there is none.
    pub fn max(&self) -> f64 {
        self.max
    }

    /// The variance of the numbers as a whole population; NaN if there is no number.
    pub fn variance(&self) -> f64 {
        if self.count == 0 { f64::NAN } else { self.deviations / self.count as f64 }
    }

    /// The standard deviation of the numbers as a whole population; NaN if there is no number.
    pub fn stdev(&self) -> f64 {
        self.variance().sqrt()
    }

    /// The variance of a population of which the numbers are a sample; NaN if there are less than two.
    pub fn sample_variance(&self) -> f64 {
        if self.count < 2 { f64::NAN } else { self.deviations / (self.count - 1) as f64 }
    }

    /// The standard deviation of a population of which the numbers are a sample; NaN if there are less than two.
    pub fn sample_stdev(&self) -> f64 {
        self.sample_variance().sqrt()
    }

    /// Takes in the numbers that `other` describes.
    ///
    /// ```
    /// let mut stats = dpark::Stats::from_iter([1.0, 2.0]);
    /// stats.merge(&dpark::Stats::from_iter([6.0]));
    /// assert_eq!((stats.count(), stats.mean(), stats.max()), (3, 3.0, 6.0));
    /// ```
    pub fn merge(&mut self, other: &Stats) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        let (before, more) = (self.count as f64, other.count as f64);
        let total = before + more;
        let distance = other.mean - self.mean;
        self.mean += distance * (more / total);
        self.deviations += other.deviations + distance * distance * (before * more / total);
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// The statistics of a few numbers, at least one.
    fn of(numbers: &[f64]) -> Stats {
        let sum = fold(numbers, 0.0, |x| x, |a, b| a + b);
        let mean = sum / numbers.len() as f64;
        // The sum of large numbers may overflow where the mean does not.
        let mean = match mean.is_infinite() && numbers.iter().all(|x| x.is_finite()) {
            true => numbers.iter().map(|x| x / numbers.len() as f64).sum(),
            false => mean,
        };
        // A comparison with NaN is false.
        let min = fold(numbers, f64::INFINITY, |x| x, |a, b| if b < a { b } else { a });
        let max = fold(numbers, f64::NEG_INFINITY, |x| x, |a, b| if b > a { b } else { a });
        let (min, max) = if min <= max { (min, max) } else { (f64::NAN, f64::NAN) };
        let deviations = fold(numbers, 0.0, |x| (x - mean) * (x - mean), |a, b| a + b);
        Stats { count: numbers.len() as u64, mean, sum, min, max, deviations }
    }
}

/// Folds numbers in eight parts, which the processor does side by side.
#[inline(always)]
fn fold(numbers: &[f64], zero: f64, value: impl Fn(f64) -> f64, f: impl Fn(f64, f64) -> f64) -> f64 {
    let mut parts = [zero; 8];
    let (eights, rest) = numbers.as_chunks::<8>();
    for eight in eights {
        parts.iter_mut().zip(eight).for_each(|(part, x)| *part = f(*part, value(*x)));
    }
    let parts = parts.into_iter().fold(zero, &f);
    rest.iter().fold(parts, |so_far, x| f(so_far, value(*x)))
}

impl FromIterator<f64> for Stats {
    fn from_iter<I: IntoIterator<Item = f64>>(numbers: I) -> Stats {
        let mut gathered = Gathered::default();
        numbers.into_iter().for_each(|x| gathered.add_all(&[x], |x| x));
        gathered.stats()
    }
}

impl std::fmt::Display for Stats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (mean, stdev) = (self.mean(), self.stdev());
        write!(f, "count {}, mean {mean}, stdev {stdev}, min {}, max {}", self.count, self.min, self.max)
    }
}

const BLOCK: usize = 128;

/// The statistics of full blocks, and the block that is being filled.
pub(super) struct Gathered {
    pub(super) full: Stats,
    block: [f64; BLOCK],
    filled: usize,
}

impl Default for Gathered {
    fn default() -> Gathered {
        Gathered { full: Stats::default(), block: [0.0; BLOCK], filled: 0 }
    }
}

impl Gathered {
    #[inline]
    pub(super) fn add_all<T: Copy>(&mut self, mut rows: &[T], number: impl Fn(T) -> f64) {
        while !rows.is_empty() {
            let (next, rest) = rows.split_at(rows.len().min(BLOCK - self.filled));
            let block = &mut self.block[self.filled..];
            block.iter_mut().zip(next).for_each(|(slot, row)| *slot = number(*row));
            self.filled += next.len();
            if self.filled == BLOCK {
                self.flush();
            }
            rows = rest;
        }
    }

    #[inline(never)]
    fn flush(&mut self) {
        self.full.merge(&Stats::of(&self.block[..self.filled]));
        self.filled = 0;
    }

    pub(super) fn stats(mut self) -> Stats {
        if self.filled > 0 {
            self.flush();
        }
        self.full
    }
}
