//! `sum`. The loops over the number types are compiled here, in the engine, not in cells.

use super::Rdd;
use crate::batch::{Batch, Elem, take_row};
use crate::closure::Closure;
use crate::data::Data;
use crate::error::Result;
use crate::job::FoldVt;
use crate::vectors::wide_vectors;

/// A number type that [`Rdd::sum`] adds up.
#[diagnostic::on_unimplemented(
    message = "`sum` adds up numbers, not `{Self}`",
    note = "`map` the rows to numbers first, or use `reduce`"
)]
pub trait Summand: Data + Default {
    /// How rows are added up.
    #[doc(hidden)]
    const FOLD: &'static FoldVt;
}

const OVERFLOW: &str = "the sum overflows its type; map the rows to a wider one (i64, i128, f64) before `sum`";

macro_rules! summands {
    ($($number:ident $step:ident $add:ident;)*) => {
        $(
            impl Summand for $number {
                const FOLD: &'static FoldVt = &FoldVt { acc: Elem::<$number>::VT, step: $step };
            }

            unsafe fn $step(_: *const u8, input: &mut Batch, acc: &mut Batch) -> Option<&'static str> {
                // SAFETY: both batches hold rows of the number type; `acc` at most one. Numbers need no drop.
                unsafe {
                    let before = if acc.is_empty() { $number::default() } else { take_row(acc) };
                    acc.clear();
                    let rows = std::slice::from_raw_parts(input.row(0) as *const $number, input.rows());
                    match $add(before, rows) {
                        (sum, false) => acc.push(sum),
                        (_, true) => return Some(OVERFLOW),
                    }
                }
                input.clear();
                None
            }
        )*
    };
}

macro_rules! integers {
    ($($number:ident $step:ident $add:ident;)*) => {
        $(
            /// The sum, and whether it overflowed: no branch in the loop.
            fn $add(mut sum: $number, rows: &[$number]) -> ($number, bool) {
                let mut overflowed = false;
                for row in rows {
                    let (next, over) = sum.overflowing_add(*row);
                    sum = next;
                    overflowed |= over;
                }
                (sum, overflowed)
            }
        )*
        summands!($($number $step $add;)*);
    };
}

integers! {
    i8 step_i8 add_i8;
    i16 step_i16 add_i16;
    i32 step_i32 add_i32;
    i128 step_i128 add_i128;
    u8 step_u8 add_u8;
    u16 step_u16 add_u16;
    u32 step_u32 add_u32;
    u64 step_u64 add_u64;
    u128 step_u128 add_u128;
    usize step_usize add_usize;
}

/// Adds the halves of the numbers apart, which cannot overflow and is quick; only the total is checked.
fn add_i64(before: i64, rows: &[i64]) -> (i64, bool) {
    let mut total = i128::from(before);
    for block in rows.chunks(1 << 30) {
        let (low, high) = wide_vectors!(halves(block));
        total += (i128::from(high) << 32) + i128::from(low);
    }
    i64::try_from(total).map_or((0, true), |total| (total, false))
}

/// The sums of the lower and of the (signed) upper halves.
#[inline(always)]
fn halves(rows: &[i64]) -> (u64, i64) {
    let (mut low, mut high) = (0u64, 0i64);
    for row in rows {
        low += *row as u64 & 0xffff_ffff;
        high += row >> 32;
    }
    (low, high)
}

fn add_isize(before: isize, rows: &[isize]) -> (isize, bool) {
    rows.iter().fold((before, false), |(sum, overflowed), row| {
        let (sum, over) = sum.overflowing_add(*row);
        (sum, overflowed | over)
    })
}

fn add_f32(before: f32, rows: &[f32]) -> (f32, bool) {
    (rows.iter().fold(before, |sum, row| sum + row), false)
}

fn add_f64(before: f64, rows: &[f64]) -> (f64, bool) {
    (rows.iter().fold(before, |sum, row| sum + row), false)
}

summands! {
    i64 step_i64 add_i64;
    isize step_isize add_isize;
    f32 step_f32 add_f32;
    f64 step_f64 add_f64;
}

impl<T: 'static> Rdd<T> {
    /// Adds up the rows; 0 if there are none, an error if the sum overflows.
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(2).range(0, 101).sum()?, 5050);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn sum(&self) -> Result<T>
    where
        T: Summand,
    {
        let mut total = self.handle.fold("sum", T::FOLD, Closure::none(), None)?;
        // SAFETY: the accumulator has rows `T`.
        Ok(if total.is_empty() { T::default() } else { unsafe { take_row(&mut total) } })
    }
}
