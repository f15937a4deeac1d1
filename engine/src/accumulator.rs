//! Accumulators: values that tasks add to and only the driver reads.
//!
//! Each task attempt adds to slots of its own; the driver merges them when the attempt's output counts, and once for each
//! partition of a stage, so a retried or recomputed task does not count twice. An accumulator captured by a closure is bound
//! to the attempt that runs it (closures with accumulators are rebuilt for each task), so that adding works from any
//! thread, `par_iter` included, without looking up "the current task".

mod collections;
mod known;

pub(crate) use known::KnownAccumulators;

use crate::batch::{Batch, Elem, ElemVt, SharedBatch};
use crate::capture::Capture;
use crate::closure::{Closure, ShippedAccumulator};
use crate::codec::{Codec, CodecError, CodecVt, Reader, Writer};
use crate::context::DparkContext;
use crate::data::Data;
use crate::handle::handle;
use crate::ship::{Landing, ShipError, Shipper};
use std::marker::PhantomData;
use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A value that tasks add to and the driver reads. It is kept in memory as it is, so it should stay small.
///
/// ```
/// let ctx = dpark::DparkContext::local(2);
/// let seen = ctx.accumulator(0i64);
/// ctx.range(0, 10).with_env((&seen,)).foreach(|(seen,)| move |x| seen.add(x))?;
/// assert_eq!(seen.value(), 45);
/// # Ok::<(), dpark::Error>(())
/// ```
///
/// # What counts, and how often
/// What the closures of an action's last stage add (those of the action itself, and of the transformations since the last
/// shuffle) counts exactly once for each partition of that action: when its result is taken over. Attempts that failed or
/// were repeated do not count. Of a job that fails, the partitions that had finished count.
///
/// What is added below a shuffle counts exactly once for each map partition, when its output is stored: not again when a lost
/// output is computed anew, nor by later actions that reuse the outputs. (Spark promises neither.)
///
/// Inside transformations, what is computed twice counts twice, as in Spark: two actions over the same RDD count what both
/// compute, and `sort_by` computes the rows below it for its sample, and once more where memory does not suffice to keep
/// them until they are sorted. If the RDD is persisted its partitions count
/// when they are computed, so once, and again for a block that was evicted or lost.
pub struct Accumulator<T> {
    slot: AccumulatorHandle,
    value: PhantomData<fn(T) -> T>,
}

handle! {
    /// A slot that is added to: the driver's value, or the updates of one task attempt.
    pub(crate) struct AccumulatorHandle(Slot);
}

pub(crate) struct Slot {
    /// Names the accumulator in other processes.
    id: u64,
    vt: &'static AccumulatorVt,
    /// How two values become one.
    merge: Closure,
    /// No row or one.
    value: Mutex<SharedBatch>,
    /// The driver's slot, if this is a task's.
    target: Option<AccumulatorHandle>,
}

pub(crate) struct AccumulatorVt {
    elem: &'static ElemVt,
    /// How a task's updates travel to the driver.
    codec: &'static CodecVt,
    /// Merges a value, which is moved out, into the batch. Arguments: merge closure, batch with no row or one, value.
    add: unsafe fn(*const u8, &mut Batch, *mut u8),
}

impl Slot {
    fn new(id: u64, vt: &'static AccumulatorVt, merge: Closure, target: Option<AccumulatorHandle>) -> Slot {
        // SAFETY: accumulators are made for `Data` only, which is `Send + Sync`.
        let value = unsafe { SharedBatch::new(Batch::new(vt.elem)) };
        Slot { id, vt, merge, value: Mutex::new(value), target }
    }

    fn lock(&self) -> MutexGuard<'_, SharedBatch> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AccumulatorHandle {
    fn create(vt: &'static AccumulatorVt, merge: Closure) -> AccumulatorHandle {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        AccumulatorHandle::wrap(Arc::new(Slot::new(id, vt, merge, None)))
    }

    #[inline(never)]
    fn with_value(&self, f: &mut dyn FnMut(&mut Batch)) {
        f(self.arc().lock().get_mut());
    }

    /// Adds a value to this slot.
    ///
    /// # Safety
    /// `x` is a value of the accumulator's type, which the caller gives up.
    #[inline(never)]
    unsafe fn add(&self, x: *mut u8) {
        let Slot { vt, merge, .. } = &**self.arc();
        // SAFETY: closure, batch and value have the types of the table.
        unsafe { (vt.add)(merge.ptr(), self.arc().lock().get_mut(), x) }
    }

