//! What comes of a cell, as the front ends see it.

use dpark::show::Shown;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

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
    /// Of that, the compiler.
    pub rustc: Duration,
    /// Of that, the linker.
    pub link: Duration,
    /// Loading the library into the child.
    pub load: Duration,
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
    /// The code of a script ended its process, with this exit code.
    Exited(i32),
    /// A command could not be carried out: one sentence.
    Command(String),
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
    /// What it is, in Jupyter's words: `function`, `struct`, `module`, ….
    pub kind: &'static str,
}

/// Completions and the byte range of the source that they replace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completions {
    /// The range to replace.
    pub range: Range<usize>,
    /// The candidates.
    pub candidates: Vec<Completion>,
}

/// What is known of a name: its type and its documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Documentation {
    /// As text.
    pub plain: String,
    /// As HTML.
    pub html: String,
}

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
