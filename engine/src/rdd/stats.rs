//! `stats`, `mean`, `variance` and `stdev` of numbers. The loops over the number types are compiled here, in the engine.

mod summary;

pub use summary::Stats;

use super::Rdd;
use super::take::empty;
use crate::batch::{Batch, Elem, take_row};
use crate::closure::Closure;
use crate::data::Data;
use crate::error::Result;
use crate::job::FoldVt;
use crate::node::RddHandle;
use summary::Gathered;

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
        if stats.count() == 0 { Err(empty(name)) } else { Ok(stats) }
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