    /// Adds the row of `from`, if there is one, to this slot.
    fn merge(&self, from: &mut Batch) {
        if !from.is_empty() {
            let row = from.row(0);
            from.head += 1;
            // SAFETY: the row has the accumulator's type and was just given up.
            unsafe { self.add(row) }
        }
    }
}

impl AccumulatorHandle {
    /// The accumulator as it travels.
    pub(crate) fn ship(&self, out: &mut Shipper) -> Result<ShippedAccumulator, ShipError> {
        let Slot { id, vt, merge, .. } = &**self.arc();
        out.accumulators.insert(*id, self.clone());
        Ok(ShippedAccumulator { id: *id, vt: out.table(*vt)?, merge: Box::new(out.closure(merge)?) })
    }

    /// An accumulator that has arrived: what tasks here add to it is sent back.
    pub(crate) fn land(shipped: ShippedAccumulator, landing: &Landing) -> Result<AccumulatorHandle, ShipError> {
        let ShippedAccumulator { id, vt, merge } = shipped;
        landing.accumulator(id, || {
            // SAFETY: the sender took the place from an accumulator's table.
            let vt = unsafe { landing.table::<AccumulatorVt>(vt)? };
            Ok(AccumulatorHandle::wrap(Arc::new(Slot::new(id, vt, landing.closure(*merge)?, None))))
        })
    }
}

impl std::fmt::Debug for AccumulatorHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "accumulator of {}", crate::node::short_type_name((self.arc().vt.elem.name)()))
    }
}

struct Merge<T, F>(PhantomData<(T, F)>);

impl<T: Data, F: Fn(&mut T, T)> Merge<T, F> {
    const VT: &'static AccumulatorVt = &AccumulatorVt { elem: Elem::<T>::VT, codec: Codec::<T>::VT, add: add::<T, F> };
}

unsafe fn add<T, F: Fn(&mut T, T)>(merge: *const u8, into: &mut Batch, x: *mut u8) {
    // SAFETY: the table's types are those of the closure, the batch and the value.
    unsafe {
        let x = (x as *mut T).read();
        match into.is_empty() {
            true => into.push(x),
            false => (*(merge as *const F))(&mut *(into.row(0) as *mut T), x),
        }
    }
}

impl DparkContext {
    /// A value that tasks can add to, starting at `init`.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(2);
    /// let rows = ctx.accumulator(100u32);
    /// ctx.range(0, 7).with_env((&rows,)).foreach(|(rows,)| move |_| rows.add(1))?;
    /// assert_eq!(rows.value(), 107);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    pub fn accumulator<T: AddAssign + Data>(&self, init: T) -> Accumulator<T> {
        self.accumulator_with(init, |value, x| *value += x)
    }

    /// An accumulator whose values are merged by a function. It must be associative and commutative, since tasks end in any
    /// order, and must not capture variables.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(2);
    /// let longest = ctx.accumulator_with(0, |longest: &mut usize, length| *longest = length.max(*longest));
    /// let words = ctx.parallelize(["a", "abc", "ab"].map(String::from));
    /// words.with_env((&longest,)).foreach(|(longest,)| move |word| longest.add(word.len()))?;
    /// assert_eq!(longest.value(), 3);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    pub fn accumulator_with<T, F>(&self, init: T, merge: F) -> Accumulator<T>
    where
        T: Data,
        F: Fn(&mut T, T) + Send + Sync + 'static,
    {
        const { assert!(size_of::<F>() == 0, "the merge function of an accumulator must not capture variables") }
        let merge = Closure::plain::<F, fn(&mut T, T)>(merge, "accumulator_with");
        let accumulator = Accumulator { slot: AccumulatorHandle::create(Merge::<T, F>::VT, merge), value: PhantomData };
        accumulator.add(init);
        accumulator
    }
}

impl<T: Send + Sync + 'static> Accumulator<T> {
    /// Adds to the value.
    ///
    /// ```
    /// let total = dpark::DparkContext::local(1).accumulator(1i64);
    /// total.add(2);
    /// assert_eq!(total.value(), 3);
    /// ```
    pub fn add(&self, x: T) {
        let mut x = std::mem::ManuallyDrop::new(x);
        // SAFETY: the slot was made for values of type `T`; `x` is used no more.
        unsafe { self.slot.add(&raw mut x as *mut u8) }
    }

    /// The value, as the driver knows it: what finished jobs have added. Panics in a task, where it is not known.
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(1).accumulator(1i64).value(), 1);
    /// ```
    pub fn value(&self) -> T
    where
        T: Clone,
    {
        if self.slot.arc().target.is_some() {
            read_in_task();
        }
        let mut copy = None;
        self.slot.with_value(&mut |value| {
            if !value.is_empty() {
                // SAFETY: the row is of type `T`.
                copy = Some(unsafe { (*(value.row(0) as *const T)).clone() });
            }
        });
        copy.unwrap_or_else(|| read_in_task())
    }

    /// Changes the value in place, after an empty one was put where there was none.
    fn update(&self, empty: fn() -> T, change: impl FnOnce(&mut T)) {
        let mut change = Some(change);
        self.slot.with_value(&mut |value| {
            if let Some(change) = change.take() {
                // SAFETY: the slot holds at most one row of type `T`.
                unsafe {
                    if value.is_empty() {
                        value.push(empty());
                    }
                    change(&mut *(value.row(0) as *mut T));
                }
            }
        });
    }
}

