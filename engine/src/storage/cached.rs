//! Reading a partition of a cached RDD: from its block, or by computing it and storing a block on the way.

use super::{CacheVt, Reservation, heap_estimate};
use crate::batch::{Batch, SharedBatch};
use crate::node::Node;
use crate::pipeline::{Pipeline, Source, open_uncached};
use crate::task::{Stop, TaskContext};
use std::sync::Arc;

/// Starts to read a partition of a node that is marked as cached.
pub(crate) fn cached_partition(
    node: &Arc<Node>,
    vt: &'static CacheVt,
    partition: usize,
    task: &TaskContext,
) -> Result<Box<dyn Source>, Stop> {
    let state = match node.context.arc().cache.get(node.id, partition) {
        Some(rows) => State::Stored { rows, next: 0 },
        None => State::Missing(open_uncached(node, partition, task)?),
    };
    Ok(Box::new(CachedSource { node: Arc::clone(node), vt, partition, state }))
}

struct CachedSource {
    node: Arc<Node>,
    vt: &'static CacheVt,
    partition: usize,
    state: State,
}

enum State {
    /// To be computed.
    Missing(Pipeline),
    /// In the cache.
    Stored { rows: Arc<SharedBatch>, next: usize },
    /// Too large for the cache: what was gathered before that was known, then the rest as it comes.
    Streaming { gathered: Batch, rest: Pipeline },
}

impl Source for CachedSource {
    fn next_batch(&mut self, out: &mut Batch, _task: &TaskContext) -> Result<bool, Stop> {
        if let State::Missing(_) = self.state {
            self.fill()?;
        }
        match &mut self.state {
            State::Missing(_) => Ok(false),
            State::Stored { rows, next } => {
                let rows = rows.get();
                let n = (rows.rows() - *next).min(out.limit);
                // SAFETY: `n` rows are left from `next` on; the table is that of the row type.
                unsafe { (self.vt.clone)(rows.row(*next), n, out) }
                *next += n;
                Ok(n != 0)
            }
            State::Streaming { gathered, rest } => {
                if gathered.is_empty() && !rest.next(gathered)? {
                    return Ok(false);
                }
                gathered.move_rows(out, out.limit);
                Ok(true)
            }
        }
    }
}

impl CachedSource {
    /// Computes the partition and stores it, if it fits.
    fn fill(&mut self) -> Result<(), Stop> {
        let State::Missing(pipeline) = &mut self.state else { return Ok(()) };
        let elem = self.node.elem;
        let mut gathered = Batch::new(elem);
        let mut rows = Batch::new(elem);
        let mut memory = self.node.context.arc().budget.reserve();
        let mut heap = 0;
        let mut fits = true;
        while fits && pipeline.next(&mut rows)? {
            heap += heap_estimate(&rows, self.vt.codec);
            rows.move_rows(&mut gathered, usize::MAX);
            fits = self.node.context.arc().reserve_for_cache(&mut memory, gathered.bytes() as u64 + heap, self.node.id);
        }
        let computed = std::mem::replace(
            &mut self.state,
            State::Streaming { gathered: Batch::new(elem), rest: Pipeline::empty(elem) },
        );
        let State::Missing(rest) = computed else { return Ok(()) };
        self.state = if fits { self.store(gathered, memory) } else { State::Streaming { gathered, rest } };
        Ok(())
    }

    fn store(&self, gathered: Batch, memory: Reservation) -> State {
        // SAFETY: `cache()` asks for rows that are `Data`, hence `Send + Sync`.
        let rows = Arc::new(unsafe { SharedBatch::new(gathered) });
        self.node.context.arc().cache.put(self.node.id, self.partition, Arc::clone(&rows), memory);
        State::Stored { rows, next: 0 }
    }
}
