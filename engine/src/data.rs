//! What can be a row that moves between tasks.

use crate::codec::{CodecError, Reader, Writer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::hash::Hash;

/// A row that can leave its task: shuffled, cached or collected. Every type with `#[derive(Serialize, Deserialize)]` that owns
/// its data is one; it is never implemented by hand. Of rows that borrow (`&str`) rustc says that "implementation of `Deserialize`
/// is not general enough".
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a row of an RDD: rows must own their data (use `String` instead of `&str`) and be serialisable",
    label = "not a row type",
    note = "derive `Serialize` and `Deserialize` for your own types; rows must also be `Send`, `Sync` and `'static`"
)]
pub trait Data: Serialize + DeserializeOwned + Send + Sync + Sized + 'static {
    /// Appends the row to `out`.
    #[doc(hidden)]
    fn save(&self, out: &mut Writer) -> Result<(), CodecError>;
    /// Reads a row.
    #[doc(hidden)]
    fn load(input: &mut Reader<'_>) -> Result<Self, CodecError>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Data for T {
    #[inline]
    fn save(&self, out: &mut Writer) -> Result<(), CodecError> {
        self.serialize(out)
    }

    #[inline]
    fn load(input: &mut Reader<'_>) -> Result<T, CodecError> {
        input.value()
    }
}

/// A row, or the first part of a pair, by which rows are brought together: what is [`Data`], `Hash` and `Eq`. Never implemented
/// by hand. Keys that hash addresses (pointers, `fn` pointers) are not supported: their hash differs between processes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key: keys are compared and hashed, so they need `Hash` and `Eq` besides being rows",
    label = "not a key type",
    note = "your own types: derive `Hash`, `PartialEq`, `Eq`, `Serialize` and `Deserialize`",
    note = "floating-point numbers: use their bits (`x.to_bits()`), or round them to an integer; hash maps and sets: use `BTreeMap` and `BTreeSet`"
)]
pub trait Key: Data + Hash + Eq {}

#[diagnostic::do_not_recommend]
impl<K: Data + Hash + Eq> Key for K {}

/// By what rows can be ordered: everything that is `Ord`. Never implemented by hand.
#[diagnostic::on_unimplemented(
    message = "rows cannot be ordered by `{Self}`: of any two values it must be known which is less, so it needs `Ord`",
    label = "nothing to order by",
    note = "floating-point numbers: order by `dpark::total_order(x)`, as in `sort_by(|x| total_order(*x))` or `max_by(|x| total_order(*x))`",
    note = "your own types: derive `PartialEq`, `Eq`, `PartialOrd` and `Ord`, or order by one of their fields"
)]
pub trait Ordered: Ord {}

#[diagnostic::do_not_recommend]
impl<T: Ord> Ordered for T {}

/// A number that is ordered as the floating-point number is by [`f64::total_cmp`]: to sort by, or to take the largest by.
/// NaNs are above (those with a sign: below) everything else.
///
/// ```
/// use dpark::total_order;
/// let rdd = dpark::DparkContext::local(2).parallelize([2.5, f64::NAN, -1.0]);
/// assert_eq!(rdd.filter(|x| !x.is_nan()).max_by(|x| total_order(*x))?, 2.5);
/// assert_eq!(rdd.sort_by(|x| total_order(*x)).take(2)?, [-1.0, 2.5]);
/// assert_eq!(rdd.sort_by(|x| std::cmp::Reverse(total_order(*x))).collect()?[2], -1.0); // downwards
/// # Ok::<(), dpark::Error>(())
/// ```
#[inline]
pub fn total_order(x: impl Into<f64>) -> i64 {
    let bits = x.into().to_bits() as i64;
    // Below zero a larger magnitude is less: all bits but the sign are flipped.
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

#[cfg(test)]
mod tests {
    use super::total_order;

    #[test]
    fn numbers_are_ordered_as_by_total_cmp() {
        let tiny = f64::from_bits(1);
        let mut numbers =
            vec![f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1.5, -1.5, tiny, -tiny];
        numbers.sort_by(f64::total_cmp);
        assert!(numbers.is_sorted_by_key(|x| total_order(*x)));
        assert!(total_order(-0.0) < total_order(0.0) && total_order(1.5f32) == total_order(1.5));
    }
}
