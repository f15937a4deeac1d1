//! `Number`: what can be measured.

/// A number that percentiles, histograms and summaries are made of. They compute with `f64`: integers beyond 2^53 are rounded.
///
/// ```
/// use dpark::stats::Number;
/// assert_eq!((3u8.to_f64(), (-2.5f32).to_f64()), (3.0, -2.5));
/// ```
///
/// ```compile_fail,E0277
/// dpark::DparkContext::local(1).parallelize(["1".to_string()]).percentiles(&[50.0]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a number that statistics can be made of",
    label = "not a number",
    note = "`map` the rows to numbers first (`map_values` for the operators by key); a `bool`, `Option` or `Duration` has to be turned into one"
)]
pub trait Number: Copy + 'static {
    /// The nearest `f64`.
    fn to_f64(self) -> f64;
}

macro_rules! numbers {
    ($($number:ident)*) => {
        $(
            impl Number for $number {
                #[inline]
                fn to_f64(self) -> f64 {
                    self as f64
                }
            }
        )*
    };
}

numbers!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64);
