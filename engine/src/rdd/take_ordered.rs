//! `take_ordered`: the smallest rows.

use super::Rdd;
use super::top::{addresses, compare_rows};
use crate::batch::Elem;
use crate::closure::Closure;
use crate::codec::Codec;
use crate::data::{Data, Ordered};
use crate::error::Result;
use crate::sort::SortVt;
use std::cmp::Ordering;
use std::marker::PhantomData;

struct TakeOrdered<T>(PhantomData<T>);

impl<T: Ord + 'static> TakeOrdered<T> {
    const SORT: &'static SortVt =
        &SortVt { key: Elem::<*const u8>::VT, codec: None, extract: addresses::<T>, compare: compare_reversed::<T> };
}

unsafe fn compare_reversed<T: Ord>(a: *const u8, b: *const u8) -> Ordering {
    // SAFETY: passed on from the caller.
    unsafe { compare_rows::<T>(b, a) }
}

impl<T: 'static> Rdd<T> {
    /// The `n` smallest rows, the smallest first; of equal rows, earlier ones first.
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(2).parallelize([3, 1, 4, 1, 5]).take_ordered(3)?, [1, 1, 3]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn take_ordered(&self, n: usize) -> Result<Vec<T>>
    where
        T: Data + Ordered,
    {
        let rows = self.handle.top("take_ordered", TakeOrdered::<T>::SORT, Codec::<T>::VT, Closure::none(), n);
        // SAFETY: an `Rdd<T>`'s node has rows `T`.
        rows.map(|rows| unsafe { rows.into_vec() })
    }
}
