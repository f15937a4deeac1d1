//! What the scheduler's state machine is told, and what it orders.

use crate::error::{Error, Failure};
use crate::event::{Event, TaskMetrics};
use crate::ids::{ExecutorId, JobId, RddId, ShuffleId, TaskId};
use crate::work::JobSpec;

/// Something that happened outside the machine.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// An action wants a job run.
    Submit(JobSpec),
    /// The user gives a job up.
    Cancel(JobId),
    /// The user gives every job up.
    CancelAll,
    /// A backend reports the end of an attempt; each launched attempt is reported once, unless its executor is lost.
    TaskFinished {
        /// The attempt.
        task: TaskId,
        /// How it ended.
        outcome: Outcome,
    },
    /// A map output is gone.
    #[cfg_attr(not(test), expect(dead_code, reason = "backends with executors of their own report it"))]
    OutputLost {
        /// The shuffle.
        shuffle: ShuffleId,
        /// The map partition.
        map: usize,
    },
    /// No RDD refers to the shuffle any more: its map outputs are freed once no job reads them.
    ForgetShuffle(ShuffleId),
    /// An executor is there.
    ExecutorAdded {
        /// The executor.
        id: ExecutorId,
        /// How many tasks it runs at once.
        slots: usize,
    },
    /// An executor is about to be lost: nothing more starts there.
    ExecutorLeaving(ExecutorId),
    /// An executor is gone, with its tasks and the map outputs it held.
    ExecutorLost {
        /// The executor.
        id: ExecutorId,
        /// What was seen of its end.
        why: String,
        /// Whether its tasks may have had to do with that.
        cause: Cause,
    },
    /// A partition of a persisted RDD is in the memory or on the disk of an executor.
    BlockStored {
        /// The RDD.
        rdd: RddId,
        /// The partition.
        partition: usize,
        /// The executor.
        executor: ExecutorId,
    },
    /// It is there no more.
    BlockRemoved {
        /// The RDD.
        rdd: RddId,
        /// The partition.
        partition: usize,
        /// The executor.
        executor: ExecutorId,
    },
    /// Time has passed. It does so only by this input; while tasks run on several executors, it comes now and then.
    Tick {
        /// Microseconds since the context was made.
        now: u64,
    },
}

/// Why an executor was lost, as far as the tasks on it are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// They may have ended it: each has failed once more.
    Tasks,
    /// Somebody has ended it on purpose, or a task that nobody wanted any more: they are repeated, however often it happens.
    Others,
}

/// How an attempt ended, as the backend saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its output exists.
    Succeeded(TaskMetrics),
    /// It failed.
    Failed(Failure),
    /// It stopped because it was told to.
    Cancelled,
}

/// Something the machine wants done.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    /// Start an attempt.
    Launch(Launch),
    /// Ask an attempt to stop; it is still reported.
    Kill {
        /// The attempt.
        task: TaskId,
        /// Why.
        because: Because,
    },
    /// The output of the attempt that was just reported counts.
    Accept {
        /// The attempt.
        #[cfg_attr(not(test), expect(dead_code, reason = "the driver knows what was just reported"))]
        task: TaskId,
        /// The job that launched it (it may have ended meanwhile, if another job shares the stage).
        job: JobId,
        /// The partition.
        partition: usize,
    },
    /// Tell the world. The machine has no clock: the time in the event is left at 0.
    Emit(Event),
    /// Nobody reads the map outputs of this shuffle any more: they go.
    RemoveOutputs(ShuffleId),
    /// The job has ended; nothing of it will be launched again.
    JobEnded {
        /// The job.
        job: JobId,
        /// What the action returns.
        end: Result<(), Error>,
    },
}

/// Why an attempt is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Because {
    /// Nobody waits for its output.
    Unwanted,
    /// Another attempt on the same partition was faster: there is nothing wrong with this one.
    Beaten,
}

/// Whether the output of an attempt is the first of its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// The first one.
    First,
    /// The same rows once more, after a loss.
    Again,
}

/// One attempt to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Launch {
    /// The attempt.
    pub(crate) task: TaskId,
    /// The job on whose behalf it runs.
    pub(crate) job: JobId,
    /// Index of the stage in [`JobSpec::stages`].
    pub(crate) stage: usize,
    /// The partition.
    pub(crate) partition: usize,
    /// How often the partition was tried before; a second copy of an attempt has its number.
    pub(crate) attempt: u32,
    /// Where.
    pub(crate) executor: ExecutorId,
}
