//! Accumulators by their numbers: those that were sent to other processes, or those that have arrived. They are not kept by
//! that: an accumulator goes with its last handle and the closures that capture it, on executors as on the driver.

use super::{AccumulatorHandle, Slot};
use crate::id_map::IdMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// See the module.
#[derive(Default)]
pub(crate) struct KnownAccumulators(Mutex<IdMap<u64, Weak<Slot>>>);

impl KnownAccumulators {
    /// What is known, without those that have gone.
    fn lock(&self) -> MutexGuard<'_, IdMap<u64, Weak<Slot>>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, slot| slot.strong_count() > 0);
        known
    }

    /// Notes some.
    pub(crate) fn add(&self, some: &IdMap<u64, AccumulatorHandle>) {
        self.lock().extend(some.iter().map(|(id, handle)| (*id, Arc::downgrade(handle.arc()))));
    }

    /// The accumulator of this number.
    pub(crate) fn get(&self, id: u64) -> Option<AccumulatorHandle> {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id)?.upgrade()?;
        Some(AccumulatorHandle::wrap(slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::DparkContext;
    use crate::ship::Landing;

    #[test]
    fn an_accumulator_is_known_as_long_as_somebody_holds_it() {
        let ctx = DparkContext::local(1);
        let known = KnownAccumulators::default();
        let (stays, goes) = (ctx.accumulator(1i64), ctx.accumulator(2i64));
        for accumulator in [&stays, &goes] {
            known.add(&IdMap::from_iter([(accumulator.slot.arc().id, accumulator.slot.clone())]));
        }
        let (stays_id, goes_id) = (stays.slot.arc().id, goes.slot.arc().id);
        assert!(known.get(goes_id).is_some());
        drop(goes);
        assert!(known.get(goes_id).is_none());
        assert!(known.get(stays_id).is_some_and(|handle| Arc::ptr_eq(handle.arc(), stays.slot.arc())));
        assert_eq!(known.lock().len(), 1, "nothing stays of the other one");
    }
    #[test]
    fn what_has_arrived_goes_with_the_closures_that_have_it() {
        let ctx = DparkContext::local(1);
        let landing = Landing::new(ctx.0.clone());
        let mut made = 0;
        let mut land = || {
            let handle = landing.accumulator(7, || {
                made += 1;
                Ok(ctx.accumulator(0i64).slot)
            });
            (handle.unwrap(), made)
        };
        let (first, second) = (land(), land());
        assert!(Arc::ptr_eq(first.0.arc(), second.0.arc()));
        assert_eq!(second.1, 1);
        drop((first, second));
        assert_eq!(land().1, 2, "nobody has kept it");
    }
}
