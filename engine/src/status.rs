//! The read model of the event stream: what `:jobs`, `:stages`, `:cache`, progress and the web UI show.
//!
//! [`StatusStore::apply`] takes in one event; [`StatusStore::snapshot`] gives plain data from which views are drawn. The
//! store forgets old jobs, their attempts first, and dropped RDDs that no job refers to any more, so it stays small.

mod attempts;
mod store;
#[cfg(test)]
mod tests;

pub use attempts::{AttemptEnd, AttemptStatus, Attempts};
pub use store::StatusStore;

use crate::event::{CallSite, JobEnd, RddInfo, StageInfo};
use crate::ids::{ExecutorId, JobId, RddId, StageId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All that is known at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The jobs, oldest first.
    pub jobs: Vec<JobStatus>,
    /// The stages of those jobs.
    pub stages: BTreeMap<StageId, StageStatus>,
    /// The RDDs that are alive, or that those jobs computed, by number.
    pub rdds: Vec<RddStatus>,
    /// The executors in other processes, by number; also some that are gone.
    pub executors: Vec<ExecutorStatus>,
    /// The disks of the work directory that could not take a file, and why.
    pub skipped_disks: BTreeMap<String, String>,
}

impl Snapshot {
    /// A job.
    pub fn job(&self, job: JobId) -> Option<&JobStatus> {
        self.jobs.iter().find(|status| status.id == job)
    }

    /// The stages of a job, parents first.
    pub fn stages_of(&self, job: JobId) -> impl Iterator<Item = &StageStatus> {
        self.job(job).into_iter().flat_map(|job| &job.stages).filter_map(|stage| self.stages.get(stage))
    }

    /// An RDD.
    pub fn rdd(&self, rdd: RddId) -> Option<&RddStatus> {
        self.rdds.binary_search_by_key(&rdd, |status| status.info.id).ok().map(|index| &self.rdds[index])
    }
}

/// An action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobStatus {
    /// Its id.
    pub id: JobId,
    /// The action: `collect`, `count`…
    pub name: String,
    /// Where it was called.
    pub call_site: CallSite,
    /// What it is at.
    pub state: JobState,
    /// Its stages, parents first.
    pub stages: Vec<StageId>,
    /// When it began, in microseconds since the context was made.
    pub started: u64,
}

/// What a job is at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobState {
    /// It runs.
    Running,
    /// It has ended.
    Ended {
        /// How.
        end: JobEnd,
        /// When.
        at: u64,
    },
}

impl JobStatus {
    /// How long it ran, in microseconds; up to `now` if it still runs.
    pub fn duration(&self, now: u64) -> u64 {
        match self.state {
            JobState::Running => now.saturating_sub(self.started),
            JobState::Ended { at, .. } => at.saturating_sub(self.started),
        }
    }
}

/// A stage of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageStatus {
    /// The static facts: name, call site, parents, RDDs, number of tasks.
    pub info: StageInfo,
    /// What it is at.
    pub state: StageState,
    /// Tasks whose output is there. The tasks of a stage that two jobs share are counted at the job that runs them, until
    /// the stage is finished.
    pub done: usize,
    /// Attempts that run now.
    pub running: usize,
    /// Attempts that failed.
    pub failed: usize,
    /// Second copies of attempts that were slow.
    pub copies: usize,
    /// The last failure's text.
    pub last_failure: Option<String>,
    /// What the successful attempts measured, added up; lost outputs that were computed again included.
    pub totals: Totals,
    /// The attempts that have ended, each with its time and place; none of a job that ended long ago.
    pub attempts: Attempts,
}

/// What a stage is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StageState {
    /// Its inputs are not there yet.
    Waiting,
    /// Its tasks may run.
    Running {
        /// Since when, in microseconds since the context was made.
        started: u64,
    },
    /// All its outputs are there.
    Finished {
        /// When it began.
        started: u64,
        /// When it ended.
        at: u64,
    },
    /// Its job failed because of it, or was stopped while it ran.
    Stopped {
        /// When it began.
        started: u64,
        /// When it ended.
        at: u64,
        /// Why.
        why: Stopped,
    },
    /// It was not needed: its outputs were there, or its job ended before.
    Skipped,
}

