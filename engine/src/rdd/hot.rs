//! `hot`: the rows that occur most often.

use super::Rdd;
use super::count_by_value::CountByValue;
use super::sort_by::compare;
use crate::batch::{Batch, Elem};
use crate::closure::Closure;
use crate::data::Key;
use crate::error::Result;
use crate::node::RddHandle;
use crate::shuffle::{ReadVt, WriteVt};
use crate::sort::SortVt;
use std::marker::PhantomData;

struct Hot<T>(PhantomData<T>);

impl<T: Key> Hot<T> {
    const SORT: &'static SortVt =
        &SortVt { key: Elem::<u64>::VT, codec: None, extract: counts::<T>, compare: compare::<u64> };
}

unsafe fn counts<T>(_: *const u8, rows: *const u8, n: usize, keys: &mut Batch) {
    for i in 0..n {
        // SAFETY: the rows are of this type, the keys numbers; row `i` exists.
        unsafe { keys.push::<u64>((*(rows as *const (T, u64)).add(i)).1) }
    }
}

impl RddHandle {
    #[inline(never)]
    #[track_caller]
    fn hot(&self, write: &'static WriteVt, read: &'static ReadVt, sort: &'static SortVt, n: usize) -> Result<Batch> {
        self.shuffled("hot", write, read, Closure::none()).top("hot", sort, write.codec, Closure::none(), n)
    }
}

impl<T: 'static> Rdd<T> {
    /// The `n` rows that occur most often, with their counts, the most frequent first. The name is DPark's.
    ///
    /// ```
    /// let letters = dpark::DparkContext::local(2).parallelize("mississippi!".chars());
    /// assert_eq!(letters.filter(|c| *c != 'i').hot(2)?, [('s', 4), ('p', 2)]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn hot(&self, n: usize) -> Result<Vec<(T, u64)>>
    where
        T: Key,
    {
        let rows = self.handle.hot(CountByValue::<T>::WRITE, CountByValue::<T>::READ, Hot::<T>::SORT, n);
        // SAFETY: the tables have rows of this type.
        rows.map(|rows| unsafe { rows.into_vec() })
    }
}
