//! What the scheduler's thread is told, and what it tells those who wait for jobs.

use crate::cluster::hub::News;
use crate::error::Result;
use crate::ids::{ExecutorId, JobId, RddId, ShuffleId, TaskId};
use crate::scheduler::command::Outcome;
use crate::scheduler::remote::Parcel;
use crate::task::TaskContext;
use crate::work::{JobSpec, Work};
use std::any::Any;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

/// What the driver is told.
pub(crate) enum Message {
    Submit {
        spec: JobSpec,
        work: Arc<dyn Work>,
        reply: Sender<Reply>,
    },
    Cancel(JobId),
    CancelAll,
    Finished(Report),
    OutputsComplete {
        shuffle: ShuffleId,
        reply: Sender<bool>,
    },
    ForgetShuffle(ShuffleId),
    ForgetRdd(RddId),
    Uncache(RddId),
    KillExecutor(ExecutorId),
    ForgetBroadcast(u64),
    /// A job was packed for an executor.
    Packed(Box<Parcel>),
    /// Executors in other processes.
    News(News),
    /// The process of an executor has ended.
    ProcessEnded {
        pid: u32,
        status: std::io::Result<ExitStatus>,
    },
    /// Executors with tasks that should have stopped by then, and have not said so before this message, are ended.
    EndDeaf {
        since: Duration,
    },
    Stop,
}

/// What the caller of `run_job` is told.
pub(crate) enum Reply {
    Result { partition: usize, value: Box<dyn Any + Send> },
    Ended { end: Result<()>, work: Arc<dyn Work> },
}

/// The value of a result task.
pub(super) type Output = Option<Box<dyn Any + Send>>;

/// The end of an attempt, with all that came of it.
pub(crate) struct Report {
    pub(crate) task: TaskId,
    pub(crate) stage: usize,
    pub(crate) partition: usize,
    pub(crate) outcome: Outcome,
    /// The value of a result task.
    pub(crate) output: Output,
    pub(crate) work: Arc<dyn Work>,
    pub(crate) context: TaskContext,
}
