//! STAND-IN until part-b is merged: hands events to listeners.

use crate::event::Event;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

type Listeners = Vec<Box<dyn FnMut(&Event) + Send>>;

/// Hands events to listeners.
#[derive(Clone)]
pub struct EventBus(Arc<(Instant, Mutex<Listeners>)>);

impl EventBus {
    /// A bus without listeners.
    #[allow(clippy::new_without_default)]
    pub fn new() -> EventBus {
        EventBus(Arc::new((Instant::now(), Mutex::default())))
    }

    /// Hands an event to every listener.
    pub fn emit(&self, event: Event) {
        for listener in self.0.1.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            listener(&event);
        }
    }

    /// Adds a listener.
    pub fn subscribe(&self, listener: Box<dyn FnMut(&Event) + Send>) {
        self.0.1.lock().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    /// Microseconds since the bus was made.
    pub fn now(&self) -> u64 {
        self.0.0.elapsed().as_micros() as u64
    }
}
