//! `stats`, `mean`, `variance` and `stdev` of numbers. The loops over the number types are compiled here, in the engine.
//!
//! Numbers are gathered in blocks of a fixed length; a block's mean and squared deviations are found in two passes over it
//! and merged with those before (Chan, Golub, LeVeque). That is as accurate as Welford's method and needs a division for each
//! block, not for each number. Blocks begin at fixed rows of a partition, so results do not depend on batches.

use super::Rdd;
use super::take::empty;
use crate::batch::{Batch, Elem, take_row};
use crate::closure::Closure;
use crate::data::Data;
use crate::error::Result;
use crate::job::FoldVt;
use crate::node::RddHandle;
use serde::{Deserialize, Serialize};

/// Count, mean, sum, extremes and variance of numbers; see [`Rdd::stats`].
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

    /// The sum, added up as `f64`. [`Rdd::sum`] adds integers up exactly.
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
        let sum: f64 = numbers.iter().sum();
        let mean = sum / numbers.len() as f64;
        // The sum of large numbers may overflow where the mean does not.
        let mean = match mean.is_infinite() && numbers.iter().all(|x| x.is_finite()) {
            true => numbers.iter().map(|x| x / numbers.len() as f64).sum(),
            false => mean,
        };
        Stats {
            count: numbers.len() as u64,
            mean,
            sum,
            min: numbers.iter().copied().fold(f64::NAN, f64::min),
            max: numbers.iter().copied().fold(f64::NAN, f64::max),
            deviations: numbers.iter().map(|x| (x - mean) * (x - mean)).sum(),
        }
    }
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
struct Gathered {
    full: Stats,
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
    fn add_all<T: Copy>(&mut self, mut rows: &[T], number: impl Fn(T) -> f64) {
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

    fn stats(mut self) -> Stats {
        if self.filled > 0 {
            self.flush();
        }
        self.full
    }
}

/// A number type that [`Rdd::stats`] and its like understand.
#[diagnostic::on_unimplemented(
    message = "statistics are of numbers, not of `{Self}`",
    note = "`map` the rows to numbers first"
)]
pub trait Number: Data {
    /// How rows are gathered.
    #[doc(hidden)]
    const STATS: &'static FoldVt;
}

macro_rules! numbers {
    ($($number:ident)*) => {
        $(
            impl Number for $number {
                const STATS: &'static FoldVt = &FoldVt { acc: Elem::<Gathered>::VT, step: Self::gather };
            }

            impl Gather for $number {
                unsafe fn gather(_: *const u8, input: &mut Batch, acc: &mut Batch) -> Option<&'static str> {
                    // SAFETY: the input holds rows of the number type.
                    let rows = unsafe { std::slice::from_raw_parts(input.row(0) as *const $number, input.rows()) };
                    // SAFETY: the accumulator holds gathered numbers.
                    let gathered = unsafe { gathered(acc) };
                    gathered.add_all(rows, |x| x as f64);
                    input.clear();
                    None
                }
            }
        )*
    };
}

/// The loop over rows of one number type.
trait Gather {
    unsafe fn gather(_: *const u8, input: &mut Batch, acc: &mut Batch) -> Option<&'static str>;
}

numbers!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64);

/// The accumulator's row.
///
/// # Safety
/// The batch holds rows of that type, at most one.
unsafe fn gathered(acc: &mut Batch) -> &mut Gathered {
    // SAFETY: the type is as the caller says; afterwards there is a row.
    unsafe {
        if acc.is_empty() {
            acc.push(Gathered::default());
        }
        &mut *(acc.row(0) as *mut Gathered)
    }
}

/// How the partitions' numbers are merged, in the order of the partitions.
const MERGE: &FoldVt = &FoldVt { acc: Elem::<Gathered>::VT, step: merge };

unsafe fn merge(_: *const u8, input: &mut Batch, acc: &mut Batch) -> Option<&'static str> {
    // SAFETY: both hold gathered numbers.
    unsafe {
        while !input.is_empty() {
            let more = take_row::<Gathered>(input).stats();
            gathered(acc).full.merge(&more);
        }
    }
    None
}

impl RddHandle {
    #[inline(never)]
    #[track_caller]
    fn stats(&self, name: &'static str, fold: &'static FoldVt) -> Result<Stats> {
        let mut acc = self.fold_with(name, fold, MERGE, Closure::none(), None)?;
        // SAFETY: the accumulator's row is of this type, if there is one.
        Ok(if acc.is_empty() { Stats::default() } else { unsafe { take_row::<Gathered>(&mut acc) }.stats() })
    }

    /// The same; an error if there are no rows.
    #[inline(never)]
    #[track_caller]
    fn stats_of_some(&self, name: &'static str, fold: &'static FoldVt) -> Result<Stats> {
        let stats = self.stats(name, fold)?;
        if stats.count == 0 { Err(empty(name)) } else { Ok(stats) }
    }
}

impl<T: Number> Rdd<T> {
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
    pub fn stats(&self) -> Result<Stats> {
        self.handle.stats("stats", T::STATS)
    }

    /// The mean of the rows; an error if there are none.
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(2).range(0, 4).mean()?, 1.5);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn mean(&self) -> Result<f64> {
        self.handle.stats_of_some("mean", T::STATS).map(|stats| stats.mean())
    }

    /// The variance of the rows as a whole population ([`Stats::sample_variance`] is that of a sample); an error if there are
    /// none.
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(2).parallelize([1.0, 3.0]).variance()?, 1.0);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn variance(&self) -> Result<f64> {
        self.handle.stats_of_some("variance", T::STATS).map(|stats| stats.variance())
    }

    /// The standard deviation of the rows as a whole population ([`Stats::sample_stdev`] is that of a sample); an error if
    /// there are none.
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(2).parallelize([1.0, 5.0]).stdev()?, 2.0);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn stdev(&self) -> Result<f64> {
        self.handle.stats_of_some("stdev", T::STATS).map(|stats| stats.stdev())
    }
}
