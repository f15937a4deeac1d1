//! A session: one engine child, the variables that live in it, and what evcxr knows of them.

use dpark::event::Event;
use dpark::show::Shown;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// What a session is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// `local`, `local[4]`.
    pub master: String,
    /// Default parallelism; 0 means the master's own.
    pub parallelism: usize,
    /// Memory budget in bytes.
    pub memory: u64,
    /// What `std::env::args()` gives to user code, program name first.
    pub args: Vec<String>,
    /// Where user code's standard streams go.
    pub stdio: Stdio,
}

/// Where user code's standard streams go.
#[derive(Clone)]
pub enum Stdio {
    /// They are ours: descriptors 0, 1 and 2 of this process.
    Inherit,
    /// Input is ours; output comes to this function, chunk by chunk, as it is printed.
    Watch(Arc<dyn Fn(Stream, &[u8]) + Send + Sync>),
}

/// An output stream of user code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl std::fmt::Debug for Stdio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Stdio::Inherit => "Inherit",
            Stdio::Watch(_) => "Watch",
        })
    }
}

/// How a cell ended and what it left.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The value of its last expression.
    pub shown: Option<Shown>,
    /// Text from a command.
    pub text: Option<String>,
    /// What to tell the user beside the result: variables dropped, the engine restarted…
    pub notices: Vec<String>,
    /// Why it failed, if it did.
    pub error: Option<CellError>,
    /// How long it took.
    pub timing: Timing,
}

/// How long the parts of a cell took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timing {
    /// From the call to the loaded library.
    pub compile: Duration,
    /// The user's code.
    pub run: Duration,
    /// All of it.
    pub total: Duration,
}

/// Why a cell failed.
#[derive(Clone, Debug)]
pub enum CellError {
    /// The compiler refused it.
    Compile(Vec<Diagnostic>),
    /// It ended by `?`, or its last expression was an `Err`: the error's text.
    Returned(String),
    /// It panicked in its own code (not in a task): the message and the place.
    Panicked(String),
    /// It was interrupted.
    Interrupted,
    /// The child is gone; a fresh one with a fresh `ctx` has been started. Says what was lost.
    ChildDied(String),
    /// The session itself could not do it.
    Session(String),
}

/// One message of the compiler, in the user's own coordinates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// `error`, `warning`.
    pub level: Level,
    /// `E0308`.
    pub code: Option<String>,
    /// The headline.
    pub message: String,
    /// The marked places.
    pub labels: Vec<Label>,
    /// Notes and helps without a place, as (`note` or `help`, text).
    pub notes: Vec<(String, String)>,
}

/// The weight of a [`Diagnostic`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The cell does not run.
    Error,
    /// It runs all the same.
    Warning,
}

/// A marked place of a [`Diagnostic`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The source it lies in: `cell 4`.
    pub file: String,
    /// The whole text of that source, as the user wrote it.
    pub source: Arc<str>,
    /// Byte range in `source`.
    pub range: Range<usize>,
    /// What is said there; may be empty.
    pub text: String,
    /// Whether this is the place the message is about.
    pub primary: bool,
}

/// One completion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What replaces the range.
    pub code: String,
    /// What to show in the list.
    pub label: String,
}

/// Completions and the byte range of the source that they replace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completions {
    /// The range to replace.
    pub range: Range<usize>,
    /// The candidates.
    pub candidates: Vec<Completion>,
}

/// A live session. Calls block; other threads reach it through a [`Handle`].
pub struct Session {}

/// What other threads may do with a session while a cell runs. Cheap to clone.
#[derive(Clone)]
pub struct Handle {}

/// A variable of the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its type as the session writes it.
    pub type_name: String,
    /// The RDD it holds, if it is one.
    pub rdd: Option<dpark::ids::RddId>,
}

impl Session {
    /// Starts a session. Returns as soon as the child can be typed at; type inference warms up behind it.
    /// `progress` hears what a first start builds.
    pub fn start(_options: Options, _progress: &mut dyn FnMut(&str)) -> anyhow::Result<Session> {
        unimplemented!()
    }
    /// Runs Rust code (no `:commands` in it) as the next cell.
    pub fn execute(&mut self, _code: &str) -> Outcome {
        unimplemented!()
    }
    /// Runs one of evcxr's own commands (`:dep …`, `:vars`, `:opt 2`).
    pub fn evcxr_command(&mut self, _line: &str) -> Outcome {
        unimplemented!()
    }
    /// `:clear`: drops variables, items and dependencies; a fresh child with a fresh `ctx`.
    pub fn clear(&mut self) -> Outcome {
        unimplemented!()
    }
    /// `:restart`: drops the variables; items and dependencies stay; a fresh child with a fresh `ctx`.
    pub fn restart(&mut self) -> Outcome {
        unimplemented!()
    }
    /// Completions of Rust code at a byte offset. Empty when type inference is not warm yet.
    pub fn complete(&mut self, _code: &str, _offset: usize) -> Completions {
        unimplemented!()
    }
    /// A handle for other threads.
    pub fn handle(&self) -> Handle {
        unimplemented!()
    }
    /// The cells that ran without error, in order, as typed: what `:save` writes.
    pub fn history(&self) -> Vec<String> {
        unimplemented!()
    }
    /// The number the next cell gets (`cell 4`), from 1.
    pub fn next_cell(&self) -> u32 {
        unimplemented!()
    }
}

impl Handle {
    /// Cancels the running jobs; the cell's action returns an error.
    pub fn interrupt(&self) {
        unimplemented!()
    }
    /// Ends the child at once; `execute` returns [`CellError::ChildDied`] after a fresh one has started.
    pub fn kill_child(&self) {
        unimplemented!()
    }
    /// Cancels one job.
    pub fn cancel_job(&self, _job: dpark::ids::JobId) {
        unimplemented!()
    }
    /// Drops the cached partitions of an RDD.
    pub fn uncache(&self, _rdd: dpark::ids::RddId) {
        unimplemented!()
    }
    /// The variables, by name.
    pub fn variables(&self) -> Vec<Variable> {
        unimplemented!()
    }
    /// Calls `listener` with every engine event, from another thread, in order.
    pub fn on_event(&self, _listener: Box<dyn FnMut(&Event) + Send>) {
        unimplemented!()
    }
}
