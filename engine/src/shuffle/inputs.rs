//! What a task in another process reads of shuffles: found out, and fetched, before the task begins, so that no thread of the
//! pool waits for disk or network.

use super::store::MapOutput;
use crate::context::Context;
use crate::error::Failure;
use crate::ids::{RddId, ShuffleId};
use crate::node::{Kind, Lineage, Node};
use crate::storage::Reservation;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, Mutex};

/// Some blocks of every map output of a shuffle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) shuffle: ShuffleId,
    /// The number of map partitions.
    pub(crate) maps: usize,
    pub(crate) blocks: Range<usize>,
}

/// Whether persisted partitions are taken for what they are now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Persisted {
    /// Those that are stored here need nothing.
    Stay,
    /// They may go before they are read.
    MayGo,
}

/// The blocks that computing a partition needs. (The walk is that of `open_partition`.)
pub(crate) fn needs(node: &Arc<Node>, partition: usize, persisted: Persisted) -> Vec<Need> {
    let mut needs = Vec::new();
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
            Kind::Source(_) | Kind::Failed(_) => {}
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
                        needs.push(Need { shuffle: input.shuffle, maps: parent.partitions, blocks });
                    }
                }
            }
        }
    }
    needs
}

/// What was fetched for one task.
#[derive(Debug)]
pub(crate) struct Inputs {
    outputs: Mutex<HashMap<(ShuffleId, usize, usize), Arc<MapOutput>>>,
    /// The bytes of all of it.
    memory: Mutex<Reservation>,
}

impl Inputs {
    pub(crate) fn new(context: &Context) -> Inputs {
        Inputs { outputs: Mutex::default(), memory: Mutex::new(context.budget.reserve()) }
    }

    /// Takes over the blocks of one map output, from block number `first` on.
    pub(crate) fn put(
        &self,
        (shuffle, map, first): (ShuffleId, usize, usize),
        output: MapOutput,
        context: &Context,
    ) -> Result<(), Failure> {
        let mut memory = crate::storage::lock(&self.memory);
        let bytes = memory.bytes() + output.bytes() as u64;
        context.reserve(&mut memory, bytes)?;
        crate::storage::lock(&self.outputs).insert((shuffle, map, first), Arc::new(output));
        Ok(())
    }

    /// The blocks of a map output, from block number `first` on.
    pub(crate) fn get(&self, shuffle: ShuffleId, map: usize, first: usize) -> Option<Arc<MapOutput>> {
        crate::storage::lock(&self.outputs).get(&(shuffle, map, first)).map(Arc::clone)
    }
}
