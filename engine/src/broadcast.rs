//! Broadcasts: large read-only values that closures share instead of getting a copy each.
//!
//! A closure that captures a broadcast holds a handle of it. In this process all handles lead to the one value; an executor in
//! another process gets it once, and lets it go when the last handle here has gone. A large value travels in chunks, which
//! executors fetch from each other (`cluster/broadcasts`).

use crate::batch::{Batch, ElemVt, SharedBatch};
use crate::capture::Capture;
use crate::cluster::parts::{MAX_INLINE, Offered, Parts};
use crate::codec::{Codec, CodecError, CodecVt, Reader, Writer};
use crate::context::{Context, DparkContext};
use crate::data::Data;
use crate::handle::handle;
use crate::node::short_type_name;
use crate::scheduler::WeakScheduler;
use crate::ship::{CodeRef, Landing, ShipError, Shipper};
use crate::storage::{Reservation, lock};
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Bytes of a chunk.
const CHUNK: usize = 1 << 20;

/// A read-only value that closures of all tasks share: a table to look rows up in, a model. It is used as the value itself (it
/// derefs to it) and freed when its last handle goes, those in closures of RDDs included.
///
/// ```
/// use std::collections::HashMap;
/// let ctx = dpark::DparkContext::local(2);
/// let names = ctx.broadcast(HashMap::from([(0, "zero".to_string()), (2, "two".to_string())]));
/// let rdd = ctx.range(0, 3).with_env((&names,)).flat_map(|(names,)| move |x| names.get(&x).cloned());
/// assert_eq!(rdd.collect()?, ["zero", "two"]);
/// # Ok::<(), dpark::Error>(())
/// ```
pub struct Broadcast<T> {
    handle: BroadcastHandle,
    value: PhantomData<fn() -> T>,
}

handle! {
    /// A broadcast whose type is erased.
    pub(crate) struct BroadcastHandle(Shared);
}

/// What the handles share.
pub(crate) struct Shared {
    /// One row: the value.
    value: SharedBatch,
    memory: Reservation,
    /// Names it in other processes.
    id: u64,
    codec: &'static CodecVt,
    /// The value as executors get it, once one was told of it.
    written: Mutex<Option<Written>>,
    /// Tells executors when it is gone; none of an executor's own.
    scheduler: Option<WeakScheduler>,
}

/// A value that was serialised.
enum Written {
    Inline(Vec<u8>),
    /// The file with its chunks.
    Offered(Offered),
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(scheduler) = self.scheduler.as_ref().and_then(WeakScheduler::upgrade) {
            scheduler.forget_broadcast(self.id);
        }
    }
}

impl std::fmt::Debug for BroadcastHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Shared { value, memory, .. } = &**self.arc();
        let element = short_type_name((value.get().elem().name)());
        write!(f, "Broadcast of {element}, about {} bytes", memory.bytes())
    }
}

/// A broadcast as executors are told of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ShippedBroadcast {
    pub(crate) id: u64,
    elem: CodeRef,
    codec: CodeRef,
    pub(crate) value: ShippedValue,
}

/// How the value of a broadcast travels.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum ShippedValue {
    /// With the message.
    Bytes(Vec<u8>),
    /// In chunks, to be fetched.
    Chunks(Arc<Parts>),
}

impl BroadcastHandle {
    /// The number that names it.
    pub(crate) fn id(&self) -> u64 {
        self.arc().id
    }

    /// What executors are told of it.
    pub(crate) fn ship(&self, out: &mut Shipper) -> Result<ShippedBroadcast, ShipError> {
        let Shared { value, id, codec, .. } = &**self.arc();
        let (elem, codec) = (out.table(value.get().elem())?, out.table(*codec)?);
        Ok(ShippedBroadcast { id: *id, elem, codec, value: self.ship_value(out)? })
    }

    /// The value, or where it is. It is serialised once for all executors.
    fn ship_value(&self, out: &Shipper) -> Result<ShippedValue, ShipError> {
        let mut known = lock(&self.arc().written);
        match &*known {
            Some(Written::Inline(bytes)) => return Ok(ShippedValue::Bytes(bytes.clone())),
            Some(Written::Offered(offered)) => return Ok(ShippedValue::Chunks(Arc::clone(&offered.parts))),
            None => {}
        }
        let bytes = self.bytes()?;
        if bytes.len() <= MAX_INLINE {
            *known = Some(Written::Inline(bytes.clone()));
            return Ok(ShippedValue::Bytes(bytes));
        }
        let offered = out.offers.write("broadcast", bytes.chunks(CHUNK))?;
        let chunks = Arc::clone(&offered.parts);
        *known = Some(Written::Offered(offered));
        Ok(ShippedValue::Chunks(chunks))
    }

