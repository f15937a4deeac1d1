//! The store of persisted partitions. When memory is needed, the block that was not used for the longest time goes: to a
//! file, if its level says so, else it will be computed again from its lineage.
//!
//! No file is written, read or removed while the store is locked.

use super::Reservation;
use super::block_file::BlockFile;
use super::chunk::OwnedChunk;
use super::spill::write_block;
use super::work_dir::WorkDir;
use crate::batch::SharedBatch;
use crate::codec::CodecVt;
use crate::event::Event;
use crate::event_bus::EventBus;
use crate::ids::{ExecutorId, RddId};
use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

pub(crate) type BlockId = (RddId, usize);

/// Persisted partitions by RDD and partition.
pub(crate) struct CacheStore {
    inner: Mutex<Inner>,
    /// Told when a block has moved to disk.
    moved: Condvar,
    bus: EventBus,
    pub(crate) work_dir: WorkDir,
}

#[derive(Default)]
struct Inner {
    blocks: HashMap<BlockId, Block>,
    /// Blocks that a running job relies on: they stay readable after they were evicted. None if one turned out to be corrupt.
    pinned: HashMap<BlockId, (Option<Stored>, usize)>,
    /// Counts uses, for the order of eviction.
    clock: u64,
    /// Blocks on their way to disk, whose memory will be free soon.
    moving: usize,
    /// Counts blocks that have arrived there.
    moves: u64,
}

/// The rows of a block.
#[derive(Clone)]
pub(crate) enum Stored {
    Rows(Arc<SharedBatch>),
    Chunks(Arc<Vec<OwnedChunk>>),
    File(Arc<BlockFile>),
}

