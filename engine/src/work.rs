//! The seam between scheduling and data: the scheduler decides which task runs where and when, a [`Work`] knows how to
//! compute it.

use crate::error::Failure;
use crate::event::{CallSite, StageInfo};
use crate::ids::{JobId, RddId, ShuffleId, StageId};
use crate::ship::Shipment;
use crate::task::{Stop, TaskContext};
use std::any::Any;
use std::ops::Range;

/// A job as the scheduler sees it: stages in topological order, the last one computes the result.
#[derive(Clone, Debug)]
pub struct JobSpec {
    /// The job's id.
    pub id: JobId,
    /// The action's name.
    pub name: String,
    /// Where the action was called.
    pub call_site: CallSite,
    /// The stages, parents before children; the last is the result stage.
    pub stages: Vec<StageSpec>,
    /// The shuffle whose map tasks need not compute their rows where the result task of the same partition ran: it kept them.
    pub keeps_rows_for: Option<ShuffleId>,
}

/// One stage of a job.
#[derive(Clone, Debug)]
pub struct StageSpec {
    /// Number of the stage, unique in the context.
    pub id: StageId,
    /// The RDD that the stage's tasks compute.
    pub rdd: RddId,
    /// What the stage's tasks leave behind: map outputs of a shuffle, or results.
    pub shuffle: Option<ShuffleId>,
    /// The partitions to compute, in ascending order: all of a map stage, those the action asks for of a result stage.
    pub partitions: Vec<usize>,
    /// The shuffles it reads.
    pub inputs: Vec<ShuffleId>,
    /// The persisted RDDs that its partitions begin with, the nearest first: where one of those is stored, a task has
    /// least to do.
    pub cached: Vec<CachedInput>,
    /// The static facts for the event stream (`info.tasks == partitions.len()`).
    pub info: StageInfo,
}

/// A persisted RDD that partitions of a stage begin with: the partition `p` of the stage, one of `partitions`, with the
/// partition `p - partitions.start` of `rdd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedInput {
    /// The RDD.
    pub rdd: RddId,
    /// Which partitions of the stage.
    pub partitions: Range<usize>,
}

/// What a task leaves.
pub enum TaskOutput {
    /// The map output was stored under its shuffle and map partition.
    MapOutput,
    /// The partition's result, type-erased; only the job's collector opens it.
    Value(Box<dyn Any + Send>),
}

/// How to compute the tasks of one job. Called on many threads at once.
pub trait Work: Send + Sync {
    /// Computes one partition of one stage (`stage` indexes [`JobSpec::stages`]). A panic is caught by the caller.
    fn run(&self, stage: usize, partition: usize, task: &TaskContext) -> Result<TaskOutput, Stop>;

    /// Packs the job for an executor in another process, or says why it cannot be sent.
    fn ship(&self, shipment: &mut Shipment) -> Result<(), Failure> {
        let _ = shipment;
        Err(Failure::Other("this job cannot be sent to other processes".to_owned()))
    }

    /// What a task in another process has sent, as if it had run here.
    fn receive(&self, stage: usize, reply: &[u8], task: &TaskContext) -> Result<TaskOutput, Failure> {
        let _ = (stage, reply, task);
        Err(Failure::Other("this job takes no results of other processes".to_owned()))
    }

    /// Told once for each partition of each stage that this job computed, after the attempt that counts: the place to
    /// merge its accumulator updates. Not told of failed or killed attempts, nor of a lost map output computed again.
    /// Called on the scheduler's own thread, so it must be quick; a panic fails the job.
    fn committed(&self, stage: usize, partition: usize, task: &TaskContext) {
        let _ = (stage, partition, task);
    }
}
