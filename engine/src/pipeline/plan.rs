//! From a node of the lineage to a running pipeline for one of its partitions.

use super::{Pipeline, Source, Stage, State};
use crate::batch::{Batch, same_type};
use crate::closure::Closure;
use crate::error::Failure;
use crate::node::{Kind, Lineage, Node, SourceNode};
use crate::shuffle::read_partition;
use crate::storage::cached_partition;
use crate::task::{Stop, TaskContext};
use std::ops::Range;
use std::sync::Arc;

/// Starts the computation of a partition: walks up to the next source, cached RDD or shuffle.
pub(crate) fn open_partition(node: &Arc<Node>, partition: usize, task: &TaskContext) -> Result<Pipeline, Stop> {
    open(node, partition, task, CacheUse::Use)
}

/// The same for the node whose own partition is about to be cached.
pub(crate) fn open_uncached(node: &Arc<Node>, partition: usize, task: &TaskContext) -> Result<Pipeline, Stop> {
    open(node, partition, task, CacheUse::SkipOwn)
}

#[derive(PartialEq)]
enum CacheUse {
    Use,
    SkipOwn,
}

fn open(node: &Arc<Node>, mut partition: usize, task: &TaskContext, own: CacheUse) -> Result<Pipeline, Stop> {
    super::check_depth()?;
    let mut stages: Vec<Stage> = Vec::new();
    // The loop over borrowed texts of the stage added last, if it has one; the stage that the source has taken over.
    let (mut texts, mut fused) = (None, None);
    let mut at = Arc::clone(node);
    let source: Box<dyn Source> = loop {
        let skip = own == CacheUse::SkipOwn && Arc::ptr_eq(&at, node);
        if let (Some(cache), false) = (at.cached(), skip) {
            break cached_partition(&at, cache, partition);
        }
        let parents = match at.lineage() {
            Lineage::Parents(parents) => parents,
            Lineage::Checkpoint(checkpoint) => break checkpoint.open(partition, task)?,
        };
        match &at.kind {
            Kind::Source(source) => {
                let texts = texts.zip(stages.last()).map(|(texts, stage)| stage.texts(texts));
                if let Some(opened) = texts.and_then(|op| source.open_texts(partition, op, task)) {
                    fused = stages.pop();
                    break opened?;
                }
                break source.open(partition, task)?;
            }
            Kind::Narrow { op, texts: loop_over_texts, closure } => {
                texts = *loop_over_texts;
                let state = State::new(op.state, partition as u64);
                stages.push(Stage { op, closure: closure.for_task(task)?, state });
                at = Arc::clone(&parents[0]);
            }
            Kind::Indexed { op, firsts } => {
                let first = firsts.get().and_then(|firsts| firsts.get(partition)).copied();
                let first =
                    first.ok_or_else(|| Failure::Other(format!("the rows of RDD {} were not counted", at.id)))?;
                texts = None;
                stages.push(Stage { op, closure: Closure::none(), state: State::new(op.state, first) });
                at = Arc::clone(&parents[0]);
            }
            Kind::Partitions { op, closure } => {
                let upstream = open_partition(&parents[0], partition, task)?;
                break super::partitions::open(op, closure.for_task(task)?, upstream, partition, &at.context);
            }
            Kind::Union => {
                let part = Node::union_part(&parents, partition);
                let (parent, index) = part.ok_or_else(|| missing(&at, partition))?;
                at = Arc::clone(parent);
                partition = index;
            }
            Kind::Runs(runs) => {
                let run = runs.get(partition).cloned().ok_or_else(|| missing(&at, partition))?;
                if run.len() == 1 {
                    partition = run.start;
                    at = Arc::clone(&parents[0]);
                } else {
                    break Box::new(Run { parent: Arc::clone(&parents[0]), left: run, open: None });
                }
            }
            Kind::Paired { op, closure } => {
                let left = open_partition(&parents[0], partition, task)?;
                let right = open_partition(&parents[1], partition, task)?;
                break super::partitions::open_pair(op, closure.for_task(task)?, (left, right), partition, &at.context);
            }
            Kind::Product { op } => {
                let width = parents[1].partitions.max(1);
                let left = open_partition(&parents[0], partition / width, task)?;
                let right = open_partition(&parents[1], partition % width, task)?;
                break super::probe::product(&at, op, left, right)?;
            }
            Kind::Shuffled(shuffled) => break read_partition(&at, shuffled, &parents, partition, task)?,
            Kind::Failed(error) => return Err(Failure::Other(error.to_string()).into()),
        }
    };
    stages.reverse();
    let input = fused.map_or(at.elem, |stage: Stage| stage.op.out);
    let last = stages.last().map_or(input, |stage| stage.op.out);
    assert!(same_type(last, node.elem), "the operators of RDD {} do not fit together", node.id);
    Ok(Pipeline::new(source, input, stages, task))
}

/// Some partitions of an RDD, one after the other.
struct Run {
    parent: Arc<Node>,
    left: Range<usize>,
    open: Option<Pipeline>,
}

impl Source for Run {
    fn next_batch(&mut self, out: &mut Batch, task: &TaskContext) -> Result<bool, Stop> {
        loop {
            let open = match &mut self.open {
                Some(open) => open,
                None => match self.left.next() {
                    Some(partition) => self.open.insert(open_partition(&self.parent, partition, task)?),
                    None => return Ok(false),
                },
            };
            if open.next(out)? {
                return Ok(true);
            }
            self.open = None;
        }
    }
}

fn missing(node: &Node, partition: usize) -> Stop {
    Failure::Other(format!("RDD {} has no partition {partition}", node.id)).into()
}
