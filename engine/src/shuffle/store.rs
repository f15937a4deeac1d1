//! Where map outputs wait for the reduce side: serialised blocks in memory, each with its checksum.

use crate::ids::ShuffleId;
use crate::storage::Reservation;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The blocks of one map partition, one for each piece of each reduce partition.
#[derive(Debug)]
pub(crate) struct MapOutput {
    blocks: Vec<Block>,
    _memory: Reservation,
}

#[derive(Debug)]
struct Block {
    bytes: Vec<u8>,
    checksum: u32,
}

impl MapOutput {
    /// Seals the blocks.
    pub(crate) fn new(blocks: Vec<Vec<u8>>, memory: Reservation) -> MapOutput {
        let seal = |bytes: Vec<u8>| Block { checksum: crc32fast::hash(&bytes), bytes };
        MapOutput { blocks: blocks.into_iter().map(seal).collect(), _memory: memory }
    }

    /// The bytes of a block, or what is wrong with them.
    pub(crate) fn block(&self, number: usize) -> Result<&[u8], String> {
        let block = self.blocks.get(number).ok_or_else(|| format!("it has no block {number}"))?;
        if crc32fast::hash(&block.bytes) != block.checksum {
            return Err(format!("the checksum of block {number} is wrong"));
        }
        Ok(&block.bytes)
    }

    /// The bytes of a block that `block` has given before.
    pub(crate) fn unchecked_block(&self, number: usize) -> &[u8] {
        &self.blocks[number].bytes
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

    /// Stores a map output; tells whether this map partition is stored for the first time.
    pub(crate) fn put(&self, shuffle: ShuffleId, map: usize, output: MapOutput) -> bool {
        let mut outputs = self.lock();
        let outputs = outputs.entry(shuffle).or_default();
        outputs.maps.insert(map, Arc::new(output));
        let first = !outputs.counted.contains(&map);
        if first {
            outputs.counted.push(map);
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
        let blocks = &mut Arc::get_mut(output).expect("nobody reads it").blocks;
        let block = blocks.iter_mut().rfind(|block| !block.bytes.is_empty()).expect("there are rows");
        block.bytes[0] ^= 1;
    }
}
