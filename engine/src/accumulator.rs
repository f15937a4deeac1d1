//! Accumulators: values that tasks add to and only the driver reads.
//!
//! Each task attempt adds to slots of its own; the driver merges them when the attempt's output counts, and once for each
//! partition of a stage, so a retried or recomputed task does not count twice. An accumulator captured by a closure is bound
//! to the attempt that runs it (closures with accumulators are rebuilt for each task), so that adding works from any
//! thread, `par_iter` included, without looking up "the current task".

use crate::batch::{Batch, Elem, ElemVt, SharedBatch, drain_rows};
use crate::capture::Capture;
use crate::codec::{CodecError, Reader, Writer};
use crate::handle::handle;
use std::marker::PhantomData;
use std::ops::AddAssign;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A value that tasks add to and the driver reads.
///
/// ```
/// let ctx = dpark::DparkContext::local(2);
/// let seen = ctx.accumulator(0i64);
/// ctx.range(0, 10).with_env((&seen,)).foreach(|(seen,)| move |x| seen.add(x))?;
/// assert_eq!(seen.value(), 45);
/// # Ok::<(), dpark::Error>(())
/// ```
pub struct Accumulator<T> {
    slot: AccumulatorHandle,
    value: PhantomData<fn(T) -> T>,
}

handle! {
    /// A slot that is added to: the driver's value, or the updates of one task attempt.
    pub(crate) struct AccumulatorHandle(Slot);
}

pub(crate) struct Slot {
    vt: &'static AccumulatorVt,
    /// No row or one.
    value: Mutex<SharedBatch>,
    /// The driver's slot, if this is a task's.
    target: Option<AccumulatorHandle>,
}

struct AccumulatorVt {
    elem: &'static ElemVt,
    merge: unsafe fn(&mut Batch, &mut Batch),
}

impl Slot {
    fn new(vt: &'static AccumulatorVt, target: Option<AccumulatorHandle>) -> Slot {
        // SAFETY: accumulators are made for `T: Send + Sync` only.
        let value = unsafe { SharedBatch::new(Batch::new(vt.elem)) };
        Slot { vt, value: Mutex::new(value), target }
    }

    fn lock(&self) -> MutexGuard<'_, SharedBatch> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AccumulatorHandle {
    #[inline(never)]
    fn with_value(&self, f: &mut dyn FnMut(&mut Batch)) {
        f(self.arc().lock().get_mut());
    }

    /// Adds the row of `from` to this slot.
    fn merge(&self, from: &mut Batch) {
        // SAFETY: both batches hold rows of the accumulator's type.
        unsafe { (self.arc().vt.merge)(self.arc().lock().get_mut(), from) }
    }
}

impl std::fmt::Debug for AccumulatorHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "accumulator of {}", (self.arc().vt.elem.name)())
    }
}

struct Merge<T>(PhantomData<T>);

impl<T: AddAssign + 'static> Merge<T> {
    const VT: &'static AccumulatorVt = &AccumulatorVt { elem: Elem::<T>::VT, merge: merge::<T> };
}

unsafe fn merge<T: AddAssign + 'static>(into: &mut Batch, from: &mut Batch) {
    // SAFETY: both batches hold rows of type `T`.
    unsafe {
        drain_rows::<T>(from, |x| match into.is_empty() {
            true => into.push(x),
            false => *(into.row(0) as *mut T) += x,
        })
    }
}

impl<T: AddAssign + Send + Sync + 'static> Accumulator<T> {
    pub(crate) fn new(init: T) -> Accumulator<T> {
        let slot = AccumulatorHandle::wrap(Arc::new(Slot::new(Merge::<T>::VT, None)));
        let accumulator = Accumulator { slot, value: PhantomData };
        accumulator.add(init);
        accumulator
    }

    /// Adds to the value.
    ///
    /// ```
    /// let total = dpark::DparkContext::local(1).accumulator(1i64);
    /// total.add(2);
    /// assert_eq!(total.value(), 3);
    /// ```
    pub fn add(&self, x: T) {
        let mut x = Some(x);
        self.slot.with_value(&mut |value| {
            if let Some(x) = x.take() {
                // SAFETY: the slot holds at most one row of type `T`.
                unsafe { if value.is_empty() { value.push(x) } else { *(value.row(0) as *mut T) += x } }
            }
        });
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

impl<T: AddAssign + Send + Sync + 'static> Capture for Accumulator<T> {
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
    let (slot, rest) =
        input.accumulators.split_first().ok_or_else(|| CodecError("an accumulator is missing".to_owned()))?;
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
        let slot = AccumulatorHandle::wrap(Arc::new(Slot::new(target.arc().vt, Some(target.clone()))));
        slots.push(slot.clone());
        slot
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
