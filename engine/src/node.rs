//! The lineage: one non-generic node for each RDD, with its operator as a table of monomorphised loops.

mod shipped;

pub(crate) use shipped::{ShippedNode, ShippedState, with_ancestors};

use crate::batch::ElemVt;
use crate::closure::Closure;
use crate::context::ContextHandle;
use crate::error::Error;
use crate::event::{CallSite, Event, ParentLink, RddInfo};
use crate::handle::handle;
use crate::ids::{RddId, ShuffleId};
use crate::partitioner::Partitioner;
use crate::pipeline::{OpVt, PairVt, PartitionsVt, ProbeVt, Source, TextFn, TextOp};
use crate::ship::{ShipError, Shipper};
use crate::shuffle::{KeptRows, PartNeed, ReadVt, WriteVt};
use crate::sort::{Ranges, SortVt};
use crate::source::ShippedSource;
use crate::storage::{Checkpoint, Persisted};
use crate::task::{Stop, TaskContext};
use std::ops::Range;
use std::panic::Location;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

handle! {
    /// What an [`crate::Rdd`] is: a shared reference to a node of the lineage.
    pub struct RddHandle(Node);
}

/// One RDD.
pub(crate) struct Node {
    pub(crate) id: RddId,
    pub(crate) context: ContextHandle,
    pub(crate) operator: &'static str,
    pub(crate) elem: &'static ElemVt,
    pub(crate) call_site: CallSite,
    pub(crate) partitions: usize,
    pub(crate) kind: Kind,
    /// How its rows are spread over the partitions, if that is known.
    pub(crate) partitioner: Option<Partitioner>,
    /// The rows of each partition come piece by piece of their keys (see `shuffle`).
    pub(crate) in_pieces: bool,
    /// The number of partitions that the next shuffle makes, if it was asked for.
    pub(crate) shuffle_into: Option<usize>,
    lineage: RwLock<Lineage>,
    /// How to cache its rows; none while it is not marked.
    cached: Mutex<Option<Persisted>>,
}

/// Where a node's rows come from. Whoever walks up takes a copy, since a checkpoint may cut the lineage at any time.
#[derive(Clone)]
pub(crate) enum Lineage {
    /// From its parents, in the operator's order.
    Parents(Parents),
    /// From files; the parents were let go.
    Checkpoint(Arc<Checkpoint>),
}

/// The parents of a node.
pub(crate) type Parents = Arc<Vec<Arc<Node>>>;

