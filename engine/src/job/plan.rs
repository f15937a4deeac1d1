//! Cutting a lineage into stages. All walks are loops: a lineage may be tens of thousands of RDDs deep.

use crate::error::Result;
use crate::ids::{RddId, ShuffleId};
use crate::node::{Kind, Lineage, Node};
use crate::storage::Pins;
use std::collections::HashSet;
use std::sync::Arc;

/// The stages of a job in topological order, the result stage last.
pub(super) struct Plan {
    pub(super) stages: Vec<PlannedStage>,
    /// Fully cached RDDs, below which no stage runs; their blocks stay readable as long as the job does.
    _pins: Vec<Pins>,
}

pub(super) struct PlannedStage {
    /// The RDD whose partitions the tasks compute.
    pub(super) node: Arc<Node>,
    pub(super) target: Target,
    /// The RDDs pipelined in the stage, parents first.
    pub(super) rdds: Vec<RddId>,
    /// The shuffles it reads.
    pub(super) inputs: Vec<ShuffleId>,
    /// An RDD in it that needs to know how many rows are in the partitions before each: of several the one farthest up.
    uncounted: Option<Arc<Node>>,
}

/// What becomes of a stage's rows.
pub(super) enum Target {
    /// Map outputs for input `input` of the shuffled RDD `node`.
    Map { node: Arc<Node>, input: usize },
    /// The action's result.
    Result,
}

impl PlannedStage {
    /// A stage that another process has planned: what its tasks need to know.
    pub(super) fn arrived(node: Arc<Node>, target: Target) -> PlannedStage {
        PlannedStage { node, target, rdds: Vec::new(), inputs: Vec::new(), uncounted: None }
    }
}

impl Target {
    pub(super) fn shuffle(&self) -> Option<ShuffleId> {
        match self {
            Target::Map { node, input } => Some(node.shuffled()?.inputs.get(*input)?.shuffle),
            Target::Result => None,
        }
    }
}

impl Plan {
    /// The stages of a job that another process has planned.
    pub(super) fn arrived(stages: Vec<PlannedStage>) -> Plan {
        Plan { stages, _pins: Vec::new() }
    }

    /// The RDD whose partitions the result stage computes.
    pub(super) fn result(&self) -> Option<&Arc<Node>> {
        self.stages.last().map(|stage| &stage.node)
    }

    /// The RDDs that the stages name. Each is named, whatever has become of the lineage between them since it was planned: a
    /// checkpoint cuts it, and the stages before it run all the same.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.stages
            .iter()
            .flat_map(|stage| match &stage.target {
                Target::Map { node, .. } => [Some(&stage.node), Some(node)],
                Target::Result => [Some(&stage.node), None],
            })
            .flatten()
    }

    /// The first RDD whose parent's rows are not counted and have to be.
    pub(super) fn uncounted(&self) -> Option<Arc<Node>> {
        self.stages.iter().find_map(|stage| stage.uncounted.clone())
    }

    /// The first sort whose ranges are not known.
    pub(super) fn unprepared_sort(&self) -> Option<Arc<Node>> {
        self.stages.iter().find_map(|stage| match &stage.target {
            Target::Map { node, .. } => {
                let shuffled = node.shuffled()?;
                (shuffled.sort.is_some() && shuffled.ranges.get().is_none()).then(|| Arc::clone(node))
            }
            Target::Result => None,
        })
    }
}

/// Cuts the lineage of `node` into stages.
pub(super) fn plan(node: &Arc<Node>) -> Result<Plan> {
    let mut pins = Vec::new();
    let mut stages = Vec::new();
    let mut planned = HashSet::new();
    // Depth first: a stage is finished when the map stages it reads are.
    let mut open = vec![Walk::new(node, Target::Result, &mut pins)?];
    while let Some(walk) = open.last_mut() {
        match walk.shuffles.pop() {
            Some(MapSide { node, input, parent }) => {
                let target = Target::Map { node, input };
                // A map side without partitions has no outputs to wait for.
                if parent.partitions > 0 && target.shuffle().is_some_and(|shuffle| planned.insert(shuffle)) {
                    let walk = Walk::new(&parent, target, &mut pins)?;
                    open.push(walk);
                }
            }
            None => stages.extend(open.pop().map(|walk| walk.stage)),
        }
    }
    Ok(Plan { stages, _pins: pins })
}

/// A stage whose inputs are being planned.
struct Walk {
    stage: PlannedStage,
    /// Map sides not planned yet, the first one last.
    shuffles: Vec<MapSide>,
}

/// Input `input` of the shuffled RDD `node`, whose rows are those of `parent`.
struct MapSide {
    node: Arc<Node>,
    input: usize,
    parent: Arc<Node>,
}

impl Walk {
    /// Finds the RDDs pipelined into `node` and the map sides they read.
    fn new(node: &Arc<Node>, target: Target, pins: &mut Vec<Pins>) -> Result<Walk> {
        let mut rdds = Vec::new();
        let mut shuffles = Vec::new();
        let mut inputs = Vec::new();
        let mut uncounted = None;
        let mut seen = HashSet::new();
        let mut to_visit = vec![Arc::clone(node)];
        while let Some(at) = to_visit.pop() {
            if !seen.insert(at.id) {
                continue;
            }
            rdds.push(at.id);
            if at.cached().is_some()
                && let Some(pin) = at.context.arc().cache.pin(at.id, at.partitions)
            {
                pins.push(pin);
                continue;
            }
            let parents = match at.lineage() {
                Lineage::Parents(parents) => parents,
                Lineage::Checkpoint(_) => continue,
            };
            match &at.kind {
                Kind::Failed(error) => return Err(error.clone()),
                Kind::Source(_) => {}
                Kind::Indexed { firsts, .. } => {
                    if firsts.get().is_none() {
                        uncounted = Some(Arc::clone(&at));
                    }
                    to_visit.extend(parents.iter().map(Arc::clone));
                }
                Kind::Narrow { .. }
                | Kind::Partitions { .. }
                | Kind::Union
                | Kind::Runs(_)
                | Kind::Paired { .. }
                | Kind::Product { .. } => to_visit.extend(parents.iter().rev().map(Arc::clone)),
                Kind::Shuffled(shuffled) => {
                    for (i, input) in shuffled.inputs.iter().enumerate() {
                        let parent = Arc::clone(&parents[i]);
                        if input.narrow {
                            to_visit.push(parent);
                            continue;
                        }
                        if parent.partitions > 0 {
                            inputs.push(input.shuffle);
                        }
                        shuffles.push(MapSide { node: Arc::clone(&at), input: i, parent });
                    }
                }
            }
        }
        rdds.reverse();
        shuffles.reverse();
        Ok(Walk { stage: PlannedStage { node: Arc::clone(node), target, rdds, inputs, uncounted }, shuffles })
    }
}