impl Stored {
    fn is(&self, other: &Stored) -> bool {
        match (self, other) {
            (Stored::Rows(a), Stored::Rows(b)) => Arc::ptr_eq(a, b),
            (Stored::Chunks(a), Stored::Chunks(b)) => Arc::ptr_eq(a, b),
            (Stored::File(a), Stored::File(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    fn disk_bytes(&self) -> u64 {
        if let Stored::File(file) = self { file.bytes } else { 0 }
    }
}

/// A block as the store gets it.
pub(crate) struct NewBlock {
    pub(crate) id: BlockId,
    pub(crate) stored: Stored,
    /// Its share of the budget; none for a file.
    pub(crate) memory: Reservation,
    /// How its rows are written, if it moves to disk when it must make room.
    pub(crate) spill: Option<&'static CodecVt>,
}

struct Block {
    stored: Stored,
    memory: Reservation,
    spill: Option<&'static CodecVt>,
    moving: bool,
    last_used: u64,
}

impl Block {
    fn may_go(&self) -> bool {
        !self.moving && !matches!(self.stored, Stored::File(_))
    }
}

/// A block that is being written to disk.
struct Move {
    id: BlockId,
    rows: Arc<SharedBatch>,
    codec: &'static CodecVt,
}

impl CacheStore {
    pub(crate) fn new(bus: EventBus, work_dir: WorkDir) -> CacheStore {
        CacheStore { inner: Mutex::default(), moved: Condvar::new(), bus, work_dir }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rows of a persisted partition.
    pub(crate) fn get(&self, id: BlockId) -> Option<Stored> {
        let mut inner = self.lock();
        inner.clock += 1;
        let now = inner.clock;
        if let Some(block) = inner.blocks.get_mut(&id) {
            block.last_used = now;
            return Some(block.stored.clone());
        }
        inner.pinned.get(&id).and_then(|(stored, _)| stored.clone())
    }

    /// Stores a partition, if it is still `wanted`: asked while the store is locked, so that an `unpersist` meanwhile either
    /// is seen here or finds the block.
    pub(crate) fn put(&self, new: NewBlock, wanted: &dyn Fn() -> bool) {
        let NewBlock { id, stored, memory, spill } = new;
        let (bytes, disk) = (memory.bytes(), stored.disk_bytes());
        let mut inner = self.lock();
        if !wanted() {
            drop(inner);
            return;
        }
        inner.clock += 1;
        let last_used = inner.clock;
        let replaced = inner.blocks.insert(id, Block { stored, memory, spill, moving: false, last_used });
        drop(inner);
        // Dropped outside the lock: rows may run user code.
        drop(replaced);
        self.bus.emit(stored_event(id, bytes, disk));
    }

    /// Tells that a partition could not be stored.
    pub(crate) fn not_stored(&self, id: BlockId, why: String) {
        self.bus.emit(Event::BlockNotStored { rdd: id.0, partition: id.1, why });
    }

    /// Removes blocks of other RDDs than `keep` from memory until `bytes` are free or nothing is left; tells whether any
    /// memory became free.
    pub(crate) fn evict(&self, bytes: u64, keep: Option<RddId>) -> bool {
        let (mut evicted, mut moves) = (Vec::new(), Vec::new());
        let before = {
            let mut inner = self.lock();
            let mut freed = 0;
            while freed < bytes {
                let candidates = inner.blocks.iter_mut().filter(|(id, block)| Some(id.0) != keep && block.may_go());
                let Some((id, block)) = candidates.min_by_key(|(_, block)| block.last_used) else { break };
                let id = *id;
                freed += block.memory.bytes();
                match (&block.stored, block.spill) {
                    (Stored::Rows(rows), Some(codec)) => {
                        moves.push(Move { id, rows: Arc::clone(rows), codec });
                        block.moving = true;
                    }
                    _ => evicted.extend(inner.blocks.remove(&id).map(|block| (id, block))),
                }
            }
            inner.moving += moves.len();
            inner.moves
        };
        let any = !evicted.is_empty() || !moves.is_empty();
        self.announce_removed(evicted);
        // Should one of them panic, the others are still given up properly.
        let moves: Vec<Moving<'_>> = moves.into_iter().map(|of| Moving { store: self, of: Some(of) }).collect();
        moves.into_iter().for_each(Moving::run);
        any || self.wait_for_moves(before)
    }

    /// Waits until a block that another thread moves to disk has arrived; `false` if there is none.
    fn wait_for_moves(&self, before: u64) -> bool {
        let waiting = |inner: &mut Inner| inner.moves == before && inner.moving > 0;
        let inner = self.moved.wait_while(self.lock(), waiting).unwrap_or_else(PoisonError::into_inner);
        inner.moves != before
    }

    /// The block is on disk, or cannot be: lets its memory go.
    fn arrived(&self, of: &Move, written: Result<BlockFile, String>) {
        let Move { id, rows, .. } = of;
        let stored = Stored::Rows(Arc::clone(rows));
        let (file, problem) = match written {
            Ok(file) => (Some(Stored::File(Arc::new(file))), None),
            Err(problem) => (None, Some(problem)),
        };
        let mut inner = self.lock();
        let Inner { blocks, pinned, .. } = &mut *inner;
        let there = blocks.get(id).is_some_and(|block| block.stored.is(&stored));
        let gone = if there { blocks.remove(id) } else { None };
        let mut event = None;
        if let (Some(block), Some(file)) = (&gone, &file) {
            let (spill, last_used) = (block.spill, block.last_used);
            let memory = block.memory.emptied();
            blocks.insert(*id, Block { stored: file.clone(), memory, spill, moving: false, last_used });
            event = Some(stored_event(*id, 0, file.disk_bytes()));
        } else if gone.is_some() {
            event = Some(removed_event(*id));
        }
        let pin = pinned.get_mut(id).filter(|(pin, _)| pin.as_ref().is_some_and(|pin| pin.is(&stored)));
        let unpinned = if let (Some(pin), Some(file)) = (pin, &file) { pin.0.replace(file.clone()) } else { None };
        drop(inner);
        drop((gone, unpinned, file, stored));
        let mut inner = self.lock();
        inner.moving -= 1;
        inner.moves += 1;
        drop(inner);
        self.moved.notify_all();
        if let Some(problem) = problem {
            self.not_stored(*id, problem);
        }
        event.into_iter().for_each(|event| self.bus.emit(event));
    }

    /// Removes a block that turned out to be corrupt, if it is still that one.
    pub(crate) fn discard(&self, id: BlockId, corrupt: &Stored) {
        let mut inner = self.lock();
        let Inner { blocks, pinned, .. } = &mut *inner;
        let there = blocks.get(&id).is_some_and(|block| block.stored.is(corrupt));
        let removed = if there { blocks.remove(&id) } else { None };
        let pin = pinned.get_mut(&id).filter(|(pin, _)| pin.as_ref().is_some_and(|pin| pin.is(corrupt)));
        let unpinned = pin.and_then(|pin| pin.0.take());
        drop(inner);
        drop(unpinned);
        self.announce_removed(removed.map(|block| (id, block)).into_iter().collect());
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

    fn announce_removed(&self, removed: Vec<(BlockId, Block)>) {
        for (id, block) in removed {
            drop(block);
            self.bus.emit(removed_event(id));
        }
    }

    /// Keeps all partitions of an RDD readable for a job, if all of them are stored.
    pub(crate) fn pin(self: &Arc<Self>, rdd: RddId, partitions: usize) -> Option<Pins> {
        let mut inner = self.lock();
        let Inner { blocks, pinned, .. } = &mut *inner;
        let ids: Vec<BlockId> = (0..partitions).map(|partition| (rdd, partition)).collect();
        if !ids.iter().all(|id| blocks.contains_key(id)) {
            return None;
        }
        for id in &ids {
            if let Some(block) = blocks.get(id) {
                let (stored, count) = pinned.entry(*id).or_insert((None, 0));
                stored.get_or_insert_with(|| block.stored.clone());
                *count += 1;
            }
        }
        Some(Pins { store: Arc::clone(self), ids })
    }

    /// Number of blocks held.
    pub(crate) fn blocks(&self) -> usize {
        self.lock().blocks.len()
    }
}

/// A block is in this process. Which executor that is the driver knows, and notes in the event.
fn stored_event((rdd, partition): BlockId, memory: u64, disk: u64) -> Event {
    Event::BlockStored { rdd, partition, executor: ExecutorId(0), memory, disk }
}

/// A block is in this process no more.
fn removed_event((rdd, partition): BlockId) -> Event {
    Event::BlockRemoved { rdd, partition, executor: ExecutorId(0) }
}

/// A block on its way to disk. If writing it panics (rows are serialised by user code), it is dropped.
struct Moving<'s> {
    store: &'s CacheStore,
    of: Option<Move>,
}

impl Moving<'_> {
    fn run(mut self) {
        if let Some(of) = &self.of {
            let written = write_block(&self.store.work_dir, of.id, of.rows.get(), of.codec);
            self.store.arrived(of, written);
            self.of = None;
        }
    }
}

impl Drop for Moving<'_> {
    fn drop(&mut self) {
        if let Some(of) = &self.of {
            self.store.arrived(of, Err("writing it panicked".to_owned()));
        }
    }
}

/// Keeps stored blocks readable while a job runs that has left out the stages below them.
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
