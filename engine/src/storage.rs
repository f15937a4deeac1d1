//! Memory and disk: persisted partitions, kept under the context's budget as rows or bytes or in files, and checkpoints.

mod block_file;
mod budget;
mod cache;
mod cached;
mod checkpoint;
mod chunk;
mod disks;
mod level;
mod private_dir;
mod reading;
mod scratch;
mod spill;
mod work_dir;

pub(crate) use budget::{MemoryBudget, Reservation};
pub(crate) use cache::{CacheStore, Pins};
pub(crate) use cached::cached_partition;
pub(crate) use checkpoint::{Checkpoint, Draft, PartWriter, ShippedCheckpoint, WrittenPart};
pub(crate) use disks::{Disks, order};
pub(crate) use level::Persisted;
pub use level::StorageLevel;
pub use private_dir::PrivateDir;
pub(crate) use private_dir::create_private;
pub(crate) use work_dir::WorkDir;

use crate::batch::{Batch, Elem};
use crate::codec::{Codec, CodecVt, Writer};
use crate::data::Data;
use std::marker::PhantomData;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How rows of one type are cached.
#[derive(Debug)]
pub struct CacheVt {
    /// Appends clones of `n` rows to the batch.
    pub clone: unsafe fn(*const u8, usize, &mut Batch),
    /// Measures what rows own outside of their own memory.
    pub codec: &'static CodecVt,
}

/// Carrier of the table of a row type.
pub struct Cache<T>(PhantomData<T>);

impl<T: Data + Clone> Cache<T> {
    /// The table.
    pub const VT: &'static CacheVt = &CacheVt { clone: clone_rows::<T>, codec: Codec::<T>::VT };
}

pub(crate) unsafe fn clone_rows<T: Clone + 'static>(rows: *const u8, n: usize, out: &mut Batch) {
    debug_assert!(std::ptr::fn_addr_eq(out.elem().type_id, Elem::<T>::VT.type_id) || out.elem().size == size_of::<T>());
    out.reserve(n);
    let rows = rows as *const T;
    let mut i = 0;
    while i < n {
        // SAFETY: the caller passes `n` rows of type `T` and a batch of that type with room for them.
        unsafe { (out.ptr as *mut T).add(out.len).write((*rows.add(i)).clone()) }
        out.len += 1;
        i += 1;
    }
}

/// Locks without caring for a panic elsewhere: what is behind these locks is whole between any two calls.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes that rows own outside of their own memory, estimated from the serialised size of a few of them.
pub(crate) fn heap_estimate(rows: &Batch, codec: &CodecVt) -> u64 {
    const SAMPLE: usize = 16;
    let n = rows.rows();
    if rows.elem().drop.is_none() || n == 0 {
        return 0;
    }
    let sampled = n.min(SAMPLE);
    let mut out = Writer::default();
    for i in 0..sampled {
        // SAFETY: the index is below the number of rows; the codec belongs to the row type.
        if unsafe { (codec.save)(rows.row(i * n / sampled), 1, &mut out) }.is_err() {
            break;
        }
    }
    (out.bytes.len() as u64 * n as u64) / sampled as u64
}
