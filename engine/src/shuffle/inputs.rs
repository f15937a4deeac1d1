//! What a task in another process reads of shuffles, and of rows that the driver offers: found out, and fetched, before the task
//! begins, so that no thread of the pool waits for disk or network.

use super::store::MapOutput;
use crate::cluster::parts::Parts;
use crate::context::Context;
use crate::error::Failure;
use crate::ids::{RddId, ShuffleId};
use crate::node::{Kind, Lineage, Node};
use crate::storage::{Reservation, lock};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, Mutex};

/// What a task needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    pub(crate) blocks: Vec<BlockNeed>,
    pub(crate) parts: Vec<PartNeed>,
}

impl Needs {
    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.is_empty() && self.parts.is_empty()
    }

    /// Adds what is not among them; whether there was any.
    pub(crate) fn extend(&mut self, more: Needs) -> bool {
        let had = self.blocks.len() + self.parts.len();
        let Needs { blocks, parts } = more;
        blocks.into_iter().for_each(|need| {
            if !self.blocks.contains(&need) {
                self.blocks.push(need)
            }
        });
        parts.into_iter().for_each(|need| {
            if !self.parts.contains(&need) {
                self.parts.push(need)
            }
        });
        self.blocks.len() + self.parts.len() > had
    }
}

/// Some blocks of every map output of a shuffle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BlockNeed {
    pub(crate) shuffle: ShuffleId,
    /// The number of map partitions.
    pub(crate) maps: usize,
    pub(crate) blocks: Range<usize>,
}

/// A part of a file that the driver offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartNeed {
    pub(crate) parts: Arc<Parts>,
    pub(crate) part: usize,
}

/// Whether persisted partitions are taken for what they are now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Persisted {
    /// Those that are stored here need nothing.
    Stay,
    /// They may go before they are read.
    MayGo,
}

/// What computing a partition needs. (The walk is that of `open_partition`.)
pub(crate) fn needs(node: &Arc<Node>, partition: usize, persisted: Persisted) -> Needs {
    let mut needs = Needs::default();
    let mut seen: HashSet<(RddId, usize)> = HashSet::new();
    let mut open = vec![(Arc::clone(node), partition)];
    while let Some((at, partition)) = open.pop() {
        if !seen.insert((at.id, partition)) {
            continue;
        }
        let is_here = || at.cached().is_some() && at.context.arc().cache.get((at.id, partition)).is_some();
        if persisted == Persisted::Stay && is_here() {
            continue;
        }
        let parents = match at.lineage() {
            Lineage::Parents(parents) => parents,
            Lineage::Checkpoint(_) => continue,
        };
        match &at.kind {
            Kind::Source(source) => needs.parts.extend(source.need(partition)),
            Kind::Failed(_) => {}
            Kind::Narrow { .. } | Kind::Indexed { .. } | Kind::Partitions { .. } => {
                open.push((Arc::clone(&parents[0]), partition));
            }
            Kind::Union => {
                let part = Node::union_part(&parents, partition);
                open.extend(part.map(|(parent, partition)| (Arc::clone(parent), partition)));
            }
            Kind::Runs(runs) => {
                let run = runs.get(partition).cloned().unwrap_or_default();
                open.extend(run.map(|partition| (Arc::clone(&parents[0]), partition)));
            }
            Kind::Paired { .. } => open.extend(parents.iter().map(|parent| (Arc::clone(parent), partition))),
            Kind::Product { .. } => {
                let width = parents[1].partitions.max(1);
                open.push((Arc::clone(&parents[0]), partition / width));
                open.push((Arc::clone(&parents[1]), partition % width));
            }
            Kind::Shuffled(shuffled) => {
                for (input, parent) in shuffled.inputs.iter().zip(parents.iter()) {
                    if input.narrow {
                        open.push((Arc::clone(parent), partition));
                    } else {
                        let blocks = partition * shuffled.pieces..(partition + 1) * shuffled.pieces;
                        needs.blocks.push(BlockNeed { shuffle: input.shuffle, maps: parent.partitions, blocks });
                    }
                }
            }
        }
    }
    needs
}

/// The name of a file in parts, and the number of a part.
type PartKey = (String, usize);

/// What was fetched for one task.
#[derive(Debug)]
pub(crate) struct Inputs {
    outputs: Mutex<HashMap<(ShuffleId, usize, usize), Arc<MapOutput>>>,
    parts: Mutex<HashMap<PartKey, Arc<Vec<u8>>>>,
    /// The bytes of all of it.
    memory: Mutex<Reservation>,
}

impl Inputs {
    pub(crate) fn new(context: &Context) -> Inputs {
        Inputs { outputs: Mutex::default(), parts: Mutex::default(), memory: Mutex::new(context.budget.reserve()) }
    }

    /// Takes over the blocks of one map output, from block number `first` on.
    pub(crate) fn put(
        &self,
        (shuffle, map, first): (ShuffleId, usize, usize),
        output: MapOutput,
        context: &Context,
    ) -> Result<(), Failure> {
        self.reserve(output.bytes() as u64, context)?;
        lock(&self.outputs).insert((shuffle, map, first), Arc::new(output));
        Ok(())
    }

    /// Takes over a part of a file.
    pub(crate) fn put_part(&self, need: &PartNeed, bytes: Vec<u8>, context: &Context) -> Result<(), Failure> {
        self.reserve(bytes.len() as u64, context)?;
        lock(&self.parts).insert((need.parts.name.clone(), need.part), Arc::new(bytes));
        Ok(())
    }

    fn reserve(&self, more: u64, context: &Context) -> Result<(), Failure> {
        let mut memory = lock(&self.memory);
        let bytes = memory.bytes() + more;
        context.reserve(&mut memory, bytes)
    }

    /// The blocks of a map output, from block number `first` on.
    pub(crate) fn get(&self, shuffle: ShuffleId, map: usize, first: usize) -> Option<Arc<MapOutput>> {
        lock(&self.outputs).get(&(shuffle, map, first)).map(Arc::clone)
    }

    /// A part of the file of this name.
    pub(crate) fn part(&self, name: &str, part: usize) -> Option<Arc<Vec<u8>>> {
        lock(&self.parts).get(&(name.to_owned(), part)).map(Arc::clone)
    }
}
