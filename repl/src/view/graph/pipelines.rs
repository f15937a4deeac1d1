//! The pipelines of a stage: chains of RDDs, broken where rows of several inputs meet or go several ways.

use super::fold::Groups;
use crate::view::Names;
use dpark::ids::RddId;
use dpark::status::{RddStatus, Snapshot, StageStatus};
use std::collections::{BTreeMap, BTreeSet};

/// Rows of a pipeline that are drawn; longer ones are folded in the middle.
const LONGEST: usize = 14;

/// A chain of RDDs.
pub(in crate::view) struct Pipeline {
    /// The first operator on top.
    pub(in crate::view) rows: Vec<Row>,
    /// The pipelines whose rows it takes, by their place in the stage, and how many RDDs each of them stands for.
    pub(in crate::view) parents: Vec<(usize, usize)>,
}

/// What stands in a line of a pipeline.
pub(in crate::view) enum Row {
    /// An RDD, or several that came about in the same way.
    Rdd {
        /// The operator that made it.
        operator: String,
        /// The variable that holds it.
        variable: Option<String>,
        /// Where the operator was called.
        site: String,
        /// Whether it is marked for the cache.
        is_cached: bool,
        /// Whether it has a checkpoint.
        has_checkpoint: bool,
        /// How many RDDs it stands for in each stage.
        count: usize,
    },
    /// So many operators are left out here.
    Folded(usize),
}

/// The pipelines, and the one of each RDD.
pub(super) struct Built {
    pub(super) pipelines: Vec<Pipeline>,
    pub(super) pipeline_of: BTreeMap<RddId, usize>,
}

/// RDDs of one group in a stage.
struct Spot<'a> {
    rdds: Vec<&'a RddStatus>,
    /// The groups of its narrow parents in the stage, and the most that one RDD has in each.
    parents: BTreeMap<usize, usize>,
}

impl Spot<'_> {
    fn reads_shuffle(&self) -> bool {
        self.rdds.iter().any(|rdd| rdd.info.parents.iter().any(|link| link.shuffle.is_some()))
    }
}

/// Builds the pipelines of stages that are drawn as one.
pub(super) fn build(snapshot: &Snapshot, members: &[&StageStatus], groups: &Groups, names: &Names) -> Built {
    let ids: BTreeSet<RddId> = members.iter().flat_map(|stage| stage.info.rdds.iter().copied()).collect();
    let rdds: Vec<&RddStatus> = ids.iter().filter_map(|rdd| snapshot.rdd(*rdd)).collect();
    let mut order: Vec<usize> = Vec::new();
    let mut spots: BTreeMap<usize, Spot<'_>> = BTreeMap::new();
    for rdd in rdds {
        let Some(group) = groups.get(&rdd.info.id) else { continue };
        let spot = spots.entry(*group).or_insert_with(|| {
            order.push(*group);
            Spot { rdds: Vec::new(), parents: BTreeMap::new() }
        });
        spot.rdds.push(rdd);
        let mut parents: BTreeMap<usize, BTreeSet<RddId>> = BTreeMap::new();
        let narrow = rdd.info.parents.iter().filter(|link| link.shuffle.is_none() && ids.contains(&link.parent));
        for parent in narrow.map(|link| link.parent) {
            if let Some(group) = groups.get(&parent) {
                parents.entry(*group).or_default().insert(parent);
            }
        }
        for (group, of_one) in parents {
            let most = spot.parents.entry(group).or_default();
            *most = of_one.len().max(*most);
        }
    }
    chain(&order, &spots, members.len(), names)
}

/// Joins a group to the pipeline of its parent where nothing meets or parts.
fn chain(order: &[usize], spots: &BTreeMap<usize, Spot<'_>>, members: usize, names: &Names) -> Built {
    let mut children: BTreeMap<usize, usize> = BTreeMap::new();
    spots.values().flat_map(|spot| spot.parents.keys()).for_each(|parent| *children.entry(*parent).or_default() += 1);
    let mut built = Built { pipelines: Vec::new(), pipeline_of: BTreeMap::new() };
    let mut place_of: BTreeMap<usize, usize> = BTreeMap::new();
    for group in order {
        let spot = &spots[group];
        let mut parents: Vec<(usize, usize, usize)> = spot
            .parents
            .iter()
            .filter_map(|(parent, count)| Some((*place_of.get(parent)?, *count, children[parent])))
            .collect();
        parents.sort_unstable();
        let place = match parents[..] {
            [(place, 1, 1)] if !spot.reads_shuffle() => place,
            _ => {
                let parents = parents.iter().map(|(place, count, _)| (*place, *count)).collect();
                built.pipelines.push(Pipeline { rows: Vec::new(), parents });
                built.pipelines.len() - 1
            }
        };
        built.pipelines[place].rows.push(row(spot, members, names));
        place_of.insert(*group, place);
        built.pipeline_of.extend(spot.rdds.iter().map(|rdd| (rdd.info.id, place)));
    }
    built.pipelines.iter_mut().for_each(|pipeline| fold(&mut pipeline.rows));
    built
}

fn row(spot: &Spot<'_>, members: usize, names: &Names) -> Row {
    let rdd = spot.rdds[0];
    Row::Rdd {
        operator: rdd.info.operator.clone(),
        variable: names.get(&rdd.info.id).cloned(),
        site: super::short_site(&rdd.info.call_site),
        is_cached: rdd.level.is_some(),
        has_checkpoint: rdd.checkpoint.is_some(),
        count: spot.rdds.len().div_ceil(members.max(1)),
    }
}

fn fold(rows: &mut Vec<Row>) {
    if rows.len() > LONGEST {
        let (above, below) = (LONGEST / 2, LONGEST / 2 - 1);
        let hidden = rows.len() - above - below;
        rows.splice(above..above + hidden, [Row::Folded(hidden)]);
    }
}
