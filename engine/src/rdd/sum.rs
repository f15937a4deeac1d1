//! `sum`. The loops over the number types are compiled here, in the engine, not in cells. Integers are added up in 128 bits, so
//! that only the total has to fit, whatever the order of the rows and the number of partitions.

use super::Rdd;
use crate::batch::{Batch, Elem, take_row};
use crate::closure::Closure;
use crate::codec::Codec;
use crate::data::Data;
use crate::error::{Error, Result};
use crate::job::{FoldVt, LeaveOut};
use crate::vectors::wide_vectors;

/// A number type that [`Rdd::sum`] adds up.
#[diagnostic::on_unimplemented(
    message = "`sum` adds up numbers, not `{Self}`",
    note = "`map` the rows to numbers first, or use `reduce`"
)]
pub trait Summand: Data {
    /// How rows are added up.
    #[doc(hidden)]
    const FOLD: &'static FoldVt;
    /// How the partitions' sums are added up.
    #[doc(hidden)]
    const TOTAL: &'static FoldVt;
    /// The number that a sum is, if it is one.
    #[doc(hidden)]
    fn from_total(total: &mut Batch) -> Option<Self>;
}

const OVERFLOW: &str = "the sum overflows its type; map the rows to a wider one (i64, i128, f64) before `sum`";

/// Implements `Summand` for a number type with sums of type `$total`: `$add` adds rows up, `$merge` adds sums up, and `$selected`
/// those rows that a filter says yes to.
macro_rules! summand {
    ($number:ident, $total:ident, $add:expr, $merge:expr, $selected:expr) => {
        impl Summand for $number {
            const FOLD: &'static FoldVt = &FoldVt {
                acc: Elem::<$total>::VT,
                codec: Codec::<$total>::VT,
                step: Self::add_rows,
                step_selected: $selected,
                bad_rows: LeaveOut::Never,
            };
            const TOTAL: &'static FoldVt = &FoldVt {
                acc: Elem::<$total>::VT,
                codec: Codec::<$total>::VT,
                step: Self::add_totals,
                step_selected: None,
                bad_rows: LeaveOut::Never,
            };

            fn from_total(total: &mut Batch) -> Option<$number> {
                // SAFETY: the accumulator has rows of the sum's type.
                let total: $total = if total.is_empty() { $total::default() } else { unsafe { take_row(total) } };
                convert!($total, $number, total)
            }
        }

        impl Steps for $number {
            unsafe fn add_rows(_: *const u8, input: &mut Batch, acc: &mut Batch) -> Option<&'static str> {
                // SAFETY: the input holds rows of the number type, the accumulator at most one sum.
                unsafe { step::<$number, $total>(input, acc, $add) }
            }

            unsafe fn add_totals(_: *const u8, input: &mut Batch, acc: &mut Batch) -> Option<&'static str> {
                // SAFETY: both hold sums, the accumulator at most one.
                unsafe { step::<$total, $total>(input, acc, $merge) }
            }
        }
    };
}

/// The number that a sum of another or of the same type is.
macro_rules! convert {
    (f32, f32, $total:ident) => {
        Some($total)
    };
    (f64, f64, $total:ident) => {
        Some($total)
    };
    ($from:ident, $to:ident, $total:ident) => {
        $to::try_from($total).ok()
    };
}

/// The loops of one number type.
trait Steps {
    unsafe fn add_rows(_: *const u8, input: &mut Batch, acc: &mut Batch) -> Option<&'static str>;
    unsafe fn add_totals(_: *const u8, input: &mut Batch, acc: &mut Batch) -> Option<&'static str>;
}

/// Adds the rows of `input` to the sum in `acc`.
///
/// # Safety
/// `input` holds numbers of type `T`, `acc` at most one of type `S`.
unsafe fn step<T: Copy, S: Default>(
    input: &mut Batch,
    acc: &mut Batch,
    add: impl Fn(S, &[T]) -> Option<S>,
) -> Option<&'static str> {
    // SAFETY: passed on from the caller; numbers need no drop.
    unsafe {
        let before = if acc.is_empty() { S::default() } else { take_row(acc) };
        acc.clear();
        let rows = std::slice::from_raw_parts(input.row(0) as *const T, input.rows());
        let Some(sum) = add(before, rows) else { return Some(OVERFLOW) };
        acc.push(sum);
    }
    input.clear();
    None
}

