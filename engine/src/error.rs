//! The errors that actions return.

use crate::event::CallSite;
use crate::handle::handle;
use std::sync::Arc;

/// The result of an action.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an action failed. The message names the object and the next step.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// User code panicked, or a source could not be read, in one task; the job was stopped.
    #[error("{0}")]
    Task(FailedTask),
    /// The job was cancelled (`:cancel`, Ctrl-C, `DparkContext::cancel_job`).
    #[error("job {job} was cancelled")]
    Cancelled {
        /// The job.
        job: crate::ids::JobId,
    },
    /// A file or directory could not be used.
    #[error("{path}: {message}")]
    Io {
        /// The path, as the user gave it or below it.
        path: String,
        /// What the system said, and what to do.
        message: String,
    },
    /// One record of a source is bad by itself: the records behind it can be read.
    #[error("{path}: {message}")]
    BadRecord {
        /// Where it comes from.
        path: String,
        /// What is wrong with it, and what to do.
        message: String,
    },
    /// The request makes no sense for this RDD (`first` of an empty one, a bad argument).
    #[error("{0}")]
    Invalid(String),
    /// Memory or disk budget exceeded.
    #[error("{0}")]
    Budget(String),
    /// The context was stopped.
    #[error("the context has been stopped")]
    Stopped,
}

impl Error {
    /// An [`Error::Io`]: what is wrong with a file.
    ///
    /// ```
    /// let error = dpark::Error::io("data.bin", "byte 12: not a record; is it the right file?");
    /// assert_eq!(error.to_string(), "data.bin: byte 12: not a record; is it the right file?");
    /// ```
    #[cold]
    pub fn io(path: impl AsRef<std::path::Path>, problem: impl std::fmt::Display) -> Error {
        Error::Io { path: path.as_ref().display().to_string(), message: problem.to_string() }
    }

    /// An [`Error::BadRecord`]: what is wrong with a record. Where `--err` tolerates bad records, it is left out and
    /// counted, and the source is asked for the next one.
    ///
    /// ```
    /// let error = dpark::Error::bad_record("data.csv", "line 7: not a number");
    /// assert_eq!(error.to_string(), "data.csv: line 7: not a number");
    /// ```
    #[cold]
    pub fn bad_record(path: impl AsRef<std::path::Path>, problem: impl std::fmt::Display) -> Error {
        Error::BadRecord { path: path.as_ref().display().to_string(), message: problem.to_string() }
    }
}

/// What `derive` would write, but not compiled again into every cell with a `?`.
impl std::fmt::Debug for Error {
    #[inline(never)]
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Task(failure) => f.debug_tuple("Task").field(failure).finish(),
            Error::Cancelled { job } => f.debug_struct("Cancelled").field("job", job).finish(),
            Error::Io { path, message } => f.debug_struct("Io").field("path", path).field("message", message).finish(),
            Error::BadRecord { path, message } => {
                f.debug_struct("BadRecord").field("path", path).field("message", message).finish()
            }
            Error::Invalid(message) => f.debug_tuple("Invalid").field(message).finish(),
            Error::Budget(message) => f.debug_tuple("Budget").field(message).finish(),
            Error::Stopped => f.write_str("Stopped"),
        }
    }
}

handle! {
    /// The failure that [`Error::Task`] tells of.
    pub struct FailedTask(TaskFailure);
}

impl From<TaskFailure> for FailedTask {
    fn from(failure: TaskFailure) -> FailedTask {
        FailedTask::wrap(Arc::new(failure))
    }
}

impl std::ops::Deref for FailedTask {
    type Target = TaskFailure;

    fn deref(&self) -> &TaskFailure {
        self.arc()
    }
}

impl std::fmt::Debug for FailedTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}

impl std::fmt::Display for FailedTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}

/// The last failure of the task that failed a job.
#[derive(Debug, Clone)]
pub struct TaskFailure {
    /// The stage's number.
    pub stage: crate::ids::StageId,
    /// The operator that ends the stage.
    pub stage_name: String,
    /// Where that operator was called.
    pub call_site: CallSite,
    /// The partition.
    pub partition: usize,
    /// The attempts made.
    pub attempts: u32,
    /// What went wrong.
    pub cause: Failure,
}

/// What went wrong in a task.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Failure {
    /// User code panicked.
    Panic {
        /// The panic's text.
        message: String,
        /// Where, in the user's file if it was there.
        location: Option<CallSite>,
    },
    /// A file could not be read or written.
    Io {
        /// The file.
        path: String,
        /// What happened.
        message: String,
    },
    /// Map outputs are gone or corrupt; they are recomputed, not reported.
    Lost {
        /// All that are known to be: shuffle and map partition.
        outputs: Vec<(crate::ids::ShuffleId, usize)>,
        /// What happened.
        message: String,
    },
    /// A memory or disk budget was exceeded.
    Budget(String),
    /// The process of its executor took more memory than it may.
    Memory(String),
    /// What a task has left could not be brought to the driver, or what it needs not to the executor.
    Fetch(String),
    /// Anything else.
    Other(String),
}

impl Failure {
    /// Whether another attempt with the same input might succeed. Bad input, a missing file and an exceeded budget
    /// stay what they are; a panic is tried again as Spark does, and memory, since it depends on what else the executor did.
    pub fn may_pass_on_retry(&self) -> bool {
        matches!(self, Failure::Panic { .. } | Failure::Lost { .. } | Failure::Memory(_) | Failure::Fetch(_))
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Panic { message, location: Some(at) } => write!(f, "panicked at {at}: {message}"),
            Failure::Panic { message, location: None } => write!(f, "panicked: {message}"),
            Failure::Io { path, message } => write!(f, "{path}: {message}"),
            Failure::Lost { outputs, message } => match &outputs[..] {
                [] => write!(f, "map outputs are lost: {message}"),
                [(shuffle, map)] => write!(f, "map output {map} of shuffle {shuffle} is lost: {message}"),
                [(shuffle, map), more @ ..] => {
                    write!(f, "map output {map} of shuffle {shuffle} and {} more are lost: {message}", more.len())
                }
            },
            Failure::Fetch(message) => write!(f, "something could not be fetched: {message}"),
            Failure::Budget(message) | Failure::Memory(message) | Failure::Other(message) => f.write_str(message),
        }
    }
}

impl std::fmt::Display for TaskFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let TaskFailure { stage, stage_name, call_site, partition, attempts, cause } = self;
        write!(f, "stage {stage} ({stage_name} at {call_site}), partition {partition}: {cause}")?;
        if *attempts > 1 {
            write!(f, " (tried {attempts} times)")?;
        }
        Ok(())
    }
}
