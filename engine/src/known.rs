//! Which types are RDDs: a store of variables that knows only `TypeId`s asks here whether one of them is an RDD, and which.

use crate::batch::ElemVt;
use crate::ids::RddId;
use crate::node::RddHandle;
use std::any::TypeId;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

static RDD_TYPES: Mutex<Option<HashSet<TypeId>>> = Mutex::new(None);

/// Notes that `Rdd<T>` exists, when a node with rows `T` is made.
pub(crate) fn register(elem: &'static ElemVt) {
    let mut types = RDD_TYPES.lock().unwrap_or_else(PoisonError::into_inner);
    types.get_or_insert_default().insert((elem.rdd_type_id)());
}

/// The id of the RDD at `value`, if `type_id` is that of an `Rdd<T>` of which one was made.
///
/// # Safety
/// `value` points to a live value of the type with that id.
pub unsafe fn rdd_id_of(type_id: TypeId, value: *const u8) -> Option<RddId> {
    let types = RDD_TYPES.lock().unwrap_or_else(PoisonError::into_inner);
    if !types.as_ref().is_some_and(|types| types.contains(&type_id)) {
        return None;
    }
    // SAFETY: the value is an `Rdd<T>`, which is a transparent wrapper of `RddHandle` whatever `T` is.
    let handle = unsafe { &*(value as *const RddHandle) };
    Some(handle.arc().id)
}
