//! What parent and child of a session say to each other: length-prefixed messages over a Unix socket.

use crate::display::Output;
use crate::event::{CallSite, Event};
use crate::ids::{ExecutorId, JobId, RddId};
use crate::show::Shown;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::path::PathBuf;

/// From the parent to the child.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToChild {
    /// Make the context and put it into the variable `ctx`.
    Start {
        /// The master URL.
        master: String,
        /// Default parallelism; 0 for the master's own.
        parallelism: usize,
        /// Memory budget in bytes.
        memory: u64,
        /// Where a private directory for persisted partitions is made; none for the system's.
        work_dirs: Vec<PathBuf>,
        /// The tolerated part of bad records.
        err: f64,
        /// Whether standard input is asked for and comes by [`ToChild::Input`].
        asks_for_input: bool,
    },
    /// Load a library and run the cell in it.
    Run {
        /// The library's path.
        library: String,
        /// The cell's entry point.
        symbol: String,
    },
    /// Drop variables.
    Forget(Vec<String>),
    /// Cancel every running job; a cell that fails from now on was interrupted.
    Interrupt,
    /// Cancel one job.
    CancelJob(JobId),
    /// Drop the cached partitions of an RDD.
    Uncache(RddId),
    /// End the process of an executor.
    KillExecutor(ExecutorId),
    /// The last [`ToParent::Output`] has been passed on.
    OutputSeen,
    /// What standard input was asked for; none is its end.
    Input(Option<String>),
}

/// From the child to the parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToParent {
    /// The child is there.
    Hello {
        /// The child's process id.
        pid: u32,
    },
    /// Something happened in the engine.
    Event(Event),
    /// The context was made, or not.
    Started(Result<(), String>),
    /// A cell ended.
    Done(CellReport),
    /// The running cell shows something. The child waits for [`ToChild::OutputSeen`], so that it stays in order with
    /// what is printed.
    Output(Output),
    /// User code waits for a line of standard input.
    WantsInput,
}

/// What a cell left behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellReport {
    /// How it ended.
    pub end: CellEnd,
    /// The value of its last expression.
    pub shown: Option<Shown>,
    /// The variables it stored (also when it failed: those completed before).
    pub stored: Vec<StoredVariable>,
    /// The variables it consumed and did not put back.
    pub gone: Vec<String>,
    /// The statement at which it was left early, counted from 0.
    pub left_at: Option<usize>,
    /// Whether an interrupt reached it.
    pub interrupted: bool,
    /// How long loading the cell's library took, in microseconds.
    pub load_micros: u64,
    /// How long the user's code ran, in microseconds.
    pub run_micros: u64,
}

/// How a cell ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CellEnd {
    /// It ran to its end.
    Completed,
    /// It left by `?`, or its last expression was an `Err`.
    Returned(String),
    /// It panicked.
    Panicked {
        /// The panic's text.
        message: String,
        /// Where.
        location: Option<CallSite>,
    },
    /// It could not be loaded, or a variable was not what the compiler took it for.
    Refused(String),
}

/// A variable in the child's store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredVariable {
    /// Its name.
    pub name: String,
    /// Its type, as `std::any::type_name` writes it.
    pub type_name: String,
    /// The RDD it holds, if it is one.
    pub rdd: Option<RddId>,
}

/// A message may not be longer: a length beyond it means that the stream is out of step.
const LONGEST: u32 = 256 << 20;

/// Writes one message.
pub fn send<T: Serialize>(mut stream: impl Write, message: &T) -> io::Result<()> {
    let body = crate::serialize::encode(message).map_err(io::Error::other)?;
    let length = u32::try_from(body.len()).ok().filter(|length| *length <= LONGEST);
    let length = length.ok_or_else(|| io::Error::other("message too long"))?;
    let mut frame = Vec::with_capacity(4 + body.len());
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&body);
    stream.write_all(&frame)
}

/// Reads one message; `None` at the end of the stream.
pub fn receive<T: DeserializeOwned>(mut stream: impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = u32::from_le_bytes(length);
    if length > LONGEST {
        return Err(io::Error::other("message too long"));
    }
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body)?;
    crate::serialize::decode(&body).map(Some).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_survives_the_wire_and_the_end_is_an_end() {
        let message = ToChild::Run { library: "/tmp/cell-1.so".into(), symbol: "dpark_cell_1".into() };
        let mut bytes = Vec::new();
        send(&mut bytes, &message).unwrap();
        let mut stream = &bytes[..];
        assert_eq!(receive::<ToChild>(&mut stream).unwrap(), Some(message));
        assert_eq!(receive::<ToChild>(&mut stream).unwrap(), None);
    }

    #[test]
    fn nonsense_is_an_error() {
        assert!(receive::<ToChild>(&[0xff, 0xff, 0xff, 0xff, 0][..]).is_err());
        assert!(receive::<ToChild>(&[2, 0, 0, 0, 0xff, 0xff][..]).is_err());
    }
}
