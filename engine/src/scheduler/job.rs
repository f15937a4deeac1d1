//! A running job: its stages, and the tasks of its result stage. Map stages belong to their shuffle, since jobs share
//! them.

use super::task_set::TaskSet;
use crate::error::{Error, FailedTask, Failure, TaskFailure};
use crate::event::CallSite;
use crate::ids::{JobId, ShuffleId, StageId};
use crate::work::{JobSpec, StageSpec};
use std::collections::{BTreeMap, BTreeSet};

/// The order in which jobs were submitted; earlier jobs go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Turn(pub(crate) u64);

/// What a stage of a job is at, as views show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Not needed: its outputs, or those of every stage that reads it, are there.
    Skipped,
    /// Needed; inputs are missing.
    Waiting,
    /// Its tasks may start.
    Running,
    /// All its outputs are there.
    Finished,
}

/// A stage of a job.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) id: StageId,
    name: String,
    call_site: CallSite,
    shuffle: Option<ShuffleId>,
    /// The shuffles it reads.
    pub(crate) inputs: Vec<ShuffleId>,
    pub(crate) phase: Phase,
}

/// A job that has not ended.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: JobId,
    pub(crate) stages: Vec<Stage>,
    /// The stage that writes a shuffle.
    pub(crate) writers: BTreeMap<ShuffleId, usize>,
    /// The stages that read a shuffle.
    pub(crate) readers: BTreeMap<ShuffleId, Vec<usize>>,
    /// The tasks of the result stage.
    pub(crate) results: TaskSet,
    /// The partitions of the result stage, by position.
    pub(crate) partitions: Vec<usize>,
    /// The shuffle for whose map tasks they keep rows.
    pub(crate) keeps_rows_for: Option<ShuffleId>,
}

impl Job {
    /// The job of a valid `spec`.
    pub(crate) fn new(spec: &JobSpec) -> Result<Job, Error> {
        let writers = validate(spec)?;
        let mut readers: BTreeMap<ShuffleId, Vec<usize>> = BTreeMap::new();
        for (index, stage) in spec.stages.iter().enumerate() {
            for input in &stage.inputs {
                readers.entry(*input).or_default().push(index);
            }
        }
        let partitions = spec.stages.last().map(|stage| stage.partitions.clone()).unwrap_or_default();
        Ok(Job {
            id: spec.id,
            stages: spec.stages.iter().map(Stage::new).collect(),
            writers,
            readers,
            results: TaskSet::new(partitions.len()),
            partitions,
            keeps_rows_for: spec.keeps_rows_for,
        })
    }

    /// Index of the result stage.
    pub(crate) fn result_stage(&self) -> usize {
        self.stages.len() - 1
    }

    /// The shuffle that a stage writes; none for the result stage.
    pub(crate) fn written_by(&self, stage: usize) -> Option<ShuffleId> {
        self.stages[stage].shuffle
    }

    /// Notes that `stage` reads `shuffle`, found out when it missed one of its outputs (a cached block that went, say).
    /// Whether this job can compute the shuffle.
    pub(crate) fn add_input(&mut self, stage: usize, shuffle: ShuffleId) -> bool {
        if self.stages[stage].inputs.contains(&shuffle) {
            return true;
        }
        let known = self.writers.get(&shuffle).is_some_and(|writer| *writer < stage);
        if known {
            self.stages[stage].inputs.push(shuffle);
            self.readers.entry(shuffle).or_default().push(stage);
        }
        known
    }

    /// The error of a job that fails because of a task of `stage`.
    pub(crate) fn failure(&self, stage: usize, partition: usize, attempts: u32, cause: Failure) -> Error {
        let stage = &self.stages[stage];
        Error::Task(FailedTask::from(TaskFailure {
            stage: stage.id,
            stage_name: stage.name.clone(),
            call_site: stage.call_site.clone(),
            partition,
            attempts,
            cause,
        }))
    }
}

impl Stage {
    fn new(spec: &StageSpec) -> Stage {
        let mut inputs = spec.inputs.clone();
        inputs.sort();
        inputs.dedup();
        Stage {
            id: spec.id,
            name: spec.info.name.clone(),
            call_site: spec.info.call_site.clone(),
            shuffle: spec.shuffle,
            inputs,
            phase: Phase::Skipped,
        }
    }
}

/// Checks that stages come in topological order, one per shuffle, map stages with all their partitions and a result
/// stage at the end; the writer of each shuffle.
fn validate(spec: &JobSpec) -> Result<BTreeMap<ShuffleId, usize>, Error> {
    let wrong = |what: String| Error::Invalid(format!("job {}: {what}", spec.id));
    let Some((result, _)) = spec.stages.split_last() else { return Err(wrong("it has no stages".to_owned())) };
    if result.shuffle.is_some() {
        return Err(wrong(format!("its last stage ({}) writes a shuffle", result.id)));
    }
    let mut writers = BTreeMap::new();
    for (index, stage) in spec.stages.iter().enumerate() {
        if let Some(input) = stage.inputs.iter().find(|input| !writers.contains_key(*input)) {
            return Err(wrong(format!("stage {} reads shuffle {input}, which no earlier stage writes", stage.id)));
        }
        let distinct: BTreeSet<usize> = stage.partitions.iter().copied().collect();
        if distinct.len() != stage.partitions.len() {
            return Err(wrong(format!("stage {} has a partition twice", stage.id)));
        }
        match stage.shuffle {
            Some(_) if distinct.last().is_some_and(|last| last + 1 != distinct.len()) => {
                return Err(wrong(format!("map stage {} does not have all its partitions", stage.id)));
            }
            Some(shuffle) if writers.insert(shuffle, index).is_some() => {
                return Err(wrong(format!("two stages write shuffle {shuffle}")));
            }
            None if index + 1 < spec.stages.len() => {
                return Err(wrong(format!("stage {} writes no shuffle, but is not the last", stage.id)));
            }
            Some(_) | None => {}
        }
    }
    Ok(writers)
}
