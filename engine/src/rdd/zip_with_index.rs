//! `zip_with_index` and `enumerate`: every row with its index in the whole RDD. How many rows the partitions have is found
//! by a job of its own when the first action needs it.

use super::Rdd;
use super::index::INDEX;
use crate::batch::{Batch, Elem, map_rows};
use crate::pipeline::{OpVt, Step};
use std::marker::PhantomData;

struct ZipWithIndex<T>(PhantomData<T>);

impl<T: 'static> ZipWithIndex<T> {
    const OP: &'static OpVt =
        &OpVt { name: "zip_with_index", out: Elem::<(T, u64)>::VT, state: Some(INDEX), run: run_zip::<T> };
    const ENUMERATE: &'static OpVt =
        &OpVt { name: "enumerate", out: Elem::<(u64, T)>::VT, state: Some(INDEX), run: run_enumerate::<T> };
}

unsafe fn run_zip<T>(_: *const u8, state: *mut u8, input: &mut Batch, out: &mut Batch) -> Step {
    // SAFETY: the table's types are those of state and batches.
    unsafe { number::<T, (T, u64)>(state, input, out, |index, row| (row, index)) }
}

unsafe fn run_enumerate<T>(_: *const u8, state: *mut u8, input: &mut Batch, out: &mut Batch) -> Step {
    // SAFETY: the table's types are those of state and batches.
    unsafe { number::<T, (u64, T)>(state, input, out, |index, row| (index, row)) }
}

/// Numbers the rows from the state on, which is the index of the next one.
///
/// # Safety
/// The state is an index, `input` holds rows of type `T`, `out` of type `U`.
#[inline]
unsafe fn number<T, U>(state: *mut u8, input: &mut Batch, out: &mut Batch, pair: impl Fn(u64, T) -> U) -> Step {
    // SAFETY: the types are as the caller says.
    unsafe {
        let next = &mut *(state as *mut u64);
        let mut index = *next;
        *next += input.rows() as u64;
        map_rows::<T, U>(input, out, |row| {
            let pair = pair(index, row);
            index += 1;
            pair
        });
    }
    Step::Done
}

impl<T: 'static> Rdd<T> {
    /// Pairs of the row and its index in the whole RDD, from 0. DPark and Rust put the index first: [`Rdd::enumerate`].
    ///
    /// If there is more than one partition, the first action that needs the indices runs a job before that counts the rows
    /// of all partitions but the last, which computes these once more (`cache` what is expensive).
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).parallelize(['a', 'b', 'c']);
    /// assert_eq!(rdd.zip_with_index().collect()?, [('a', 0), ('b', 1), ('c', 2)]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[doc(alias = "enumerate")]
    #[track_caller]
    pub fn zip_with_index(&self) -> Rdd<(T, u64)> {
        Rdd::from_handle(self.handle.indexed(ZipWithIndex::<T>::OP))
    }

    /// DPark's [`Rdd::zip_with_index`]: pairs of the row's index in the whole RDD, from 0, and the row.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).parallelize(['a', 'b', 'c']);
    /// assert_eq!(rdd.enumerate().collect()?, [(0, 'a'), (1, 'b'), (2, 'c')]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn enumerate(&self) -> Rdd<(u64, T)> {
        Rdd::from_handle(self.handle.indexed(ZipWithIndex::<T>::ENUMERATE))
    }
}