impl<T> Clone for Accumulator<T> {
    fn clone(&self) -> Accumulator<T> {
        Accumulator { slot: self.slot.clone(), value: PhantomData }
    }
}

impl<T> std::fmt::Debug for Accumulator<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.slot.fmt(f)
    }
}

impl<T: Send + Sync + 'static> Capture for Accumulator<T> {
    fn save(&self, out: &mut Writer) -> Result<(), CodecError> {
        out.accumulators.push(self.slot.clone());
        Ok(())
    }

    fn load(input: &mut Reader<'_>) -> Result<Accumulator<T>, CodecError> {
        Ok(Accumulator { slot: load_slot(input)?, value: PhantomData })
    }
}

#[cold]
fn read_in_task() -> ! {
    panic!("tasks can add to an accumulator, only the driver can read its value")
}

fn load_slot(input: &mut Reader<'_>) -> Result<AccumulatorHandle, CodecError> {
    let (slot, rest) = input.accumulators.split_first().ok_or_else(|| CodecError::new("an accumulator is missing"))?;
    input.accumulators = rest;
    Ok(match input.task {
        Some(task) => task.updates().slot(slot),
        None => slot.clone(),
    })
}

/// Updates of one task attempt.
#[derive(Debug, Default)]
pub struct TaskUpdates {
    slots: Mutex<Vec<AccumulatorHandle>>,
}

impl TaskUpdates {
    /// This attempt's slot for a driver's accumulator (or for the one of an attempt around it).
    fn slot(&self, target: &AccumulatorHandle) -> AccumulatorHandle {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |slot: &&AccumulatorHandle| {
            slot.arc().target.as_ref().is_some_and(|known| Arc::ptr_eq(known.arc(), target.arc()))
        };
        if let Some(slot) = slots.iter().find(same) {
            return slot.clone();
        }
        let slot = AccumulatorHandle::wrap(Arc::new(Slot::new(
            target.arc().id,
            target.arc().vt,
            target.arc().merge.clone(),
            Some(target.clone()),
        )));
        slots.push(slot.clone());
        slot
    }

    /// What this attempt has collected, by accumulator, as bytes.
    pub(crate) fn save(&self) -> Result<Vec<(u64, Vec<u8>)>, CodecError> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let mut saved = Vec::new();
        for slot in &*slots {
            let Slot { id, vt, .. } = &**slot.arc();
            let value = slot.arc().lock();
            let row = value.get();
            if !row.is_empty() {
                let mut out = Writer::default();
                // SAFETY: there is one row; the codec belongs to its type.
                unsafe { (vt.codec.save)(row.row(0), 1, &mut out)? }
                saved.push((*id, out.bytes));
            }
        }
        Ok(saved)
    }

    /// Takes over what an attempt in another process has collected for an accumulator of this one.
    pub(crate) fn load(&self, target: &AccumulatorHandle, bytes: &[u8]) -> Result<(), CodecError> {
        let slot = self.slot(target);
        let vt = slot.arc().vt;
        let mut value = Batch::new(vt.elem);
        // SAFETY: the batch was made for the codec's type.
        unsafe { (vt.codec.load)(&mut Reader::new(bytes), 1, &mut value)? }
        slot.merge(&mut value);
        Ok(())
    }

    /// Adds what this attempt has collected to the driver's values. Called when the attempt's output counts.
    pub(crate) fn commit(&self) {
        let slots = std::mem::take(&mut *self.slots.lock().unwrap_or_else(PoisonError::into_inner));
        for slot in slots {
            let mut value = std::mem::replace(slot.arc().lock().get_mut(), Batch::new(slot.arc().vt.elem));
            if let Some(target) = &slot.arc().target {
                target.merge(&mut value);
            }
        }
    }
}
