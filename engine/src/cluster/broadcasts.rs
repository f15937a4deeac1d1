//! Broadcasts on their way to an executor. Each chunk is fetched once, from an executor that has it or from the driver, and kept in
//! a file, from which other executors fetch it. The order of the chunks is another one on each executor, so that they soon have
//! different ones.

use super::fetch::Fetcher;
use super::parts::Parts;
use super::protocol::{DRIVER, ToDriver, payload};
use crate::event::Event;
use crate::ids::ExecutorId;
use crate::net;
use crate::random::Random;
use crate::storage::{Disks, lock};
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};

/// Chunks that are fetched at once.
const AT_ONCE: usize = 4;

/// Fetches broadcasts and has the files.
pub(crate) struct Broadcasts {
    /// This executor.
    executor: ExecutorId,
    disks: Arc<Disks>,
    fetcher: Arc<Fetcher>,
    driver: UnboundedSender<Vec<u8>>,
    /// The chunks of which the driver was asked who has them.
    asked: Mutex<HashMap<(u64, usize), oneshot::Sender<ExecutorId>>>,
    kept: Mutex<HashMap<u64, Kept>>,
}

/// A broadcast that has arrived or is about to.
struct Kept {
    file: String,
    fetching: AbortHandle,
}

/// A broadcast that is being fetched.
struct Fetching {
    id: u64,
    parts: Arc<Parts>,
    file: File,
    /// Executors that have failed: they are asked for nothing more.
    bad: Mutex<HashSet<ExecutorId>>,
}

/// A chunk, and who had it.
struct Chunk {
    number: usize,
    from: ExecutorId,
    bytes: Vec<u8>,
}

impl Broadcasts {
    pub(crate) fn new(
        executor: ExecutorId,
        disks: Arc<Disks>,
        fetcher: Arc<Fetcher>,
        driver: UnboundedSender<Vec<u8>>,
    ) -> Broadcasts {
        Broadcasts { executor, disks, fetcher, driver, asked: Mutex::default(), kept: Mutex::default() }
    }

    /// Fetches a broadcast and calls `then` with its bytes, or with what is wrong.
    pub(crate) fn fetch(
        self: &Arc<Broadcasts>,
        id: u64,
        parts: Arc<Parts>,
        then: impl FnOnce(Result<Vec<u8>, String>) + Send + 'static,
    ) {
        let (broadcasts, file) = (Arc::clone(self), parts.name.clone());
        let fetching = net::spawn(async move { then(broadcasts.bytes(id, parts).await) });
        lock(&self.kept).insert(id, Kept { file, fetching: fetching.abort_handle() });
    }

    /// The driver has told who has a chunk.
    pub(crate) fn told(&self, broadcast: u64, chunk: usize, at: ExecutorId) {
        if let Some(asked) = lock(&self.asked).remove(&(broadcast, chunk)) {
            // Who asked may have been stopped.
            let _ = asked.send(at);
        }
    }

    /// Nobody needs a broadcast any more.
    pub(crate) fn forget(&self, broadcast: u64) {
        if let Some(Kept { file, fetching }) = lock(&self.kept).remove(&broadcast) {
            fetching.abort();
            // It is on one of the disks. What cannot be removed goes with the directory.
            self.disks.directories().for_each(|directory| drop(std::fs::remove_file(directory.join(&file))));
        }
        lock(&self.asked).retain(|(of, _), _| *of != broadcast);
    }

