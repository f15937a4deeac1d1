//! Map outputs as the reduce side gets them: serialised blocks in memory, each with its checksum, or what was fetched from
//! files.

use super::files::Index;
use crate::ids::ShuffleId;
use crate::net::secret::Secret;
use crate::storage::Reservation;
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The blocks of one map partition, one for each piece of each reduce partition: all of them in memory, or some that were
/// fetched from the executor that has them.
#[derive(Debug)]
pub(crate) struct MapOutput(Blocks);

#[derive(Debug)]
enum Blocks {
    Here { blocks: Vec<Block>, _memory: Reservation },
    Fetched(Fetched),
}

#[derive(Debug)]
struct Block {
    bytes: Vec<u8>,
    checksum: u32,
}

/// Blocks as they are in the files of another task.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) index: Arc<Index>,
    pub(crate) secret: Secret,
    /// Where in the data file `bytes` begin.
    pub(crate) start: u64,
    pub(crate) bytes: Vec<u8>,
}

/// The bytes of a block that have been verified.
#[derive(Debug)]
pub(crate) enum BlockBytes {
    /// Those of this block of an output in memory.
    Here(Arc<MapOutput>, usize),
    /// Some of those that were fetched.
    Fetched(Arc<MapOutput>, Range<usize>),
    /// Decompressed.
    Own(Vec<u8>),
}

impl std::ops::Deref for BlockBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            BlockBytes::Here(output, number) => match &output.0 {
                Blocks::Here { blocks, .. } => &blocks[*number].bytes,
                Blocks::Fetched(_) => &[],
            },
            BlockBytes::Fetched(output, range) => match &output.0 {
                Blocks::Here { .. } => &[],
                Blocks::Fetched(fetched) => &fetched.bytes[range.clone()],
            },
            BlockBytes::Own(bytes) => bytes,
        }
    }
}

impl MapOutput {
    /// Seals the blocks.
    pub(crate) fn new(blocks: Vec<Vec<u8>>, memory: Reservation) -> MapOutput {
        let seal = |bytes: Vec<u8>| Block { checksum: crc32fast::hash(&bytes), bytes };
        MapOutput(Blocks::Here { blocks: blocks.into_iter().map(seal).collect(), _memory: memory })
    }

    /// Blocks that were fetched.
    pub(crate) fn fetched(fetched: Fetched) -> MapOutput {
        MapOutput(Blocks::Fetched(fetched))
    }

    /// Bytes of memory of what was fetched.
    pub(crate) fn bytes(&self) -> usize {
        match &self.0 {
            Blocks::Here { .. } => 0,
            Blocks::Fetched(fetched) => fetched.bytes.len(),
        }
    }

    /// About how many rows a block has, if that can be told at once: nobody has checked it yet, but it is no more than it has
    /// bytes.
    pub(crate) fn rows_at_most(&self, number: usize) -> usize {
        let bytes = match &self.0 {
            Blocks::Here { blocks, .. } => blocks.get(number).map_or(&[][..], |block| &block.bytes),
            Blocks::Fetched(fetched) if fetched.index.is_plain(number) => {
                fetched.stored(number).map_or(&[][..], |stored| &fetched.bytes[stored])
            }
            Blocks::Fetched(_) => return 0,
        };
        let rows = bytes.first_chunk().map_or(0, |rows| u64::from_le_bytes(*rows));
        bytes.len().min(usize::try_from(rows).unwrap_or(usize::MAX))
    }

    /// The bytes of a block, or what is wrong with them.
    pub(crate) fn block(self: &Arc<MapOutput>, number: usize) -> Result<BlockBytes, String> {
        match &self.0 {
            Blocks::Here { blocks, .. } => {
                let block = blocks.get(number).ok_or_else(|| format!("it has no block {number}"))?;
                if crc32fast::hash(&block.bytes) != block.checksum {
                    return Err(format!("the checksum of block {number} is wrong"));
                }
                Ok(BlockBytes::Here(Arc::clone(self), number))
            }
            Blocks::Fetched(fetched) => {
                let stored = fetched.stored(number)?;
                Ok(match fetched.index.decode(number, &fetched.bytes[stored.clone()], &fetched.secret)? {
                    Cow::Borrowed(_) => BlockBytes::Fetched(Arc::clone(self), stored),
                    Cow::Owned(bytes) => BlockBytes::Own(bytes),
                })
            }
        }
    }
}

