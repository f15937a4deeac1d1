//! The state of operators that need to know where they are: a number, at first the index of the partition (for indexed RDDs
//! that of its first row); and what operators of the engine's own are told in the place of a closure.

use crate::capture::{Env, SavedEnv};
use crate::closure::Closure;
use crate::pipeline::StateVt;
use std::alloc::Layout;

/// The state.
pub(super) const INDEX: &StateVt = &StateVt { layout: Layout::new::<u64>(), init, drop: forget };

unsafe fn init(state: *mut u8, index: u64) {
    // SAFETY: the memory is laid out for a number.
    unsafe { (state as *mut u64).write(index) }
}

unsafe fn forget(_: *mut u8) {}

/// Parameters of an operator, made by `make` of values that can be shipped. The operator's loop gets their address.
#[track_caller]
pub(super) fn parameters<E: Env, P: Send + Sync + 'static>(values: E, make: impl Fn(E::Owned) -> P) -> Closure {
    // SAFETY: the values are saved as the type they are loaded as.
    unsafe { Closure::from_env::<E::Owned, _, P>(SavedEnv::new(&values), &make) }
}