    async fn bytes(self: Arc<Broadcasts>, id: u64, parts: Arc<Parts>) -> Result<Vec<u8>, String> {
        let file = self.disks.write(parts.key, |directory| {
            let file = File::create(directory.join(&parts.name))?;
            file.set_len(parts.bytes()).map(|()| file)
        });
        let file =
            file.map_err(|error| format!("{}: {error}; free some space, or name another `work_dir`", self.disks))?;
        let fetching = Arc::new(Fetching { id, parts: Arc::clone(&parts), file, bad: Mutex::default() });
        let mut bytes = vec![0; parts.bytes() as usize];
        let (mut from_driver, mut from_peers) = (0, 0);
        let mut order = shuffled(parts.len(), self.executor).into_iter();
        let mut running = JoinSet::new();
        loop {
            for number in order.by_ref().take(AT_ONCE - running.len()) {
                running.spawn(Arc::clone(&self).chunk(Arc::clone(&fetching), number));
            }
            let Some(ended) = running.join_next().await else { break };
            let Chunk { number, from, bytes: chunk } = ended.map_err(|error| error.to_string())??;
            let from = if from == DRIVER { &mut from_driver } else { &mut from_peers };
            *from += chunk.len() as u64;
            let start = parts.range(number).start as usize;
            bytes[start..start + chunk.len()].copy_from_slice(&chunk);
        }
        self.tell(&ToDriver::Event(Event::BroadcastFetched {
            broadcast: id,
            executor: self.executor,
            from_driver,
            from_peers,
        }));
        Ok(bytes)
    }

    /// Brings one chunk and keeps it for others.
    async fn chunk(self: Arc<Broadcasts>, fetching: Arc<Fetching>, number: usize) -> Result<Chunk, String> {
        let (from, bytes) = self.find_chunk(&fetching, number).await?;
        let id = fetching.id;
        let kept = tokio::task::spawn_blocking(move || {
            let written = fetching.file.write_all_at(&bytes, fetching.parts.range(number).start);
            (bytes, written)
        });
        let (bytes, written) = kept.await.map_err(|error| error.to_string())?;
        // If the disk is full others have it from elsewhere.
        if written.is_ok() {
            self.tell(&ToDriver::HasChunk { broadcast: id, chunk: number });
        }
        Ok(Chunk { number, from, bytes })
    }

    /// A chunk, and who had it. An executor that fails is left, and the driver asked.
    async fn find_chunk(&self, fetching: &Fetching, number: usize) -> Result<(ExecutorId, Vec<u8>), String> {
        let Fetching { id, parts, bad, .. } = fetching;
        let at = self.seek(*id, number).await.unwrap_or(DRIVER);
        if at != DRIVER && !lock(bad).contains(&at) {
            match self.fetcher.part(at, parts, number).await {
                Ok(bytes) => return Ok((at, bytes)),
                Err(_) => drop(lock(bad).insert(at)),
            }
        }
        let fetched = self.fetcher.part(DRIVER, parts, number).await;
        fetched.map(|bytes| (DRIVER, bytes)).map_err(|error| format!("the driver: {error}"))
    }

    /// Who has a chunk.
    async fn seek(&self, broadcast: u64, chunk: usize) -> Option<ExecutorId> {
        let (sender, told) = oneshot::channel();
        lock(&self.asked).insert((broadcast, chunk), sender);
        self.tell(&ToDriver::SeekChunk { broadcast, chunk });
        told.await.ok()
    }

    fn tell(&self, message: &ToDriver) {
        // Without a driver the process is about to end.
        let _ = self.driver.send(payload(message));
    }
}

/// The numbers below `n` in an order of this executor's own.
fn shuffled(n: usize, executor: ExecutorId) -> Vec<usize> {
    let (mut numbers, mut random) = (Vec::from_iter(0..n), Random::new(0, executor.0));
    for at in (1..n).rev() {
        numbers.swap(at, random.below(at as u64 + 1) as usize);
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_executor_has_an_order_of_its_own_with_all_chunks() {
        let [one, other] = [1, 2].map(|executor| shuffled(50, ExecutorId(executor)));
        assert_ne!(one, other);
        for mut order in [one, other] {
            order.sort_unstable();
            assert_eq!(order, Vec::from_iter(0..50));
        }
        assert!(shuffled(0, ExecutorId(1)).is_empty());
    }
}
