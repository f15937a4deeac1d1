//! What driver and executors say to each other, in frames (see `net`).

use crate::broadcast::ShippedBroadcast;
use crate::error::Failure;
use crate::event::{Event, TaskMetrics};
use crate::ids::{ExecutorId, JobId, RddId, ShuffleId, TaskId};
use crate::net::secret::Mac;
use crate::serialize::{decode, encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The driver among the peers: it serves files, too.
pub(crate) const DRIVER: ExecutorId = ExecutorId(0);

/// From the driver to an executor. Messages are worked off in their order, but for `Kill`, `ChunkAt` and `Stop`, which are
/// not kept waiting.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum ToExecutor {
    /// The first message.
    Welcome {
        /// The executor's number.
        executor: ExecutorId,
        /// Bytes for cached blocks, tables and results.
        memory: u64,
        /// The part of bad records that is tolerated.
        err: f64,
    },
    /// The executor is not one of this application; it ends.
    Refused(String),
    /// A library with tables or code of what follows.
    Library(Library),
    /// A broadcast that jobs after it use.
    Broadcast(ShippedBroadcast),
    /// Who has the chunk that was asked for.
    ChunkAt { broadcast: u64, chunk: usize, at: ExecutorId },
    /// A job; tasks of it follow.
    Job { job: JobId, work: Vec<u8> },
    /// Where the map outputs of a shuffle are.
    Outputs { shuffle: ShuffleId, at: Vec<Option<Place>> },
    /// Who has map outputs, chunks and other files.
    Peers(Vec<Peer>),
    /// Run a task.
    Task { task: TaskId, job: JobId, stage: usize, partition: usize },
    /// Ask a task to stop; it is answered all the same.
    Kill(TaskId),
    /// No more tasks of this job.
    EndJob(JobId),
    /// No handle of this RDD is left: its blocks go.
    ForgetRdd(RddId),
    /// The blocks of this RDD go; it is persisted no more.
    Uncache(RddId),
    /// Nobody reads the map outputs of this shuffle any more.
    ForgetShuffle(ShuffleId),
    /// Nobody reads this broadcast any more.
    ForgetBroadcast(u64),
    /// The driver has the reply in this file.
    Taken(String),
    /// The application has ended.
    Stop,
}

impl ToExecutor {
    /// What a message with something large in it is.
    pub(crate) fn what(&self) -> String {
        match self {
            ToExecutor::Library(library) => format!("the library {}", library.name),
            ToExecutor::Broadcast(broadcast) => format!("broadcast {}", broadcast.id),
            ToExecutor::Job { job, .. } => format!("job {job}"),
            _ => "a message".to_owned(),
        }
    }
}

/// A library that the driver refers to by a number.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Library {
    pub(crate) number: u32,
    /// The name of its file.
    pub(crate) name: String,
    pub(crate) origin: Origin,
}

/// Where an executor gets a library.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Origin {
    /// It is the program, whatever its file is called there.
    Program,
    /// Every executor of this application has loaded it from the start.
    Base,
    /// It is sent.
    Sent(Content),
}

/// A library's file.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Content {
    /// BLAKE3 hash of the bytes.
    pub(crate) hash: [u8; 32],
    pub(crate) bytes: Vec<u8>,
}

/// Where a map output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) executor: ExecutorId,
    /// The task that made it, by which its files are named.
    pub(crate) task: TaskId,
}

/// An executor, or the driver, as others reach it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Peer {
    pub(crate) executor: ExecutorId,
    /// Where its files are, on each of its disks.
    pub(crate) disks: Vec<Served>,
    /// Its machine.
    pub(crate) host: String,
}

/// A directory with files of an executor's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Served {
    /// For whoever can read it.
    pub(crate) directory: PathBuf,
    /// Where it is served over HTTP, the place to ask first before the others.
    pub(crate) addresses: Vec<Address>,
}

/// Where files are served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Address {
    /// `http://host:port`
    pub(crate) server: String,
    /// The path of the directory there, from the slash on.
    pub(crate) path: String,
}

impl Peer {
    /// The executor that has said hello.
    pub(crate) fn of(executor: ExecutorId, hello: &Hello) -> Peer {
        let Hello { disks, host, .. } = hello.clone();
        Peer { executor, disks, host }
    }
}

/// From an executor to the driver.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum ToDriver {
    /// The first message.
    Hello(Hello),
    /// A task has ended.
    Answer(Answer),
    /// Something happened that everybody may know.
    Event(Event),
    /// Who has this chunk of a broadcast?
    SeekChunk { broadcast: u64, chunk: usize },
    /// The executor has this chunk of a broadcast, for others to fetch.
    HasChunk { broadcast: u64, chunk: usize },
    /// It is alive.
    Heartbeat {
        /// The bytes of memory that its process has for itself.
        memory: u64,
    },
    /// It cannot go on, and why: its process is to be ended.
    GivesUp(String),
}

/// Who connects.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Hello {
    /// BLAKE3 hash of the file with the engine's code: tables are found by their offsets in it.
    pub(crate) engine: [u8; 32],
    pub(crate) pid: u32,
    /// How many tasks it runs at once.
    pub(crate) slots: usize,
    /// The same as in [`Peer`].
    pub(crate) disks: Vec<Served>,
    pub(crate) host: String,
}

/// The end of a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) task: TaskId,
    pub(crate) metrics: TaskMetrics,
    pub(crate) end: AnswerEnd,
}

/// How a task has ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum AnswerEnd {
    /// With what it leaves.
    Done(Vec<u8>),
    /// With what is in a file.
    Large(LargeReply),
    Failed(Failure),
    /// It has not begun: what was sent for its job cannot be used here.
    Unusable(String),
    Cancelled,
}

/// What a task leaves, in a file of its executor's, since it is large.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LargeReply {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) mac: Mac,
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "library {} ({})", self.number, self.name)
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.bytes.len())
    }
}

/// A message as the payload of a frame.
pub(crate) fn payload(message: &impl Serialize) -> Vec<u8> {
    // Plain data in memory: encoding it does not fail.
    encode(message).unwrap_or_default()
}

/// The message in a frame.
pub(crate) fn message<T: DeserializeOwned>(payload: &[u8]) -> Result<T, String> {
    decode(payload).map_err(|error| format!("a message cannot be read: {error}"))
}