impl Fetched {
    /// Where the stored bytes of a block are among those that were fetched.
    fn stored(&self, number: usize) -> Result<Range<usize>, String> {
        let Range { start, end } = self.index.range(number..number + 1)?;
        let place = |at: u64| usize::try_from(at.checked_sub(self.start)?).ok().filter(|at| *at <= self.bytes.len());
        let stored = place(start).zip(place(end)).filter(|(start, end)| start <= end);
        stored.map(|(start, end)| start..end).ok_or_else(|| format!("block {number} was not fetched"))
    }
}

/// All map outputs of a context.
#[derive(Debug, Default)]
pub(crate) struct ShuffleStore {
    outputs: Mutex<HashMap<ShuffleId, Outputs>>,
}

#[derive(Debug, Default)]
struct Outputs {
    maps: HashMap<usize, Arc<MapOutput>>,
    /// Map partitions whose accumulator updates were merged: a recomputed one does not count again.
    counted: Vec<usize>,
}

impl ShuffleStore {
    fn lock(&self) -> MutexGuard<'_, HashMap<ShuffleId, Outputs>> {
        self.outputs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores a map output.
    pub(crate) fn put(&self, shuffle: ShuffleId, map: usize, output: MapOutput) {
        self.lock().entry(shuffle).or_default().maps.insert(map, Arc::new(output));
    }

    /// Whether the updates of this map partition were not merged before; now they are.
    pub(crate) fn count(&self, shuffle: ShuffleId, map: usize) -> bool {
        let mut outputs = self.lock();
        let counted = &mut outputs.entry(shuffle).or_default().counted;
        let first = !counted.contains(&map);
        if first {
            counted.push(map);
        }
        first
    }

    pub(crate) fn get(&self, shuffle: ShuffleId, map: usize) -> Option<Arc<MapOutput>> {
        self.lock().get(&shuffle)?.maps.get(&map).map(Arc::clone)
    }

    /// Which of the map outputs `0..maps` are not there.
    pub(crate) fn missing(&self, shuffle: ShuffleId, maps: usize) -> Vec<usize> {
        let outputs = self.lock();
        let known = outputs.get(&shuffle).map(|outputs| &outputs.maps);
        (0..maps).filter(|map| known.is_none_or(|known| !known.contains_key(map))).collect()
    }

    /// Forgets a map output that turned out to be corrupt.
    pub(crate) fn lose(&self, shuffle: ShuffleId, map: usize) {
        if let Some(outputs) = self.lock().get_mut(&shuffle) {
            outputs.maps.remove(&map);
        }
    }

    /// Frees all map outputs of a shuffle.
    pub(crate) fn remove(&self, shuffle: ShuffleId) {
        let removed = self.lock().remove(&shuffle);
        drop(removed);
    }

    /// Number of shuffles with map outputs.
    pub(crate) fn shuffles(&self) -> usize {
        self.lock().len()
    }

    /// Flips a bit of the last block that has any, for tests: whoever reads the partition in pieces finds it late.
    #[cfg(test)]
    pub(crate) fn corrupt(&self, shuffle: ShuffleId, map: usize) {
        let mut outputs = self.lock();
        let output = outputs.get_mut(&shuffle).and_then(|outputs| outputs.maps.get_mut(&map)).expect("output exists");
        let Blocks::Here { blocks, .. } = &mut Arc::get_mut(output).expect("nobody reads it").0 else {
            panic!("it is in memory")
        };
        let block = blocks.iter_mut().rfind(|block| !block.bytes.is_empty()).expect("there are rows");
        block.bytes[0] ^= 1;
    }
}
