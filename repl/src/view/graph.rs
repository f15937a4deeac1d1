//! The stages of a job as a graph to be drawn: stages that read each other's shuffles, and in each the pipelines, chains of
//! RDDs that branch where an operator has several inputs. What came about in the same way is folded into one.

mod fold;
mod pipelines;
#[cfg(test)]
mod tests;

pub(super) use pipelines::{Pipeline, Row};

use super::Names;
use dpark::event::CallSite;
use dpark::ids::{JobId, RddId, ShuffleId, StageId};
use dpark::status::{Snapshot, StageState, StageStatus};
use std::collections::{BTreeMap, BTreeSet};
use std::mem::Discriminant;

/// Stages that are drawn; of longer jobs the last ones.
const MOST: usize = 40;

/// What is drawn of a job.
pub(super) struct Graph<'a> {
    /// Parents first.
    pub(super) stages: Vec<Stage<'a>>,
    /// How many stages before these are left out.
    pub(super) left_out: usize,
}

/// A stage, or several that are alike.
pub(super) struct Stage<'a> {
    /// Those that are drawn here, at least one.
    pub(super) members: Vec<&'a StageStatus>,
    /// Its chains of RDDs, parents first.
    pub(super) pipelines: Vec<Pipeline>,
    /// The shuffles it reads.
    pub(super) inputs: Vec<Input>,
}

/// A shuffle.
pub(super) struct Input {
    /// The stage that writes it, by its place in the graph.
    pub(super) stage: usize,
    /// The pipeline that reads it, by its place in the stage.
    pub(super) pipeline: usize,
    /// Bytes written to it, as far as known.
    pub(super) bytes: u64,
}

impl Stage<'_> {
    /// The first of the stages.
    pub(super) fn first(&self) -> &StageStatus {
        self.members[0]
    }

    /// A count, added up over the members.
    pub(super) fn sum(&self, count: impl Fn(&StageStatus) -> usize) -> usize {
        self.members.iter().map(|stage| count(stage)).sum()
    }
}

/// What stages have in common that are drawn as one.
#[derive(PartialEq)]
struct Likeness {
    /// The group of their last RDD, and of those that read their shuffle.
    last: Option<usize>,
    readers: BTreeSet<usize>,
    state: Discriminant<StageState>,
    /// The places of their parents in the graph.
    parents: BTreeSet<usize>,
}

/// The graph of a job; empty if there is no such job.
pub(super) fn graph<'a>(snapshot: &'a Snapshot, job: JobId, names: &Names) -> Graph<'a> {
    let all: Vec<&StageStatus> = snapshot.stages_of(job).collect();
    let rdds: BTreeSet<RddId> = all.iter().flat_map(|stage| stage.info.rdds.iter().copied()).collect();
    let groups = fold::groups(snapshot, &rdds, names);
    let readers = readers(snapshot, &rdds);
    let mut kinds: Vec<(Likeness, Vec<&StageStatus>)> = Vec::new();
    let mut place_of: BTreeMap<StageId, usize> = BTreeMap::new();
    for stage in all.iter().copied() {
        let read_by = stage.info.shuffle.and_then(|shuffle| readers.get(&shuffle)).into_iter().flatten();
        let likeness = Likeness {
            last: groups.get(&stage.info.rdd).copied(),
            readers: read_by.filter_map(|rdd| groups.get(rdd)).copied().collect(),
            state: std::mem::discriminant(&stage.state),
            parents: stage.info.parents.iter().filter_map(|parent| place_of.get(parent)).copied().collect(),
        };
        let place = kinds.iter().position(|(known, _)| *known == likeness).unwrap_or(kinds.len());
        match kinds.get_mut(place) {
            Some((_, members)) => members.push(stage),
            None => kinds.push((likeness, vec![stage])),
        }
        place_of.insert(stage.info.id, place);
    }
    let left_out = kinds.len().saturating_sub(MOST);
    let hidden = kinds.drain(..left_out).map(|(_, members)| members.len()).sum();
    let stages = kinds.into_iter().map(|(likeness, members)| {
        let built = pipelines::build(snapshot, &members, &groups, names);
        let shown = likeness.parents.iter().filter_map(|parent| parent.checked_sub(left_out));
        let inputs = shown.map(|parent| input(parent, left_out, &all, &place_of, &readers, &built));
        Stage { inputs: inputs.collect(), pipelines: built.pipelines, members }
    });
    Graph { stages: stages.collect(), left_out: hidden }
}

/// The RDDs of the job that read each shuffle.
fn readers(snapshot: &Snapshot, rdds: &BTreeSet<RddId>) -> BTreeMap<ShuffleId, Vec<RddId>> {
    let mut readers: BTreeMap<ShuffleId, Vec<RddId>> = BTreeMap::new();
    for rdd in rdds.iter().filter_map(|rdd| snapshot.rdd(*rdd)) {
        for shuffle in rdd.info.parents.iter().filter_map(|link| link.shuffle) {
            readers.entry(shuffle).or_default().push(rdd.info.id);
        }
    }
    readers
}

/// The shuffle that the stage at `parent` writes, as an input of the stage that was built.
fn input(
    parent: usize,
    left_out: usize,
    all: &[&StageStatus],
    place_of: &BTreeMap<StageId, usize>,
    readers: &BTreeMap<ShuffleId, Vec<RddId>>,
    built: &pipelines::Built,
) -> Input {
    let writers = || all.iter().filter(|stage| place_of.get(&stage.info.id) == Some(&(parent + left_out)));
    let shuffles = writers().filter_map(|stage| stage.info.shuffle);
    let mut reading = shuffles.filter_map(|shuffle| readers.get(&shuffle)).flatten();
    Input {
        stage: parent,
        pipeline: reading.find_map(|rdd| built.pipeline_of.get(rdd)).copied().unwrap_or(0),
        bytes: writers().map(|stage| stage.totals.shuffle_write_bytes).sum(),
    }
}

/// A call site where room is scarce: `cell 4:1`, `main.rs:12`.
pub(super) fn short_site(site: &CallSite) -> String {
    let file = site.file.rsplit('/').next().unwrap_or(&site.file);
    format!("{file}:{}", site.line)
}
