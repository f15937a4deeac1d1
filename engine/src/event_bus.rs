//! The one stream of events of a context: everything that happens goes through here, to whoever listens.

use crate::event::Event;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

type Listener = Box<dyn FnMut(&Event) + Send>;

/// Hands each event to every listener, in one order for all of them. Cheap to clone.
#[derive(Clone)]
pub struct EventBus(Arc<Bus>);

struct Bus {
    made: Instant,
    listeners: Mutex<Vec<Listener>>,
}

impl EventBus {
    /// A bus without listeners, whose clock starts now.
    pub fn new() -> EventBus {
        EventBus(Arc::new(Bus { made: Instant::now(), listeners: Mutex::default() }))
    }

    /// Tells every listener. They run on the calling thread, often the scheduler's: they must be quick, and must not
    /// emit or subscribe themselves.
    pub fn emit(&self, event: Event) {
        for listener in self.listeners().iter_mut() {
            listener(&event);
        }
    }

    /// Adds a listener for all events from now on.
    pub fn subscribe(&self, listener: Box<dyn FnMut(&Event) + Send>) {
        self.listeners().push(listener);
    }

    /// Microseconds since the bus was made: the time that events carry.
    pub fn now(&self) -> u64 {
        u64::try_from(self.0.made.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<Listener>> {
        self.0.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for EventBus {
    fn default() -> EventBus {
        EventBus::new()
    }
}

impl std::fmt::Debug for EventBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventBus").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::StageId;

    #[test]
    fn every_listener_sees_every_event_in_order() {
        let bus = EventBus::new();
        let seen = Arc::new(Mutex::new(Vec::new()));
        for listener in 0..2 {
            let seen = Arc::clone(&seen);
            bus.subscribe(Box::new(move |event| seen.lock().unwrap().push((listener, event.clone()))));
        }
        let started = Event::StageStarted { stage: StageId(1), at: 5 };
        let finished = Event::StageFinished { stage: StageId(1), at: 9 };
        bus.emit(started.clone());
        bus.emit(finished.clone());
        let right = vec![(0, started.clone()), (1, started), (0, finished.clone()), (1, finished)];
        assert_eq!(*seen.lock().unwrap(), right);
    }
}