/// Why a stage ended without all its outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stopped {
    /// Its job failed.
    Failed,
    /// Its job was cancelled.
    Cancelled,
}

impl StageStatus {
    /// How long it ran, in microseconds; up to `now` if it still runs, none if it never did.
    pub fn duration(&self, now: u64) -> Option<u64> {
        match self.state {
            StageState::Waiting | StageState::Skipped => None,
            StageState::Running { started } => Some(now.saturating_sub(started)),
            StageState::Finished { started, at } | StageState::Stopped { started, at, .. } => {
                Some(at.saturating_sub(started))
            }
        }
    }
}

/// Measures added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Rows that reached the end of the stage.
    pub rows: u64,
    /// Bytes of map output written.
    pub shuffle_write_bytes: u64,
    /// Bytes of map output read.
    pub shuffle_read_bytes: u64,
    /// Bytes read from files.
    pub input_bytes: u64,
    /// Run time of all tasks together, in microseconds.
    pub run_micros: u64,
    /// Bad records that were left out (`--err`).
    pub bad_records: u64,
}

/// An RDD.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RddStatus {
    /// The static facts: operator, element type, partitions, call site, parents.
    pub info: RddInfo,
    /// Whether a handle of it exists.
    pub life: RddLife,
    /// The storage level, if it is marked for the cache.
    pub level: Option<String>,
    /// The partitions in the cache, and who holds a block of each.
    pub cached: BTreeMap<usize, BTreeMap<ExecutorId, CachedBlock>>,
    /// The partitions that could not be written to disk, and what the system said.
    pub not_stored: BTreeMap<usize, String>,
    /// The directory of its checkpoint, if its lineage was cut.
    pub checkpoint: Option<String>,
    /// The bad records that its tasks have left out last, by operator (`--err`): what was wrong with one of them.
    pub skipped: BTreeMap<String, String>,
}

/// Whether a handle of an RDD exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RddLife {
    /// One does.
    Alive,
    /// None does; it is only listed because a job computed it.
    Dropped,
}

/// An executor in another process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutorStatus {
    /// Its number.
    pub id: ExecutorId,
    /// Its process.
    pub pid: u32,
    /// How many tasks it runs at once.
    pub slots: usize,
    /// The bytes of memory that its process has for itself, as it told last.
    pub memory: u64,
    /// Whether it gets no tasks for a while, since too much has failed there.
    pub excluded: bool,
    /// Why it is gone, if it is.
    pub lost: Option<String>,
    /// Attempts that run now.
    pub running: usize,
    /// Attempts that succeeded.
    pub done: usize,
    /// Attempts that failed.
    pub failed: usize,
    /// What the successful attempts measured, added up.
    pub totals: Totals,
}

/// A cached partition on one executor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedBlock {
    /// Bytes held in memory.
    pub memory: u64,
    /// Bytes held on disk.
    pub disk: u64,
}

impl RddStatus {
    /// Bytes in memory, on all executors.
    pub fn memory(&self) -> u64 {
        self.blocks().map(|(_, block)| block.memory).sum()
    }

    /// Bytes on disk, on all executors.
    pub fn disk(&self) -> u64 {
        self.blocks().map(|(_, block)| block.disk).sum()
    }

    /// How many blocks each executor holds.
    pub fn holders(&self) -> BTreeMap<ExecutorId, usize> {
        let mut holders = BTreeMap::new();
        self.blocks().for_each(|(executor, _)| *holders.entry(*executor).or_default() += 1);
        holders
    }

    fn blocks(&self) -> impl Iterator<Item = (&ExecutorId, &CachedBlock)> {
        self.cached.values().flatten()
    }
}
