//! Nodes on their way. What a node is does not change and is sent once; what is found out about it later (ranges, indices of
//! first rows, where it is kept) is sent with each job.

use super::{Kind, Lineage, Node, Parents, ShuffleInput, Shuffled};
use crate::batch::ElemVt;
use crate::closure::ShippedClosure;
use crate::event::CallSite;
use crate::ids::{RddId, ShuffleId};
use crate::pipeline::{OpVt, PairVt, PartitionsVt, ProbeVt, TextFn};
use crate::ship::{CodeRef, Landing, ShipError, Shipper};
use crate::shuffle::{KeptRows, ReadVt, WriteVt};
use crate::sort::{ShippedRanges, SortVt};
use crate::source::ShippedSource;
use crate::storage::{CacheVt, Checkpoint, Persisted, ShippedCheckpoint, StorageLevel};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, RwLock};

/// A node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ShippedNode {
    pub(crate) id: RddId,
    operator: String,
    elem: CodeRef,
    call_site: CallSite,
    partitions: usize,
    parents: Vec<RddId>,
    kind: ShippedKind,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum ShippedKind {
    Source(ShippedSource),
    Narrow { op: CodeRef, texts: Option<CodeRef>, closure: ShippedClosure },
    Indexed { op: CodeRef },
    Partitions { op: CodeRef, closure: ShippedClosure },
    Union,
    Runs(Vec<Range<usize>>),
    Paired { op: CodeRef, closure: ShippedClosure },
    Product { op: CodeRef },
    Shuffled(ShippedShuffled),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct ShippedShuffled {
    inputs: Vec<ShippedInput>,
    read: CodeRef,
    closure: ShippedClosure,
    sort: Option<CodeRef>,
    pieces: usize,
    probe: Option<CodeRef>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct ShippedInput {
    shuffle: ShuffleId,
    write: CodeRef,
    narrow: bool,
    in_pieces: bool,
}

/// What is known of a node by now.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ShippedState {
    id: Option<RddId>,
    persisted: Option<(CodeRef, StorageLevel)>,
    firsts: Option<Vec<u64>>,
    ranges: Option<ShippedRanges>,
    checkpoint: Option<ShippedCheckpoint>,
}

impl Node {
    /// What the node is.
    pub(crate) fn ship(&self, out: &mut Shipper) -> Result<ShippedNode, ShipError> {
        let parents = self.parents().iter().map(|parent| parent.id).collect();
        let kind = match &self.kind {
            Kind::Shuffled(shuffled) => ShippedKind::Shuffled(shuffled.ship(out)?),
            // Its rows come from the files, whatever made them; of a shuffled RDD, tasks that were planned before may still
            // make map outputs.
            _ if matches!(self.lineage(), Lineage::Checkpoint(_)) => ShippedKind::Union,
            Kind::Source(source) => ShippedKind::Source(source.ship(out)?),
            Kind::Narrow { op, texts, closure } => ShippedKind::Narrow {
                op: out.table(*op)?,
                texts: texts.map(|texts| out.code(texts as usize)).transpose()?,
                closure: out.closure(closure)?,
            },
            Kind::Indexed { op, .. } => ShippedKind::Indexed { op: out.table(*op)? },
            Kind::Partitions { op, closure } => {
                ShippedKind::Partitions { op: out.table(*op)?, closure: out.closure(closure)? }
            }
            Kind::Union => ShippedKind::Union,
            Kind::Runs(runs) => ShippedKind::Runs(runs.clone()),
            Kind::Paired { op, closure } => ShippedKind::Paired { op: out.table(*op)?, closure: out.closure(closure)? },
            Kind::Product { op } => ShippedKind::Product { op: out.table(*op)? },
            Kind::Failed(error) => return Err(ShipError::new(error.to_string())),
        };
        Ok(ShippedNode {
            id: self.id,
            operator: self.operator.to_owned(),
            elem: out.table(self.elem)?,
            call_site: self.call_site.clone(),
            partitions: self.partitions,
            parents,
            kind,
        })
    }

    /// What is known of it by now; none if there is nothing.
    pub(crate) fn ship_state(&self, out: &mut Shipper) -> Result<Option<ShippedState>, ShipError> {
        let mut state = ShippedState::default();
        if let Some(Persisted { vt, level }) = self.cached() {
            state.persisted = Some((out.table(vt)?, level));
        }
        if let Lineage::Checkpoint(checkpoint) = self.lineage() {
            state.checkpoint = Some(checkpoint.shipped(out)?);
        }
        match &self.kind {
            Kind::Indexed { firsts, .. } => state.firsts = firsts.get().cloned(),
            Kind::Shuffled(shuffled) => {
                if let Some((vt, ranges)) = shuffled.sort.zip(shuffled.ranges.get()) {
                    state.ranges = Some(ranges.ship(vt)?);
                }
            }
            _ => {}
        }
        let known =
            state.persisted.is_some() || state.firsts.is_some() || state.ranges.is_some() || state.checkpoint.is_some();
        state.id = Some(self.id);
        Ok(Some(state).filter(|_| known))
    }

    /// A node that has arrived, made of parents that have arrived before.
    pub(crate) fn land(shipped: ShippedNode, landing: &Landing) -> Result<Arc<Node>, ShipError> {
        let ShippedNode { id, operator, elem, call_site, partitions, parents, kind } = shipped;
        let parents: Vec<Arc<Node>> = parents.into_iter().map(|id| landing.node(id)).collect::<Result<_, _>>()?;
        // SAFETY: here and in `ShippedKind::land`, the sender took the places from tables of these types.
        let elem = unsafe { landing.table::<ElemVt>(elem)? };
        Ok(Arc::new(Node {
            id,
            context: landing.context.clone(),
            operator: crate::capture::kept_text(&operator),
            elem,
            call_site,
            partitions,
            kind: kind.land(landing)?,
            lineage: RwLock::new(Lineage::Parents(Parents::new(parents))),
            // They say how the driver plans.
            partitioner: None,
            in_pieces: false,
            shuffle_into: None,
            cached: Mutex::new(None),
        }))
    }

    /// Takes note of what is known of it.
    pub(crate) fn land_state(state: ShippedState, landing: &Landing) -> Result<(), ShipError> {
        let ShippedState { id: Some(id), persisted, firsts, ranges, checkpoint } = state else { return Ok(()) };
        let node = landing.node(id)?;
        let persisted = match persisted {
            // SAFETY: the sender took the place from a table of this type.
            Some((vt, level)) => Some(Persisted { vt: unsafe { landing.table::<CacheVt>(vt)? }, level }),
            None => None,
        };
        node.set_cached(persisted);
        if let Some(checkpoint) = checkpoint
            && matches!(node.lineage(), Lineage::Parents(_))
        {
            node.cut(Arc::new(Checkpoint::land(checkpoint, landing)?));
        }
        // What is set already is the same.
        match &node.kind {
            Kind::Indexed { firsts: known, .. } => {
                let _ = firsts.map(|firsts| known.set(firsts));
            }
            Kind::Shuffled(shuffled) => {
                if let Some((vt, ranges)) = shuffled.sort.zip(ranges)
                    && shuffled.ranges.get().is_none()
                {
                    let _ = shuffled.ranges.set(ranges.land(vt)?);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Shuffled {
    fn ship(&self, out: &mut Shipper) -> Result<ShippedShuffled, ShipError> {
        let input = |ShuffleInput { shuffle, write, narrow, in_pieces }: &ShuffleInput, out: &mut Shipper| {
            let (write, narrow, in_pieces) = (out.table(*write)?, *narrow, *in_pieces);
            Ok(ShippedInput { shuffle: *shuffle, write, narrow, in_pieces })
        };
        Ok(ShippedShuffled {
            inputs: self.inputs.iter().map(|known| input(known, out)).collect::<Result<_, ShipError>>()?,
            read: out.table(self.read)?,
            closure: out.closure(&self.closure)?,
            sort: out.optional(self.sort)?,
            pieces: self.pieces,
            probe: out.optional(self.probe)?,
        })
    }
}

impl ShippedKind {
    fn land(self, landing: &Landing) -> Result<Kind, ShipError> {
        // SAFETY: the sender took the places from tables of these types (see `Node::ship`).
        unsafe {
            Ok(match self {
                ShippedKind::Source(source) => Kind::Source(source.land(landing)?),
                ShippedKind::Narrow { op, texts, closure } => Kind::Narrow {
                    op: landing.table::<OpVt>(op)?,
                    texts: texts.map(|texts| landing.function::<TextFn>(texts)).transpose()?,
                    closure: landing.closure(closure)?,
                },
                ShippedKind::Indexed { op } => {
                    Kind::Indexed { op: landing.table::<OpVt>(op)?, firsts: OnceLock::new() }
                }
                ShippedKind::Partitions { op, closure } => {
                    Kind::Partitions { op: landing.table::<PartitionsVt>(op)?, closure: landing.closure(closure)? }
                }
                ShippedKind::Union => Kind::Union,
                ShippedKind::Runs(runs) => Kind::Runs(runs),
                ShippedKind::Paired { op, closure } => {
                    Kind::Paired { op: landing.table::<PairVt>(op)?, closure: landing.closure(closure)? }
                }
                ShippedKind::Product { op } => Kind::Product { op: landing.table::<ProbeVt>(op)? },
                ShippedKind::Shuffled(shuffled) => Kind::Shuffled(Box::new(shuffled.land(landing)?)),
            })
        }
    }
}

impl ShippedShuffled {
    fn land(self, landing: &Landing) -> Result<Shuffled, ShipError> {
        let ShippedShuffled { inputs, read, closure, sort, pieces, probe } = self;
        // SAFETY: as in `ShippedKind::land`.
        unsafe {
            let input = |ShippedInput { shuffle, write, narrow, in_pieces }| {
                Ok(ShuffleInput { shuffle, write: landing.table::<WriteVt>(write)?, narrow, in_pieces })
            };
            Ok(Shuffled {
                inputs: inputs.into_iter().map(input).collect::<Result<_, ShipError>>()?,
                read: landing.table::<ReadVt>(read)?,
                closure: landing.closure(closure)?,
                sort: landing.optional::<SortVt>(sort)?,
                ranges: OnceLock::new(),
                kept: KeptRows::default(),
                pieces,
                probe: landing.optional::<ProbeVt>(probe)?,
            })
        }
    }
}

/// The nodes that computing `nodes` may need, and these, parents first. A walk in a loop: a lineage may be deep.
pub(crate) fn with_ancestors<'a>(nodes: impl IntoIterator<Item = &'a Arc<Node>>) -> Vec<Arc<Node>> {
    let mut order = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for node in nodes {
        // A node is met twice: before its parents and after them.
        let mut open = vec![(Arc::clone(node), false)];
        while let Some((at, after)) = open.pop() {
            if after {
                order.push(at);
            } else if seen.insert(at.id) {
                let parents = at.parents();
                open.push((at, true));
                open.extend(parents.iter().map(|parent| (Arc::clone(parent), false)));
            }
        }
    }
    order
}
