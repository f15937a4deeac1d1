//! `batch`: the rows of each partition in vectors of a given length.

use super::Rdd;
use super::index::parameters;
use crate::batch::{Batch, Elem};
use crate::closure::Closure;
use crate::node::RddHandle;
use crate::pipeline::{PartitionsVt, StateVt, Upstream};
use std::alloc::Layout;
use std::marker::PhantomData;

struct Batched<T>(PhantomData<T>);

impl<T: 'static> Batched<T> {
    const OP: &'static PartitionsVt = &PartitionsVt {
        name: "batch",
        out: Elem::<Vec<T>>::VT,
        state: Gathering::STATE,
        open: open_sized,
        next: next::<T>,
    };
}

/// The state of operators that make vectors of rows.
pub(super) struct Gathering {
    upstream: Option<Upstream>,
    size: usize,
}

impl Gathering {
    pub(super) const STATE: &'static StateVt =
        &StateVt { layout: Layout::new::<Gathering>(), init, drop: drop_gathering };

    /// The next rows, at most `n` and at the end fewer.
    pub(super) fn next(&mut self, n: usize) -> Option<Batch> {
        self.upstream.as_mut().map(|upstream| upstream.gather(n))
    }
}

unsafe fn init(state: *mut u8, _: u64) {
    // SAFETY: the memory is laid out for the state.
    unsafe { (state as *mut Gathering).write(Gathering { upstream: None, size: 0 }) }
}

unsafe fn drop_gathering(state: *mut u8) {
    // SAFETY: the state was written by `init`.
    unsafe { std::ptr::drop_in_place(state as *mut Gathering) }
}

pub(super) unsafe fn open(_: *const u8, upstream: Upstream, state: *mut u8) {
    // SAFETY: the state is of this type.
    unsafe { (*(state as *mut Gathering)).upstream = Some(upstream) }
}

unsafe fn open_sized(size: *const u8, upstream: Upstream, state: *mut u8) {
    // SAFETY: state and parameter have these types.
    unsafe {
        let gathering = &mut *(state as *mut Gathering);
        gathering.upstream = Some(upstream);
        gathering.size = *(size as *const usize);
    }
}

unsafe fn next<T>(state: *mut u8, out: &mut Batch) -> bool {
    // SAFETY: the table's types are those of state and batch; the upstream has rows `T`.
    unsafe {
        let gathering = &mut *(state as *mut Gathering);
        while out.rows() < out.limit {
            match gathering.next(gathering.size) {
                Some(rows) if !rows.is_empty() => out.push::<Vec<T>>(rows.into_vec()),
                _ => return false,
            }
        }
    }
    true
}

impl RddHandle {
    #[inline(never)]
    #[track_caller]
    fn batch(&self, op: &'static PartitionsVt, size: usize) -> RddHandle {
        if size == 0 {
            return self.failed(op.name, op.out, "vectors of 0 rows would never end; give a size of at least 1");
        }
        let size: Closure = parameters((&size,), |(size,)| size);
        self.partitions(op, size)
    }
}

impl<T: 'static> Rdd<T> {
    /// Makes vectors of `size` rows that follow each other in a partition; the last one of a partition may have fewer.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 6);
    /// assert_eq!(rdd.batch(2).collect()?, [vec![0, 1], vec![2], vec![3, 4], vec![5]]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn batch(&self, size: usize) -> Rdd<Vec<T>> {
        Rdd::from_handle(self.handle.batch(Batched::<T>::OP, size))
    }
}