macro_rules! narrow_integers {
    ($($number:ident)*) => {
        $(
            impl Halves for $number {
                #[inline(always)]
                fn wrapped(self) -> u64 {
                    self as u64
                }

                #[inline(always)]
                fn upper(self) -> i64 {
                    (self as i128 >> 32) as i64
                }
            }

            summand!($number, i128, add_halves, checked_i128, Some(step_selected::<$number>));
        )*
    };
}

narrow_integers!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize);
summand!(i128, i128, checked_i128, checked_i128, None);
summand!(u128, u128, checked_u128, checked_u128, None);
// Floating-point numbers are added up one after the other, which those that do not count would delay.
summand!(f32, f32, add_f32, add_f32, None);
summand!(f64, f64, add_f64, add_f64, None);

fn add_f32(sum: f32, rows: &[f32]) -> Option<f32> {
    Some(rows.iter().fold(sum, |sum, row| sum + row))
}

fn add_f64(sum: f64, rows: &[f64]) -> Option<f64> {
    Some(rows.iter().fold(sum, |sum, row| sum + row))
}

fn checked_i128(sum: i128, rows: &[i128]) -> Option<i128> {
    rows.iter().try_fold(sum, |sum, row| sum.checked_add(*row))
}

fn checked_u128(sum: u128, rows: &[u128]) -> Option<u128> {
    rows.iter().try_fold(sum, |sum, row| sum.checked_add(*row))
}

/// An integer of at most 64 bits as its lower 32 bits and what is above them: those sums do not overflow, and use vectors.
trait Halves: Copy + Default {
    /// The number modulo 2⁶⁴.
    fn wrapped(self) -> u64;
    /// What is above the lower 32 bits, with the sign.
    fn upper(self) -> i64;
}

/// The sums of the halves of so many numbers fit into 64 bits.
const BLOCK: usize = 1 << 30;

fn add_halves<T: Halves>(sum: i128, rows: &[T]) -> Option<i128> {
    let add = |block: &[T]| {
        wide_vectors(
            #[inline(always)]
            || sum_block(block.iter().copied()),
        )
    };
    Some(sum + rows.chunks(BLOCK).map(add).sum::<i128>())
}

/// Adds those rows to the sum in `acc` that count.
///
/// # Safety
/// `input` holds numbers of type `T`, `acc` at most one sum.
unsafe fn step_selected<T: Halves>(input: &mut Batch, counts: &[bool], acc: &mut Batch) {
    let add = |(block, counts): (&[T], &[bool])| {
        let or_zero = |(row, counts): (&T, &bool)| if *counts { *row } else { T::default() };
        wide_vectors(
            #[inline(always)]
            || sum_block(block.iter().zip(counts).map(or_zero)),
        )
    };
    // SAFETY: passed on from the caller.
    unsafe {
        step::<T, i128>(input, acc, |sum, rows| {
            Some(sum + rows.chunks(BLOCK).zip(counts.chunks(BLOCK)).map(add).sum::<i128>())
        });
    }
}

#[inline(always)]
fn sum_block<T: Halves>(rows: impl Iterator<Item = T>) -> i128 {
    let (wrapped, upper) =
        rows.fold((0u64, 0i64), |(wrapped, upper), row| (wrapped.wrapping_add(row.wrapped()), upper + row.upper()));
    // The sum of the lower halves is below 2⁶², so it is known if it is known modulo 2⁶⁴.
    let lower = wrapped.wrapping_sub((upper as u64) << 32);
    (i128::from(upper) << 32) + i128::from(lower)
}

#[cold]
fn overflow() -> Error {
    Error::Invalid(format!("sum: {OVERFLOW}"))
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
        let mut total = self.handle.fold_with("sum", T::FOLD, T::TOTAL, Closure::none(), None)?;
        T::from_total(&mut total).ok_or_else(overflow)
    }
}
