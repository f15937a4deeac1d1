//! Values behind captured references. A closure may keep its `&'static` for ever, so the values are never freed; equal
//! captures share one value, so that running the same cell many times does not grow the process.

use crate::codec::CodecError;
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

type Shared = dyn Any + Send + Sync;
type Values = HashMap<(TypeId, Box<[u8]>), &'static Shared>;

static VALUES: Mutex<Option<Values>> = Mutex::new(None);

/// The process's copy of a text.
pub(super) fn text(text: &str) -> &'static str {
    let shared = find(TypeId::of::<String>(), text.as_bytes(), Box::new(text.to_owned()));
    shared.downcast_ref::<String>().map_or("", String::as_str)
}

/// The process's copy of a value with these bytes.
pub(super) fn value<T: Send + Sync + 'static>(bytes: &[u8], value: T) -> Result<&'static T, CodecError> {
    let shared = find(TypeId::of::<(T,)>(), bytes, Box::new(value));
    shared.downcast_ref::<T>().ok_or_else(|| CodecError::new("a captured reference changed its type"))
}

#[inline(never)]
fn find(type_id: TypeId, bytes: &[u8], value: Box<Shared>) -> &'static Shared {
    let mut values = VALUES.lock().unwrap_or_else(PoisonError::into_inner);
    *values.get_or_insert_default().entry((type_id, bytes.into())).or_insert_with(|| Box::leak(value))
}
