//! The executors and their free slots.

use crate::ids::ExecutorId;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Free slots, the emptiest executor first.
#[derive(Debug, Default)]
pub(crate) struct Executors {
    free: BTreeMap<ExecutorId, usize>,
    order: BTreeSet<(Reverse<usize>, ExecutorId)>,
}

impl Executors {
    /// A new executor with `slots` free slots; one that is there already stays as it is.
    pub(crate) fn add(&mut self, executor: ExecutorId, slots: usize) {
        if !self.free.contains_key(&executor) {
            self.set(executor, slots);
        }
    }

    /// Removes an executor.
    pub(crate) fn remove(&mut self, executor: ExecutorId) {
        if let Some(free) = self.free.remove(&executor) {
            self.order.remove(&(Reverse(free), executor));
        }
    }

    /// The executor with most free slots, if there is a free slot.
    pub(crate) fn emptiest(&self) -> Option<ExecutorId> {
        let (Reverse(free), executor) = self.order.first()?;
        (*free > 0).then_some(*executor)
    }

    /// Takes a slot.
    pub(crate) fn take(&mut self, executor: ExecutorId) {
        if let Some(free) = self.free.get(&executor).copied() {
            self.set(executor, free.saturating_sub(1));
        }
    }

    /// Gives a slot back.
    pub(crate) fn give_back(&mut self, executor: ExecutorId) {
        if let Some(free) = self.free.get(&executor).copied() {
            self.set(executor, free + 1);
        }
    }

    fn set(&mut self, executor: ExecutorId, free: usize) {
        if let Some(before) = self.free.insert(executor, free) {
            self.order.remove(&(Reverse(before), executor));
        }
        self.order.insert((Reverse(free), executor));
    }
}
