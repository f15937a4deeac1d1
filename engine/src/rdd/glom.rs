//! `glom`: each partition as one vector.

use super::Rdd;
use super::batch::{Gathering, open};
use crate::batch::{Batch, Elem};
use crate::closure::Closure;
use crate::pipeline::PartitionsVt;
use std::marker::PhantomData;

struct Glom<T>(PhantomData<T>);

impl<T: 'static> Glom<T> {
    const OP: &'static PartitionsVt =
        &PartitionsVt { name: "glom", out: Elem::<Vec<T>>::VT, state: Gathering::STATE, open, next: next::<T> };
}

unsafe fn next<T>(state: *mut u8, out: &mut Batch) -> bool {
    // SAFETY: the table's types are those of state and batch; the upstream has rows `T`.
    unsafe {
        let gathering = &mut *(state as *mut Gathering);
        if let Some(rows) = gathering.next(usize::MAX) {
            out.push::<Vec<T>>(rows.into_vec());
        }
    }
    false
}

impl<T: 'static> Rdd<T> {
    /// Makes one row of each partition: the vector of its rows.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 5);
    /// assert_eq!(rdd.glom().collect()?, [vec![0, 1], vec![2, 3, 4]]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn glom(&self) -> Rdd<Vec<T>> {
        Rdd::from_handle(self.handle.partitions(Glom::<T>::OP, Closure::none()))
    }
}
