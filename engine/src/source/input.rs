//! What a source reads with: files whose bytes are counted and whose reading ends when the task is cancelled, and a
//! share of the memory budget.

use crate::context::ContextHandle;
use crate::error::{Error, Failure, Result};
use crate::storage::Reservation;
use crate::task::{Stop, TaskContext};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// The task's side of [`crate::source::Source::read`]. Cheap to clone.
#[derive(Clone)]
pub struct Input {
    task: TaskContext,
    context: ContextHandle,
}

impl Input {
    pub(crate) fn new(task: &TaskContext, context: &ContextHandle) -> Input {
        Input { task: task.clone(), context: context.clone() }
    }

    /// Opens a file; the error names its path. What is read from it counts as input of the task.
    ///
    /// ```
    /// # use dpark::source::{Input, Source};
    /// # #[derive(serde::Serialize, serde::Deserialize)]
    /// # struct Lengths(String);
    /// # impl Source for Lengths {
    /// #     type Row = usize;
    /// #     type Split = ();
    /// #     fn splits(&self) -> dpark::Result<Vec<()>> { Ok(vec![()]) }
    /// #     fn read(&self, _: &(), input: &Input) -> dpark::Result<impl Iterator<Item = dpark::Result<usize>> + 'static> {
    /// let text = std::io::read_to_string(input.open(&self.0)?).map_err(|error| dpark::Error::io(&self.0, error))?;
    /// #         Ok(std::iter::once(Ok(text.len())))
    /// #     }
    /// # }
    /// # let error = dpark::DparkContext::local(1).from_source(Lengths("no/file".into())).count().unwrap_err();
    /// assert!(error.to_string().ends_with("no/file: No such file or directory (os error 2)"), "{error}");
    /// ```
    pub fn open(&self, path: impl AsRef<Path>) -> Result<InputFile> {
        self.open_path(path.as_ref())
    }

    #[inline(never)]
    fn open_path(&self, path: &Path) -> Result<InputFile> {
        let file = File::open(path).map_err(|error| Error::io(path, error))?;
        Ok(InputFile { file, task: self.task.clone() })
    }

    /// Counts bytes that were read by other means.
    ///
    /// ```
    /// # use dpark::source::{Input, Source};
    /// # #[derive(serde::Serialize, serde::Deserialize)]
    /// # struct Fetched;
    /// # impl Source for Fetched {
    /// #     type Row = u8;
    /// #     type Split = ();
    /// #     fn splits(&self) -> dpark::Result<Vec<()>> { Ok(vec![()]) }
    /// #     fn read(&self, _: &(), input: &Input) -> dpark::Result<impl Iterator<Item = dpark::Result<u8>> + 'static> {
    /// let reply = b"from a socket";
    /// input.add_bytes(reply.len() as u64);
    /// #         Ok(reply.iter().map(|byte| Ok(*byte)))
    /// #     }
    /// # }
    /// # assert_eq!(dpark::DparkContext::local(1).from_source(Fetched).count()?, 13);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    pub fn add_bytes(&self, bytes: u64) {
        self.task.add_input(bytes);
    }

    /// Whether the task was cancelled. A long search should end then, in whatever way: what it returns is not used.
    ///
    /// ```
    /// # fn search(input: &dpark::source::Input) -> Option<u64> {
    /// (0..u64::MAX).take_while(|_| !input.is_cancelled()).find(|n| n % 1000 == 999)
    /// # }
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.task.check().is_err()
    }

    /// A share of the memory budget, of nothing yet: for what grows with the data.
    ///
    /// ```
    /// # fn read(input: &dpark::source::Input) -> dpark::Result<Vec<u8>> {
    /// let mut memory = input.memory();
    /// memory.resize(64 << 20)?;
    /// # let mut block =
    /// vec![0; 64 << 20]
    /// # ;
    /// # block.truncate(1);
    /// # Ok(block)
    /// # }
    /// ```
    pub fn memory(&self) -> InputMemory {
        InputMemory { reservation: self.context.arc().budget.reserve(), context: self.context.clone() }
    }

    /// Whether bad records are left out instead of failing the task.
    pub(super) fn tolerates(&self) -> bool {
        self.task.err() > 0.0
    }

    /// Why the task stops, when reading has ended with this error.
    #[cold]
    #[inline(never)]
    pub(crate) fn stop(&self, error: Error) -> Stop {
        if self.is_cancelled() {
            return Stop::Cancelled;
        }
        Stop::Failed(match error {
            Error::Io { path, message } | Error::BadRecord { path, message } => Failure::Io { path, message },
            Error::Budget(message) => Failure::Budget(message),
            other => Failure::Other(other.to_string()),
        })
    }
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Input")
    }
}

/// A file that a source reads.
#[derive(Debug)]
pub struct InputFile {
    file: File,
    task: TaskContext,
}

impl Read for InputFile {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.task.check().is_err() {
            return Err(std::io::Error::other("the job was cancelled"));
        }
        let n = self.file.read(buffer)?;
        self.task.add_input(n as u64);
        Ok(n)
    }
}

impl Seek for InputFile {
    fn seek(&mut self, position: SeekFrom) -> std::io::Result<u64> {
        self.file.seek(position)
    }
}

/// A share of the memory budget; given back when dropped.
pub struct InputMemory {
    reservation: Reservation,
    context: ContextHandle,
}

impl InputMemory {
    /// Sets the size of the share. Cached blocks give way; an error that names the setting if the budget does not
    /// suffice.
    ///
    /// ```
    /// # fn read(input: &dpark::source::Input) -> dpark::Result<()> {
    /// let mut memory = input.memory();
    /// memory.resize(1 << 20)?;
    /// # memory.resize(0)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn resize(&mut self, bytes: u64) -> Result<()> {
        self.context.arc().reserve(&mut self.reservation, bytes).map_err(|failure| Error::Budget(failure.to_string()))
    }

    /// Reserves the size of a buffer that has grown beyond what every task may hold.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<()> {
        const FREE: usize = 2 << 20;
        if bytes > FREE || self.reservation.bytes() > 0 {
            self.resize(if bytes > FREE { bytes as u64 } else { 0 })?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for InputMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "InputMemory({} bytes)", self.reservation.bytes())
    }
}
