//! Which executors have which chunks of broadcasts. The driver names one of them to whoever asks, and itself only where no
//! executor has the chunk, so that what it serves does not grow with the number of executors.

use super::protocol::DRIVER;
use crate::id_map::{IdMap, IdSet};
use crate::ids::ExecutorId;
use crate::storage::lock;
use std::sync::Mutex;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Holders(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// For each broadcast, who has which chunk.
    broadcasts: IdMap<u64, IdMap<usize, IdSet<ExecutorId>>>,
    /// How often an executor was named.
    named: IdMap<ExecutorId, u64>,
}

impl Holders {
    /// A broadcast is offered.
    pub(crate) fn offer(&self, broadcast: u64) {
        lock(&self.0).broadcasts.get_or_default(broadcast);
    }

    /// Nobody fetches a broadcast any more.
    pub(crate) fn forget(&self, broadcast: u64) {
        lock(&self.0).broadcasts.remove(&broadcast);
    }

    /// An executor has a chunk.
    pub(crate) fn has(&self, broadcast: u64, chunk: usize, executor: ExecutorId) {
        if let Some(chunks) = lock(&self.0).broadcasts.get_mut(&broadcast) {
            chunks.get_or_default(chunk).insert(executor);
        }
    }

    /// An executor is gone.
    pub(crate) fn left(&self, executor: ExecutorId) {
        let mut state = lock(&self.0);
        state.named.remove(&executor);
        for holders in state.broadcasts.values_mut().flat_map(IdMap::values_mut) {
            holders.remove(&executor);
        }
    }

    /// Whom to ask for a chunk: of those that have it, the one that was named least often.
    pub(crate) fn find(&self, broadcast: u64, chunk: usize) -> ExecutorId {
        let mut state = lock(&self.0);
        let State { broadcasts, named } = &mut *state;
        let holders = broadcasts.get(&broadcast).and_then(|chunks| chunks.get(&chunk)).into_iter().flatten();
        let found = holders.min_by_key(|executor| named.get(executor).copied().unwrap_or(0));
        match found {
            None => DRIVER,
            Some(executor) => {
                *named.get_or_default(*executor) += 1;
                *executor
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ExecutorId = ExecutorId(1);
    const B: ExecutorId = ExecutorId(2);

    #[test]
    fn executors_are_named_in_turns_and_the_driver_only_where_there_is_none() {
        let holders = Holders::default();
        holders.offer(7);
        assert_eq!(holders.find(7, 0), DRIVER);
        holders.has(7, 0, A);
        holders.has(7, 0, B);
        holders.has(7, 1, B);
        assert_eq!([holders.find(7, 0), holders.find(7, 0), holders.find(7, 0)], [A, B, A]);
        assert_eq!([holders.find(7, 1), holders.find(7, 1), holders.find(7, 0)], [B, B, A]);
        assert_eq!([holders.find(7, 2), holders.find(8, 0)], [DRIVER, DRIVER]);
        holders.left(B);
        assert_eq!([holders.find(7, 1), holders.find(7, 0)], [DRIVER, A]);
    }

    #[test]
    fn what_comes_after_a_broadcast_was_dropped_is_not_kept() {
        let holders = Holders::default();
        holders.offer(7);
        holders.forget(7);
        holders.has(7, 0, A);
        assert_eq!(holders.find(7, 0), DRIVER);
        assert!(lock(&holders.0).broadcasts.is_empty());
    }
}
