//! The partitions of a stage that wait for an attempt, and where each would rather be computed.

use crate::id_map::{IdMap, IdSet};
use crate::ids::ExecutorId;

/// Positions that wait.
#[derive(Debug)]
pub(crate) struct Pending {
    /// Those that have no preference.
    anywhere: IdSet<usize>,
    /// Those that have one…
    choosy: IdSet<usize>,
    /// …and the same by executor.
    by_executor: IdMap<ExecutorId, IdSet<usize>>,
    /// The executors that a position prefers, whether it waits or not.
    preferred: IdMap<usize, Vec<ExecutorId>>,
}

impl Pending {
    /// `size` positions that wait, without preferences.
    pub(crate) fn all(size: usize) -> Pending {
        let anywhere = (0..size).collect();
        Pending { anywhere, choosy: IdSet::new(), by_executor: IdMap::new(), preferred: IdMap::new() }
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.anywhere.is_empty() && self.choosy.is_empty()
    }

    /// `position` waits.
    pub(crate) fn insert(&mut self, position: usize) {
        match self.preferred.get(&position) {
            None => drop(self.anywhere.insert(position)),
            Some(executors) => {
                self.choosy.insert(position);
                for executor in executors {
                    self.by_executor.get_or_default(*executor).insert(position);
                }
            }
        }
    }

    /// `position` waits no more; whether it did.
    pub(crate) fn remove(&mut self, position: usize) -> bool {
        let Some(executors) = self.preferred.get(&position) else { return self.anywhere.remove(&position) };
        for executor in executors {
            if let Some(positions) = self.by_executor.get_mut(executor) {
                positions.remove(&position);
                if positions.is_empty() {
                    self.by_executor.remove(executor);
                }
            }
        }
        self.choosy.remove(&position)
    }

    /// From now on `position` prefers `executors`; none of them is no preference.
    pub(crate) fn prefer(&mut self, position: usize, executors: Vec<ExecutorId>) {
        let waits = self.remove(position);
        if executors.is_empty() {
            self.preferred.remove(&position);
        } else {
            self.preferred.insert(position, executors);
        }
        if waits {
            self.insert(position);
        }
    }

    /// The first one that prefers `executor`.
    pub(crate) fn preferring(&self, executor: ExecutorId) -> Option<usize> {
        self.by_executor.get(&executor)?.first().copied()
    }

    /// The first one without a preference.
    pub(crate) fn indifferent(&self) -> Option<usize> {
        self.anywhere.first().copied()
    }

    /// The first one with a preference.
    pub(crate) fn choosy(&self) -> Option<usize> {
        self.choosy.first().copied()
    }
}
