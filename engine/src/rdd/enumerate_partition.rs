//! `enumerate_partition`: every row with the index of its partition.

use super::Rdd;
use super::index::INDEX;
use crate::batch::{Batch, Elem, map_rows};
use crate::closure::Closure;
use crate::pipeline::{OpVt, Step};
use std::marker::PhantomData;

struct EnumeratePartition<T>(PhantomData<T>);

impl<T: 'static> EnumeratePartition<T> {
    const OP: &'static OpVt =
        &OpVt { name: "enumerate_partition", out: Elem::<(usize, T)>::VT, state: Some(INDEX), run: run::<T> };
}

unsafe fn run<T>(_: *const u8, state: *mut u8, input: &mut Batch, out: &mut Batch) -> Step {
    // SAFETY: the table's types are those of state and batches.
    unsafe {
        let partition = *(state as *const u64) as usize;
        map_rows::<T, (usize, T)>(input, out, |row| (partition, row));
    }
    Step::Done
}

impl<T: 'static> Rdd<T> {
    /// Pairs of the index of the row's partition, from 0, and the row.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).parallelize(['a', 'b', 'c']);
    /// assert_eq!(rdd.enumerate_partition().collect()?, [(0, 'a'), (1, 'b'), (1, 'c')]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn enumerate_partition(&self) -> Rdd<(usize, T)> {
        Rdd::from_handle(self.handle.narrow(EnumeratePartition::<T>::OP, Closure::none()))
    }
}
