//! The store of cached partitions. When memory is needed, the block that was not used for the longest time goes; it will
//! be computed again from its lineage.

use super::Reservation;
use crate::batch::SharedBatch;
use crate::event::Event;
use crate::event_bus::EventBus;
use crate::ids::RddId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type BlockId = (RddId, usize);

/// Cached partitions by RDD and partition.
pub(crate) struct CacheStore {
    inner: Mutex<Inner>,
    bus: EventBus,
}

#[derive(Default)]
struct Inner {
    blocks: HashMap<BlockId, Block>,
    /// Blocks that a running job relies on: they stay readable after they were evicted.
    pinned: HashMap<BlockId, (Arc<SharedBatch>, usize)>,
    /// Counts uses, for the order of eviction.
    clock: u64,
}

struct Block {
    rows: Arc<SharedBatch>,
    memory: Reservation,
    last_used: u64,
}

impl CacheStore {
    pub(crate) fn new(bus: EventBus) -> CacheStore {
        CacheStore { inner: Mutex::default(), bus }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rows of a cached partition.
    pub(crate) fn get(&self, rdd: RddId, partition: usize) -> Option<Arc<SharedBatch>> {
        let mut inner = self.lock();
        inner.clock += 1;
        let now = inner.clock;
        if let Some(block) = inner.blocks.get_mut(&(rdd, partition)) {
            block.last_used = now;
            return Some(Arc::clone(&block.rows));
        }
        inner.pinned.get(&(rdd, partition)).map(|(rows, _)| Arc::clone(rows))
    }

    /// Stores a partition.
    pub(crate) fn put(&self, rdd: RddId, partition: usize, rows: Arc<SharedBatch>, memory: Reservation) {
        let bytes = memory.bytes();
        let replaced = {
            let mut inner = self.lock();
            inner.clock += 1;
            let last_used = inner.clock;
            inner.blocks.insert((rdd, partition), Block { rows, memory, last_used })
        };
        // Dropped outside the lock: rows may run user code.
        drop(replaced);
        self.bus.emit(Event::BlockStored { rdd, partition, memory: bytes, disk: 0 });
    }

    /// Removes blocks of other RDDs than `keep` until `bytes` are free or nothing is left; tells whether anything went.
    pub(crate) fn evict(&self, bytes: u64, keep: Option<RddId>) -> bool {
        let mut evicted = Vec::new();
        {
            let mut inner = self.lock();
            let mut freed = 0;
            while freed < bytes {
                let candidates = inner.blocks.iter().filter(|(id, _)| Some(id.0) != keep);
                let oldest = candidates.min_by_key(|(_, block)| block.last_used).map(|(id, _)| *id);
                let Some(id) = oldest else { break };
                if let Some(block) = inner.blocks.remove(&id) {
                    freed += block.memory.bytes();
                    evicted.push((id, block));
                }
            }
        }
        self.announce_removed(evicted)
    }

    /// Removes all blocks of an RDD.
    pub(crate) fn remove_rdd(&self, rdd: RddId) {
        let removed: Vec<(BlockId, Block)> = {
            let mut inner = self.lock();
            if inner.blocks.is_empty() {
                return;
            }
            let mut ids: Vec<BlockId> = inner.blocks.keys().filter(|id| id.0 == rdd).copied().collect();
            ids.sort_unstable();
            ids.into_iter().filter_map(|id| inner.blocks.remove(&id).map(|block| (id, block))).collect()
        };
        self.announce_removed(removed);
    }

    fn announce_removed(&self, removed: Vec<(BlockId, Block)>) -> bool {
        let any = !removed.is_empty();
        for ((rdd, partition), block) in removed {
            drop(block);
            self.bus.emit(Event::BlockRemoved { rdd, partition });
        }
        any
    }

    /// Keeps all partitions of an RDD readable for a job, if all of them are cached.
    pub(crate) fn pin(self: &Arc<Self>, rdd: RddId, partitions: usize) -> Option<Pins> {
        let mut inner = self.lock();
        let Inner { blocks, pinned, .. } = &mut *inner;
        let ids: Vec<BlockId> = (0..partitions).map(|partition| (rdd, partition)).collect();
        if !ids.iter().all(|id| blocks.contains_key(id)) {
            return None;
        }
        for id in &ids {
            if let Some(block) = blocks.get(id) {
                pinned.entry(*id).or_insert_with(|| (Arc::clone(&block.rows), 0)).1 += 1;
            }
        }
        Some(Pins { store: Arc::clone(self), ids })
    }

    /// Number of blocks held.
    pub(crate) fn blocks(&self) -> usize {
        self.lock().blocks.len()
    }
}

/// Keeps cached blocks readable while a job runs that has left out the stages below them.
pub(crate) struct Pins {
    store: Arc<CacheStore>,
    ids: Vec<BlockId>,
}

impl Drop for Pins {
    fn drop(&mut self) {
        let mut unpinned = Vec::new();
        let mut inner = self.store.lock();
        for id in &self.ids {
            if let Some((_, count)) = inner.pinned.get_mut(id) {
                *count -= 1;
                if *count == 0 {
                    unpinned.extend(inner.pinned.remove(id));
                }
            }
        }
        drop(inner);
        drop(unpinned);
    }
}
