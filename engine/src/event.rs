//! What happens in a context, as one stream of events: the only source of the status store, of progress, of the
//! event log and of every view. Events are plain values that cross process borders.

use crate::ids::{ExecutorId, JobId, RddId, ShuffleId, StageId, TaskId};
use serde::{Deserialize, Serialize};

/// Where user code called an operator: file (`cell 4`, `src/main.rs`), line and column, from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CallSite {
    /// `cell 4` in a session, else the path of the source file.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl CallSite {
    /// The place of a `Location`. Items of earlier cells are compiled from a folder of the session's (`i0/cell 3`); the
    /// folder is left out.
    pub fn of(location: &std::panic::Location<'_>) -> CallSite {
        let file = location.file();
        let file = file.rfind("/cell ").map_or(file, |at| &file[at + 1..]);
        CallSite { file: file.to_owned(), line: location.line(), column: location.column() }
    }
}

impl std::fmt::Display for CallSite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.file.starts_with("cell ") {
            write!(f, "{}, line {}", self.file, self.line)
        } else {
            write!(f, "{}:{}", self.file, self.line)
        }
    }
}

/// How an RDD depends on a parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentLink {
    /// The parent RDD.
    pub parent: RddId,
    /// The shuffle between the two, if the dependency is wide.
    pub shuffle: Option<ShuffleId>,
}

/// The static facts of an RDD.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RddInfo {
    /// Its id.
    pub id: RddId,
    /// The operator that made it: `map`, `text_file`, `reduce_by_key`…
    pub operator: String,
    /// The element type, shortened: `(String, i64)`.
    pub element: String,
    /// Number of partitions.
    pub partitions: usize,
    /// Where the operator was called.
    pub call_site: CallSite,
    /// The parents, in the operator's order.
    pub parents: Vec<ParentLink>,
}

/// The static facts of a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageInfo {
    /// Its id.
    pub id: StageId,
    /// The job it belongs to.
    pub job: JobId,
    /// The last RDD that the stage computes.
    pub rdd: RddId,
    /// The shuffle it writes; none for the stage that computes the action's result.
    pub shuffle: Option<ShuffleId>,
    /// The stages whose output it reads.
    pub parents: Vec<StageId>,
    /// The operator that ended the stage (`reduce_by_key`, `collect`).
    pub name: String,
    /// Where that was called.
    pub call_site: CallSite,
    /// Number of tasks (partitions to compute).
    pub tasks: usize,
    /// The RDDs pipelined in the stage, parents first.
    pub rdds: Vec<RddId>,
}

/// What a finished task measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskMetrics {
    /// Rows that reached the end of the task's pipeline.
    pub rows: u64,
    /// Bytes of map output written.
    pub shuffle_write_bytes: u64,
    /// Bytes of map output read.
    pub shuffle_read_bytes: u64,
    /// Bytes read from files.
    pub input_bytes: u64,
    /// Run time in microseconds.
    pub run_micros: u64,
    /// Bad records that were left out (`--err`).
    pub bad_records: u64,
}

/// How a task attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskEnd {
    /// Its output counts.
    Succeeded(TaskMetrics),
    /// It failed; the message is the whole story for the user.
    Failed(String),
    /// It was told to stop.
    Cancelled,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobEnd {
    /// All partitions computed.
    Succeeded,
    /// The error that the action returns.
    Failed(String),
    /// Cancelled by the user.
    Cancelled,
}

