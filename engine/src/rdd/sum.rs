//! `sum`. The loops over the number types are compiled here, in the engine, not in cells.

use super::Rdd;
use crate::batch::{Batch, Elem, take_row};
use crate::closure::Closure;
use crate::data::Data;
use crate::error::Result;
use crate::job::FoldVt;

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
                // SAFETY: both batches hold rows of the number type; `acc` at most one.
                unsafe {
                    let mut total = if acc.is_empty() { $number::default() } else { take_row(acc) };
                    acc.clear();
                    while !input.is_empty() {
                        match $add(total, take_row::<$number>(input)) {
                            Some(sum) => total = sum,
                            None => return Some(OVERFLOW),
                        }
                    }
                    acc.push(total);
                }
                None
            }
        )*
    };
}

macro_rules! integers {
    ($($number:ident $step:ident $add:ident;)*) => {
        $(
            fn $add(a: $number, b: $number) -> Option<$number> {
                a.checked_add(b)
            }
        )*
        summands!($($number $step $add;)*);
    };
}

integers! {
    i8 step_i8 add_i8;
    i16 step_i16 add_i16;
    i32 step_i32 add_i32;
    i64 step_i64 add_i64;
    i128 step_i128 add_i128;
    isize step_isize add_isize;
    u8 step_u8 add_u8;
    u16 step_u16 add_u16;
    u32 step_u32 add_u32;
    u64 step_u64 add_u64;
    u128 step_u128 add_u128;
    usize step_usize add_usize;
}

fn add_f32(a: f32, b: f32) -> Option<f32> {
    Some(a + b)
}

fn add_f64(a: f64, b: f64) -> Option<f64> {
    Some(a + b)
}

summands! {
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