    /// The value as bytes.
    fn bytes(&self) -> Result<Vec<u8>, ShipError> {
        let Shared { value, codec, .. } = &**self.arc();
        let mut out = Writer::default();
        // SAFETY: there is one row; the codec belongs to its type.
        unsafe { (codec.save)(value.get().row(0), 1, &mut out)? }
        Ok(out.bytes)
    }

    /// A broadcast whose value has arrived.
    pub(crate) fn land(
        shipped: &ShippedBroadcast,
        bytes: &[u8],
        landing: &Landing,
    ) -> Result<BroadcastHandle, ShipError> {
        let ShippedBroadcast { id, elem, codec, .. } = shipped;
        // SAFETY: the sender took the places from tables of these types, both of the value's type.
        let value = unsafe {
            let (elem, codec) = (landing.table::<ElemVt>(*elem)?, landing.table::<CodecVt>(*codec)?);
            let mut value = Batch::new(elem);
            (codec.load)(&mut Reader::new(bytes), 1, &mut value)?;
            (SharedBatch::new(value), codec)
        };
        let mut memory = landing.context.arc().budget.reserve();
        memory.grow(bytes.len() as u64);
        let (value, codec) = value;
        let written = Mutex::default();
        Ok(BroadcastHandle::wrap(Arc::new(Shared { value, memory, id: *id, codec, written, scheduler: None })))
    }
}

impl DparkContext {
    /// Makes a value available to closures without a copy for each. Its estimated size counts in the memory budget; cached
    /// blocks give way to it.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(2);
    /// let primes = ctx.broadcast(vec![2, 3, 5, 7]);
    /// let rdd = ctx.range(0, 10).with_env((&primes,)).filter(|(primes,)| move |x| primes.contains(x));
    /// assert_eq!(rdd.count()?, 4);
    /// assert_eq!(primes.len(), 4); // on the driver, too
    /// # Ok::<(), dpark::Error>(())
    /// ```
    ///
    /// # Panics
    /// If the value refuses to be serialised: it could not be sent to another process.
    #[track_caller]
    pub fn broadcast<T: Data>(&self, value: T) -> Broadcast<T> {
        // SAFETY: `Data` is `Send + Sync`.
        let value = unsafe { SharedBatch::new(Batch::from_vec(vec![value])) };
        Broadcast { handle: share(self.0.arc(), value, Codec::<T>::VT), value: PhantomData }
    }
}

#[inline(never)]
#[track_caller]
fn share(context: &Context, value: SharedBatch, codec: &'static CodecVt) -> BroadcastHandle {
    let row = value.get();
    let mut size = row.elem().size as u64;
    if row.elem().drop.is_some() {
        let mut measure = Writer::measuring();
        // SAFETY: there is one row; the codec belongs to its type.
        if let Err(error) = unsafe { (codec.save)(row.row(0), 1, &mut measure) } {
            panic!("the value of a broadcast cannot be serialised: {error}")
        }
        size += measure.written();
    }
    let mut memory = context.budget.reserve();
    // The value is in memory already, so it is counted even if it does not fit; the next task that needs memory fails then,
    // naming the setting.
    if context.reserve(&mut memory, size).is_err() {
        memory.grow(size);
    }
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    let scheduler = Some(context.scheduler.downgrade());
    BroadcastHandle::wrap(Arc::new(Shared { value, memory, id, codec, written: Mutex::default(), scheduler }))
}

impl<T: 'static> Broadcast<T> {
    /// The value.
    ///
    /// ```
    /// assert_eq!(*dpark::DparkContext::local(1).broadcast(7).value(), 7);
    /// ```
    #[inline]
    pub fn value(&self) -> &T {
        // SAFETY: the batch holds one row, a `T`, which lives as long as the handle and is never changed.
        unsafe { &*(self.handle.arc().value.get().ptr as *const T) }
    }
}

impl<T: 'static> Deref for Broadcast<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.value()
    }
}

impl<T> Clone for Broadcast<T> {
    fn clone(&self) -> Broadcast<T> {
        Broadcast { handle: self.handle.clone(), value: PhantomData }
    }
}

impl<T> std::fmt::Debug for Broadcast<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.handle.fmt(f)
    }
}

impl<T: Data> Capture for Broadcast<T> {
    fn save(&self, out: &mut Writer) -> Result<(), CodecError> {
        out.broadcasts.push(self.handle.clone());
        Ok(())
    }

    fn load(input: &mut Reader<'_>) -> Result<Broadcast<T>, CodecError> {
        Ok(Broadcast { handle: load_handle(input)?, value: PhantomData })
    }
}

fn load_handle(input: &mut Reader<'_>) -> Result<BroadcastHandle, CodecError> {
    let (first, rest) = input.broadcasts.split_first().ok_or_else(|| CodecError::new("a broadcast is missing"))?;
    input.broadcasts = rest;
    Ok(first.clone())
}