/// One thing that happened. Times are microseconds since the context was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// An RDD was made.
    RddCreated(RddInfo),
    /// The last handle of an RDD went; its blocks and map outputs are freed.
    RddDropped {
        /// The RDD.
        rdd: RddId,
    },
    /// `cache()`, `persist()` or `unpersist()` was called.
    CacheMarked {
        /// The RDD.
        rdd: RddId,
        /// The storage level's name (`memory`, `memory and disk`, …); none after `unpersist`.
        level: Option<String>,
    },
    /// A partition entered the cache, or moved from memory to disk.
    BlockStored {
        /// The RDD.
        rdd: RddId,
        /// The partition.
        partition: usize,
        /// Who holds it.
        executor: ExecutorId,
        /// Bytes held in memory.
        memory: u64,
        /// Bytes held on disk.
        disk: u64,
    },
    /// A partition left the cache (evicted, unpersisted or lost).
    BlockRemoved {
        /// The RDD.
        rdd: RddId,
        /// The partition.
        partition: usize,
        /// Who held it.
        executor: ExecutorId,
    },
    /// A partition could not be written to disk, so it is not in the cache; the job goes on.
    BlockNotStored {
        /// The RDD.
        rdd: RddId,
        /// The partition.
        partition: usize,
        /// What the system said.
        why: String,
    },
    /// A disk of the work directory could not take a file, and others are used. It is told once for each process.
    DiskSkipped {
        /// The directory that the settings name.
        directory: String,
        /// What the system said.
        why: String,
    },
    /// The rows of an RDD are in files now; its lineage is cut.
    Checkpointed {
        /// The RDD.
        rdd: RddId,
        /// The directory of the checkpoint.
        directory: String,
    },
    /// A task has left out bad records (`--err`).
    RowsSkipped {
        /// The RDD that the task computed.
        rdd: RddId,
        /// The partition.
        partition: usize,
        /// The operator or source that could not use them.
        operator: String,
        /// How many.
        rows: u64,
        /// What was wrong with the first one.
        example: String,
    },
    /// An action began.
    JobStarted {
        /// The job.
        job: JobId,
        /// The action: `collect`, `count`…
        name: String,
        /// Where it was called.
        call_site: CallSite,
        /// Its stages, parents first.
        stages: Vec<StageInfo>,
        /// Stages whose map outputs are all there already; they don't run.
        skipped: Vec<StageId>,
        /// When.
        at: u64,
    },
    /// A stage's inputs are there; its tasks may start.
    StageStarted {
        /// The stage.
        stage: StageId,
        /// When.
        at: u64,
    },
    /// All outputs of a stage are there (it may start again when some are lost).
    StageFinished {
        /// The stage.
        stage: StageId,
        /// When.
        at: u64,
    },
    /// An executor in another process is there.
    ExecutorJoined {
        /// The executor.
        executor: ExecutorId,
        /// Its process.
        pid: u32,
        /// How many tasks it runs at once.
        slots: usize,
        /// When.
        at: u64,
    },
    /// The process of an executor takes another amount of memory than was told before.
    ExecutorMemory {
        /// The executor.
        executor: ExecutorId,
        /// The bytes that it has for itself.
        memory: u64,
        /// When.
        at: u64,
    },
    /// Too much has failed on an executor: it gets no tasks for a while.
    ExecutorExcluded {
        /// The executor.
        executor: ExecutorId,
        /// When.
        at: u64,
    },
    /// It gets tasks again.
    ExecutorReadmitted {
        /// The executor.
        executor: ExecutorId,
        /// When.
        at: u64,
    },
    /// An executor is gone, with the map outputs and blocks it had.
    ExecutorLost {
        /// The executor.
        executor: ExecutorId,
        /// What was seen of its end.
        why: String,
        /// When.
        at: u64,
    },
    /// An executor has the value of a large broadcast, each byte of it fetched once.
    BroadcastFetched {
        /// The number of the broadcast.
        broadcast: u64,
        /// The executor.
        executor: ExecutorId,
        /// Bytes that the driver served.
        from_driver: u64,
        /// Bytes that other executors served.
        from_peers: u64,
    },
    /// A task attempt began.
    TaskStarted {
        /// The attempt.
        task: TaskId,
        /// Its stage.
        stage: StageId,
        /// Its partition.
        partition: usize,
        /// Its number, from 0.
        attempt: u32,
        /// Where it runs.
        executor: ExecutorId,
        /// Whether it is a second copy of an attempt that is slow: the first one to succeed counts.
        is_copy: bool,
        /// When.
        at: u64,
    },
    /// A task attempt ended.
    TaskFinished {
        /// The attempt.
        task: TaskId,
        /// Its stage.
        stage: StageId,
        /// Its partition.
        partition: usize,
        /// How.
        end: TaskEnd,
        /// When.
        at: u64,
    },
    /// A job ended.
    JobFinished {
        /// The job.
        job: JobId,
        /// How.
        end: JobEnd,
        /// When.
        at: u64,
    },
}

impl Event {
    /// The same event as one of this executor's, which does not know its number.
    pub(crate) fn of_executor(mut self, number: ExecutorId) -> Event {
        if let Event::BlockStored { executor, .. } | Event::BlockRemoved { executor, .. } = &mut self {
            *executor = number;
        }
        self
    }

    /// The same event at another time; the scheduler's state machine has no clock and leaves the time to its driver.
    pub fn stamped(mut self, now: u64) -> Event {
        match &mut self {
            Event::JobStarted { at, .. }
            | Event::StageStarted { at, .. }
            | Event::StageFinished { at, .. }
            | Event::ExecutorJoined { at, .. }
            | Event::ExecutorMemory { at, .. }
            | Event::ExecutorExcluded { at, .. }
            | Event::ExecutorReadmitted { at, .. }
            | Event::ExecutorLost { at, .. }
            | Event::TaskStarted { at, .. }
            | Event::TaskFinished { at, .. }
            | Event::JobFinished { at, .. } => *at = now,
            Event::RddCreated(_)
            | Event::RddDropped { .. }
            | Event::CacheMarked { .. }
            | Event::BlockStored { .. }
            | Event::BlockRemoved { .. }
            | Event::BlockNotStored { .. }
            | Event::DiskSkipped { .. }
            | Event::Checkpointed { .. }
            | Event::RowsSkipped { .. }
            | Event::BroadcastFetched { .. } => {}
        }
        self
    }
}
