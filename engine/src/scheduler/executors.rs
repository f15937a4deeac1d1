//! The executors, their free slots, and which of them get no tasks for a while.

use crate::id_map::{IdMap, IdSet};
use crate::ids::ExecutorId;
use std::cmp::Reverse;

/// So many attempts in a row may fail on an executor…
pub(crate) const MAX_FAILURES: u32 = 3;
/// …before it gets none for so long, in microseconds.
pub(crate) const EXCLUDED_FOR: u64 = 60_000_000;

/// What is known of an executor.
#[derive(Debug)]
struct State {
    free: usize,
    /// Attempts that failed since the last one that succeeded.
    failures: u32,
    /// Until when it gets no tasks.
    excluded: Option<u64>,
}

/// Free slots, the emptiest executor first. There is always one that gets tasks, if there is any.
#[derive(Debug, Default)]
pub(crate) struct Executors {
    known: IdMap<ExecutorId, State>,
    /// Those that get tasks.
    order: IdSet<(Reverse<usize>, ExecutorId)>,
    /// Those that get none, and until when.
    excluded: IdSet<(u64, ExecutorId)>,
    /// Those of which it was told that they get none.
    told: IdSet<ExecutorId>,
}

/// Whether an executor gets tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Excluded(ExecutorId),
    Readmitted(ExecutorId),
}

impl Executors {
    /// A new executor with `slots` free slots; one that is there already stays as it is.
    pub(crate) fn add(&mut self, executor: ExecutorId, slots: usize) {
        if !self.contains(executor) {
            self.known.insert(executor, State { free: slots, failures: 0, excluded: None });
            self.order.insert((Reverse(slots), executor));
        }
    }

    /// Removes an executor.
    pub(crate) fn remove(&mut self, executor: ExecutorId) {
        let Some(State { free, excluded, .. }) = self.known.remove(&executor) else { return };
        match excluded {
            Some(until) => self.excluded.remove(&(until, executor)),
            None => self.order.remove(&(Reverse(free), executor)),
        };
        self.keep_one();
    }

    /// Whether it is there.
    pub(crate) fn contains(&self, executor: ExecutorId) -> bool {
        self.known.contains_key(&executor)
    }

    /// The executor with most free slots, if there is a free slot.
    pub(crate) fn emptiest(&self) -> Option<ExecutorId> {
        self.with_free_slots().next()
    }

    /// The executors with free slots, the emptiest first.
    pub(crate) fn with_free_slots(&self) -> impl Iterator<Item = ExecutorId> {
        self.order.iter().take_while(|(Reverse(free), _)| *free > 0).map(|(_, executor)| *executor)
    }

    /// Takes a slot.
    pub(crate) fn take(&mut self, executor: ExecutorId) {
        self.set_free(executor, |free| free.saturating_sub(1));
    }

    /// Gives a slot back.
    pub(crate) fn give_back(&mut self, executor: ExecutorId) {
        self.set_free(executor, |free| free + 1);
    }

    fn set_free(&mut self, executor: ExecutorId, change: impl FnOnce(usize) -> usize) {
        let Some(state) = self.known.get_mut(&executor) else { return };
        let before = state.free;
        state.free = change(before);
        if state.excluded.is_none() {
            self.order.remove(&(Reverse(before), executor));
            self.order.insert((Reverse(state.free), executor));
        }
    }

    /// An attempt on `executor` succeeded.
    pub(crate) fn succeeded(&mut self, executor: ExecutorId) {
        if let Some(state) = self.known.get_mut(&executor) {
            state.failures = 0;
        }
    }

    /// An attempt on `executor` failed: if that was one too many, and there are others, it gets none for a while.
    pub(crate) fn failed(&mut self, executor: ExecutorId, now: u64) {
        let others = self.known.len() > 1;
        let Some(state) = self.known.get_mut(&executor).filter(|state| state.excluded.is_none()) else { return };
        state.failures += 1;
        if state.failures < MAX_FAILURES || !others {
            return;
        }
        let until = now + EXCLUDED_FOR;
        state.failures = 0;
        state.excluded = Some(until);
        self.order.remove(&(Reverse(state.free), executor));
        self.excluded.insert((until, executor));
        self.keep_one();
    }

    /// Lets those get tasks again whose time is over.
    pub(crate) fn readmit(&mut self, now: u64) {
        while self.excluded.first().is_some_and(|(until, _)| *until <= now) {
            self.readmit_first();
        }
    }

    /// Whatever failed was not the executors' fault.
    pub(crate) fn forgive(&mut self) {
        self.readmit(u64::MAX);
        self.known.values_mut().for_each(|state| state.failures = 0);
    }

    /// What has changed since this was asked last.
    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        // So it is nearly always.
        if self.excluded.is_empty() && self.told.is_empty() {
            return Vec::new();
        }
        let excluded: IdSet<ExecutorId> = self.excluded.iter().map(|(_, executor)| *executor).collect();
        let begun = excluded.iter().filter(|executor| !self.told.contains(executor));
        let begun = begun.map(|executor| Change::Excluded(*executor));
        let over = self.told.iter().filter(|executor| !excluded.contains(executor) && self.contains(**executor));
        let changes = begun.chain(over.map(|executor| Change::Readmitted(*executor))).collect();
        self.told = excluded;
        changes
    }

    /// If all are excluded, the one that was first is not.
    fn keep_one(&mut self) {
        if self.order.is_empty() {
            self.readmit_first();
        }
    }

    fn readmit_first(&mut self) {
        let Some((_, executor)) = self.excluded.pop_first() else { return };
        if let Some(state) = self.known.get_mut(&executor) {
            state.excluded = None;
            self.order.insert((Reverse(state.free), executor));
        }
    }
}