/// How the rows of a node come to be.
pub(crate) enum Kind {
    /// From outside.
    Source(Box<dyn SourceNode>),
    /// Row by row from the same partition of the parent; `texts` is the same loop over lines where a text file's reader has
    /// them.
    Narrow { op: &'static OpVt, texts: Option<TextFn>, closure: Closure },
    /// As `Narrow`, by operators whose state begins with the index, in the whole RDD, of the partition's first row.
    /// These indices are found by a job of its own before the first use.
    Indexed { op: &'static OpVt, firsts: OnceLock<Vec<u64>> },
    /// From an iterator over the same partition of the parent.
    Partitions { op: &'static PartitionsVt, closure: Closure },
    /// The partitions of all parents, one after the other.
    Union,
    /// Each partition is a run of the parent's, one after the other.
    Runs(Vec<Range<usize>>),
    /// From iterators over the same partition of two parents.
    Paired { op: &'static PairVt, closure: Closure },
    /// Every partition of the first parent with every one of the second.
    Product { op: &'static ProbeVt },
    /// From map outputs.
    Shuffled(Box<Shuffled>),
    /// It could not be made; the first action tells why.
    Failed(Error),
}

/// A source of rows.
pub(crate) trait SourceNode: Send + Sync {
    /// Starts to read a partition.
    fn open(&self, partition: usize, task: &TaskContext) -> Result<Box<dyn Source>, Stop>;

    /// What has to be fetched before a partition is read; none if that is nothing.
    fn need(&self, partition: usize) -> Option<PartNeed> {
        let _ = partition;
        None
    }

    /// The source as it travels.
    fn ship(&self, out: &mut Shipper) -> Result<ShippedSource, ShipError>;

    /// Starts to read a partition of texts for an operator that takes them where they are; none if this is no such source.
    fn open_texts(&self, partition: usize, op: TextOp, task: &TaskContext) -> Option<Result<Box<dyn Source>, Stop>> {
        let _ = (partition, op, task);
        None
    }
}

/// The reduce side of one shuffle (or of two, for `join`), with the map sides that feed it.
pub(crate) struct Shuffled {
    /// One for each parent.
    pub(crate) inputs: Vec<ShuffleInput>,
    pub(crate) read: &'static ReadVt,
    pub(crate) closure: Closure,
    /// Set for `sort_by`: how to order the rows.
    pub(crate) sort: Option<&'static SortVt>,
    /// For `sort_by`: which keys go where, found by a job of its own before the first use.
    pub(crate) ranges: OnceLock<Ranges>,
    /// For `sort_by`: the rows that were computed to find that, until the map side takes them.
    pub(crate) kept: KeptRows,
    /// The pieces in which each partition is worked off; a power of two.
    pub(crate) pieces: usize,
    /// Set for joins: how rows of the first input meet the table made of the second.
    pub(crate) probe: Option<&'static ProbeVt>,
}

impl Shuffled {
    /// Whether partitions are worked off piece by piece: a join cannot if an input that is read where it is does not come so.
    pub(crate) fn is_in_pieces(&self) -> bool {
        self.probe.is_none() || self.inputs.iter().all(|input| !input.narrow || input.in_pieces)
    }
}

/// The map side of a shuffle.
pub(crate) struct ShuffleInput {
    pub(crate) shuffle: ShuffleId,
    pub(crate) write: &'static WriteVt,
    /// The parent is partitioned as the result is: its rows are read where they are, nothing is shuffled.
    pub(crate) narrow: bool,
    /// Such a parent's rows come piece by piece, so that they need not be read all at once.
    pub(crate) in_pieces: bool,
}

/// What a new node needs.
pub(crate) struct NewNode<'a> {
    pub(crate) operator: &'static str,
    pub(crate) elem: &'static ElemVt,
    pub(crate) partitions: usize,
    pub(crate) parents: Vec<Arc<Node>>,
    pub(crate) kind: Kind,
    pub(crate) location: &'a Location<'a>,
}

/// What is known of how a new node's rows are spread.
#[derive(Default)]
pub(crate) struct Spread {
    pub(crate) partitioner: Option<Partitioner>,
    pub(crate) in_pieces: bool,
    pub(crate) shuffle_into: Option<usize>,
}

impl Node {
    /// Adds a node to the lineage and announces it.
    pub(crate) fn create(context: &ContextHandle, new: NewNode<'_>) -> RddHandle {
        Node::create_spread(context, new, Spread::default())
    }

    /// The same for a node of which is known how its rows are spread.
    pub(crate) fn create_spread(context: &ContextHandle, new: NewNode<'_>, spread: Spread) -> RddHandle {
        let NewNode { operator, elem, partitions, parents, kind, location } = new;
        crate::known::register(elem);
        // A shuffle does not look at a parent without partitions, and would take one that failed for an empty one.
        let partitions = if let Kind::Failed(_) = kind { partitions.max(1) } else { partitions };
        let id = context.arc().next_rdd_id();
        let call_site = call_site(location);
        let shuffle = |i: usize| match &kind {
            Kind::Shuffled(shuffled) => {
                Some(&shuffled.inputs[i]).filter(|input| !input.narrow).map(|input| input.shuffle)
            }
            _ => None,
        };
        let links = parents.iter().enumerate();
        let info = RddInfo {
            id,
            operator: operator.to_owned(),
            element: short_type_name((elem.name)()),
            partitions,
            call_site: call_site.clone(),
            parents: links.map(|(i, parent)| ParentLink { parent: parent.id, shuffle: shuffle(i) }).collect(),
        };
        context.arc().bus.emit(Event::RddCreated(info));
        let cached = Mutex::new(None);
        let lineage = RwLock::new(Lineage::Parents(Arc::new(parents)));
        let context = context.clone();
        let Spread { partitioner, in_pieces, shuffle_into } = spread;
        let node = Node {
            id,
            context,
            operator,
            elem,
            call_site,
            partitions,
            kind,
            lineage,
            partitioner,
            in_pieces,
            shuffle_into,
            cached,
        };
        RddHandle::wrap(Arc::new(node))
    }

    /// How to cache the rows, if `persist` was called.
    pub(crate) fn cached(&self) -> Option<Persisted> {
        *self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks or unmarks the node; returns how it was marked before.
    pub(crate) fn set_cached(&self, persisted: Option<Persisted>) -> Option<Persisted> {
        std::mem::replace(&mut *self.cached.lock().unwrap_or_else(PoisonError::into_inner), persisted)
    }

    /// Where the rows come from now.
    pub(crate) fn lineage(&self) -> Lineage {
        self.lineage.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The parents; none if the lineage was cut.
    pub(crate) fn parents(&self) -> Parents {
        match self.lineage() {
            Lineage::Parents(parents) => parents,
            Lineage::Checkpoint(_) => Parents::default(),
        }
    }

    /// Cuts the lineage: from now on the rows are read from `checkpoint`, and the parents go, with the map outputs that
    /// were made from them.
    pub(crate) fn cut(&self, checkpoint: Arc<Checkpoint>) {
        let cut = self.set_lineage(Lineage::Checkpoint(checkpoint));
        self.forget_shuffles();
        release(cut);
    }

    fn set_lineage(&self, lineage: Lineage) -> Lineage {
        std::mem::replace(&mut *self.lineage.write().unwrap_or_else(PoisonError::into_inner), lineage)
    }

    /// Frees the map outputs that only this node reads.
    fn forget_shuffles(&self) {
        let context = self.context.arc();
        let inputs = self.shuffled().map_or(&[][..], |shuffled| &shuffled.inputs);
        for input in inputs.iter().filter(|input| !input.narrow) {
            context.shuffles.remove(input.shuffle);
            context.scheduler.forget_shuffle(input.shuffle);
        }
    }

    /// The parent and its partition that make up a partition of a union.
    pub(crate) fn union_part(parents: &[Arc<Node>], mut partition: usize) -> Option<(&Arc<Node>, usize)> {
        for parent in parents {
            if partition < parent.partitions {
                return Some((parent, partition));
            }
            partition -= parent.partitions;
        }
        None
    }

    pub(crate) fn shuffled(&self) -> Option<&Shuffled> {
        match &self.kind {
            Kind::Shuffled(shuffled) => Some(shuffled),
            _ => None,
        }
    }
}

impl Drop for Node {
    /// Frees blocks and map outputs; parents go one after the other, since a recursive drop of a long lineage would
    /// overflow the stack.
    fn drop(&mut self) {
        self.forget_shuffles();
        let context = self.context.arc();
        context.cache.remove_rdd(self.id);
        context.scheduler.forget_rdd(self.id);
        context.bus.emit(Event::RddDropped { rdd: self.id });
        release(self.set_lineage(Lineage::Parents(Parents::default())));
    }
}

/// Lets go of the parents that nobody else holds, and of theirs, one after the other.
fn release(lineage: Lineage) {
    let parents = |lineage| match lineage {
        Lineage::Parents(parents) => Arc::into_inner(parents).unwrap_or_default(),
        Lineage::Checkpoint(_) => Vec::new(),
    };
    let mut orphans = parents(lineage);
    while let Some(parent) = orphans.pop() {
        if let Some(node) = Arc::into_inner(parent) {
            orphans.append(&mut parents(node.set_lineage(Lineage::Parents(Parents::default()))));
        }
    }
}

impl RddHandle {
    /// An RDD that applies `op` to every row of `self`.
    #[inline(never)]
    #[track_caller]
    pub fn narrow(&self, op: &'static OpVt, closure: Closure) -> RddHandle {
        self.child(op.name, op.out, Kind::Narrow { op, texts: None, closure }, Spread::default())
    }

    /// The same for an operator on texts that has a loop over borrowed ones.
    #[inline(never)]
    #[track_caller]
    pub fn narrow_texts(&self, op: &'static OpVt, texts: TextFn, closure: Closure) -> RddHandle {
        let kind = Kind::Narrow { op, texts: Some(texts), closure };
        self.child(op.name, op.out, kind, Spread::default())
    }

    /// The same for an operator that leaves the keys of pairs as they are: the partitioner is kept.
    #[inline(never)]
    #[track_caller]
    pub fn narrow_keeping_keys(&self, op: &'static OpVt, closure: Closure) -> RddHandle {
        self.child(op.name, op.out, Kind::Narrow { op, texts: None, closure }, self.same_keys())
    }

    /// An RDD that applies `op`, which needs to know how many rows are in the partitions before.
    #[inline(never)]
    #[track_caller]
    pub fn indexed(&self, op: &'static OpVt) -> RddHandle {
        self.child(op.name, op.out, Kind::Indexed { op, firsts: OnceLock::new() }, Spread::default())
    }

    /// An RDD that applies `op` to an iterator over every partition of `self`.
    #[inline(never)]
    #[track_caller]
    pub fn partitions(&self, op: &'static PartitionsVt, closure: Closure) -> RddHandle {
        self.child(op.name, op.out, Kind::Partitions { op, closure }, Spread::default())
    }

    /// What is known of an RDD that has the keys of `self` in the same partitions and in the same order.
    fn same_keys(&self) -> Spread {
        Spread { partitioner: self.arc().partitioner, in_pieces: self.arc().in_pieces, shuffle_into: None }
    }

    #[track_caller]
    fn child(&self, operator: &'static str, elem: &'static ElemVt, kind: Kind, spread: Spread) -> RddHandle {
        let parent = self.arc();
        let new = NewNode {
            operator,
            elem,
            partitions: parent.partitions,
            parents: vec![Arc::clone(parent)],
            kind,
            location: Location::caller(),
        };
        // What was asked for holds until a shuffle, so that operators made of several keep it.
        let spread = Spread { shuffle_into: spread.shuffle_into.or(parent.shuffle_into), ..spread };
        Node::create_spread(&parent.context, new, spread)
    }

    /// An RDD whose partitions are runs of those of `self`.
    #[inline(never)]
    #[track_caller]
    pub(crate) fn runs(&self, operator: &'static str, runs: Vec<Range<usize>>) -> RddHandle {
        let parent = self.arc();
        let new = NewNode {
            operator,
            elem: parent.elem,
            partitions: runs.len(),
            parents: vec![Arc::clone(parent)],
            kind: Kind::Runs(runs),
            location: Location::caller(),
        };
        Node::create(&parent.context, new)
    }

    /// An RDD that applies `op` to iterators over the same partition of `self` and `other`.
    #[inline(never)]
    #[track_caller]
    pub(crate) fn paired(&self, other: &RddHandle, op: &'static PairVt, closure: Closure) -> RddHandle {
        let (left, right) = (self.arc(), other.arc());
        if left.partitions != right.partitions {
            let (a, b) = (left.partitions, right.partitions);
            let problem =
                format!("one RDD has {a} partitions, the other one {b}; `coalesce` or `repartition` one of them");
            return self.failed(op.name, op.out, &problem);
        }
        let kind = Kind::Paired { op, closure };
        self.of_two(other, op.name, op.out, left.partitions, kind)
    }

    /// An RDD of every row of `self` with every row of `other`.
    #[inline(never)]
    #[track_caller]
    pub(crate) fn product(&self, other: &RddHandle, op: &'static ProbeVt) -> RddHandle {
        let partitions = self.arc().partitions * other.arc().partitions;
        self.of_two(other, op.name, op.out, partitions, Kind::Product { op })
    }

    #[track_caller]
    fn of_two(
        &self,
        other: &RddHandle,
        operator: &'static str,
        elem: &'static ElemVt,
        partitions: usize,
        kind: Kind,
    ) -> RddHandle {
        let parents = vec![Arc::clone(self.arc()), Arc::clone(other.arc())];
        let new = NewNode { operator, elem, partitions, parents, kind, location: Location::caller() };
        Node::create(&self.arc().context, new)
    }

    /// The same rows; the next shuffle makes `n` partitions.
    #[inline(never)]
    #[track_caller]
    pub(crate) fn shuffle_into(&self, n: usize) -> RddHandle {
        if n == 0 {
            return self.failed("shuffle_into", self.arc().elem, "a shuffle makes at least one partition");
        }
        let spread = Spread { shuffle_into: Some(n), ..self.same_keys() };
        self.child("shuffle_into", self.arc().elem, Kind::Union, spread)
    }

    /// An RDD that could not be made: the operator was applied to something that makes no sense for it. The first action
    /// says why.
    #[inline(never)]
    #[track_caller]
    pub(crate) fn failed(&self, operator: &'static str, elem: &'static ElemVt, problem: &str) -> RddHandle {
        let kind = Kind::Failed(Error::Invalid(format!("{operator}: {problem}")));
        self.child(operator, elem, kind, Spread::default())
    }
}

/// The call site of the caller of a `#[track_caller]` function.
#[inline(never)]
pub(crate) fn call_site(location: &Location<'_>) -> CallSite {
    CallSite::of(location)
}

/// A type's name without module paths: `(String, Vec<i64>)`.
pub(crate) fn short_type_name(name: &str) -> String {
    let mut short = String::with_capacity(name.len());
    let mut word = 0;
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        if c == ':' && chars.peek() == Some(&':') {
            chars.next();
            short.truncate(word);
        } else {
            short.push(c);
            if !(c.is_alphanumeric() || c == '_') {
                word = short.len();
            }
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::short_type_name;

    #[test]
    fn type_names_lose_their_paths() {
        let name = std::any::type_name::<(String, Vec<Option<i64>>, std::collections::HashMap<u8, &str>)>();
        assert_eq!(short_type_name(name), "(String, Vec<Option<i64>>, HashMap<u8, &str>)");
    }
}
