//! Fetching what a task reads: map outputs, and parts of files that the driver offers.

use super::files::Files;
use super::parts::Parts;
use super::protocol::{DRIVER, Peer, Place};
use crate::context::Context;
use crate::error::Failure;
use crate::ids::{ExecutorId, ShuffleId, TaskId};
use crate::net::secret::Secret;
use crate::shuffle::{BlockNeed, Fetched, Index, Inputs, MapOutput, Needs, PartNeed, names};
use crate::storage::lock;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use tokio::task::JoinSet;

/// Knows where files are and brings what is in them.
pub(crate) struct Fetcher {
    secret: Secret,
    files: Files,
    outputs: Mutex<HashMap<ShuffleId, Arc<Vec<Option<Place>>>>>,
    peers: Mutex<HashMap<ExecutorId, Peer>>,
    indices: Mutex<HashMap<(ShuffleId, usize, TaskId), Found>>,
}

/// An index that was read, and the disk that it is on.
type Found = (Arc<Index>, usize);

impl Fetcher {
    pub(crate) fn new(secret: Secret) -> Fetcher {
        Fetcher {
            secret,
            files: Files::new(),
            outputs: Mutex::default(),
            peers: Mutex::default(),
            indices: Mutex::default(),
        }
    }

    /// Notes where the outputs of a shuffle are.
    pub(crate) fn outputs(&self, shuffle: ShuffleId, at: Vec<Option<Place>>) {
        lock(&self.outputs).insert(shuffle, Arc::new(at));
    }

    /// Notes which executors there are.
    pub(crate) fn peers(&self, peers: Vec<Peer>) {
        *lock(&self.peers) = peers.into_iter().map(|peer| (peer.executor, peer)).collect();
    }

    /// Nobody reads a shuffle any more.
    pub(crate) fn forget(&self, shuffle: ShuffleId) {
        lock(&self.outputs).remove(&shuffle);
        lock(&self.indices).retain(|(of, _, _), _| *of != shuffle);
    }

    /// Brings all that a task needs. Its failure names everything that is lost, so that all of it is computed again at once.
    pub(crate) async fn fetch(self: &Arc<Fetcher>, needs: Needs, context: &Context) -> Result<Inputs, Failure> {
        let inputs = Inputs::new(context);
        self.fetch_blocks(needs.blocks, &inputs, context).await?;
        self.fetch_parts(needs.parts, &inputs, context).await?;
        Ok(inputs)
    }

    async fn fetch_blocks(
        self: &Arc<Fetcher>,
        needs: Vec<BlockNeed>,
        inputs: &Inputs,
        context: &Context,
    ) -> Result<(), Failure> {
        let (mut running, mut lost) = (JoinSet::new(), Losses::default());
        for BlockNeed { shuffle, maps, blocks } in needs {
            let at = lock(&self.outputs).get(&shuffle).map(Arc::clone).unwrap_or_default();
            for map in 0..maps {
                let Some(place) = at.get(map).copied().flatten() else {
                    lost.add(shuffle, map, "no executor has it".to_owned());
                    continue;
                };
                let Some(peer) = self.peer(place.executor) else {
                    lost.add(shuffle, map, format!("executor {} is gone", place.executor));
                    continue;
                };
                let (fetcher, blocks) = (Arc::clone(self), blocks.clone());
                running.spawn(async move {
                    let fetched = fetcher.output(shuffle, map, place, &peer, blocks.clone()).await;
                    (shuffle, map, blocks.start, fetched)
                });
            }
        }
        while let Some(ended) = running.join_next().await {
            let (shuffle, map, first, fetched) =
                ended.map_err(|error| Failure::Other(format!("fetching map outputs: {error}")))?;
            match fetched {
                Ok(fetched) => inputs.put((shuffle, map, first), MapOutput::fetched(fetched), context)?,
                Err(message) => lost.add(shuffle, map, message),
            }
        }
        lost.or_nothing()
    }

    async fn fetch_parts(
        self: &Arc<Fetcher>,
        needs: Vec<PartNeed>,
        inputs: &Inputs,
        context: &Context,
    ) -> Result<(), Failure> {
        let mut running = JoinSet::new();
        for need in needs {
            let fetcher = Arc::clone(self);
            running.spawn(async move {
                let bytes = fetcher.part(DRIVER, &need.parts, need.part).await;
                bytes.map(|bytes| (need, bytes)).map_err(Failure::Fetch)
            });
        }
        while let Some(ended) = running.join_next().await {
            let (need, bytes) = ended.map_err(|error| Failure::Other(format!("fetching rows: {error}")))??;
            inputs.put_part(&need, bytes, context)?;
        }
        Ok(())
    }

    /// A part of a file, as somebody has it, if the bytes are right.
    pub(crate) async fn part(&self, at: ExecutorId, parts: &Arc<Parts>, part: usize) -> Result<Vec<u8>, String> {
        let range = parts.range(part);
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let peer = self.peer(at).ok_or_else(|| format!("executor {at} is gone"))?;
        let (bytes, _) = self.files.find(&peer, parts.key, &parts.name, Some(range)).await?;
        let (parts, secret) = (Arc::clone(parts), self.secret.clone());
        let checked = tokio::task::spawn_blocking(move || {
            let intact = parts.are(part, &bytes, &secret);
            intact.then_some(bytes).ok_or_else(|| format!("part {part} of the file {} is damaged", parts.name))
        });
        checked.await.map_err(|error| error.to_string())?
    }

    fn peer(&self, executor: ExecutorId) -> Option<Peer> {
        lock(&self.peers).get(&executor).cloned()
    }

    /// Some blocks of one map output.
    async fn output(
        &self,
        shuffle: ShuffleId,
        map: usize,
        place: Place,
        peer: &Peer,
        blocks: Range<usize>,
    ) -> Result<Fetched, String> {
        let (data, index) = names(shuffle, map, place.task);
        let key = (shuffle, map, place.task);
        let known = lock(&self.indices).get(&key).cloned();
        let (index, disk) = match known {
            Some(known) => known,
            None => {
                let (bytes, disk) = self.files.find(peer, place.task.0, &index, None).await?;
                let parsed = Arc::new(Index::parse(&bytes, &self.secret, shuffle, map)?);
                lock(&self.indices).insert(key, (Arc::clone(&parsed), disk));
                (parsed, disk)
            }
        };
        let range = index.range(blocks)?;
        let bytes = match range.is_empty() {
            true => Vec::new(),
            // The files of an output are on the same disk.
            false => self.files.bytes(peer, disk, &data, Some(range.clone())).await?,
        };
        Ok(Fetched { index, secret: self.secret.clone(), start: range.start, bytes })
    }
}

/// The map outputs that could not be fetched.
#[derive(Default)]
struct Losses {
    outputs: Vec<(ShuffleId, usize)>,
    /// What is wrong with the first one.
    message: String,
}

impl Losses {
    fn add(&mut self, shuffle: ShuffleId, map: usize, message: String) {
        if self.outputs.is_empty() {
            self.message = message;
        }
        self.outputs.push((shuffle, map));
    }

    fn or_nothing(self) -> Result<(), Failure> {
        let Losses { outputs, message } = self;
        if outputs.is_empty() { Ok(()) } else { Err(Failure::Lost { outputs, message }) }
    }
}
