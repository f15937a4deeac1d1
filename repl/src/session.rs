//! A session: one engine child, the variables that live in it, and what evcxr knows of them.
//!
//! A cell takes two ways at once. One is ours: it is analysed, its captures are rewritten, and it becomes a
//! [`program`] that rustc compiles, with our flags and our link step, and the [`child`] loads and runs. The other is
//! evcxr's: it parses the cell, infers the types of new variables and commits its state when the [`desk`] tells it that
//! the cell has run. So a cell costs what rustc costs, and type inference only where it takes longer than that.

mod cache;
pub mod child;
pub mod compiler;
pub mod dependencies;
pub mod desk;
mod diagnostics;
pub mod engine;
mod execute;
mod imports;
pub mod interpreter;
mod items;
mod outcome;
pub mod program;
mod titles;
pub mod toolchain;
mod type_names;

pub use outcome::{
    CellError, Completion, Completions, Diagnostic, Documentation, Label, Level, Outcome, Timing, Variable,
};

use crate::feeder::SharedInput;
use anyhow::{Context, Result, anyhow, bail};
use child::{Answer, Line, Spawn};
use dependencies::Dependencies;
use desk::Desk;
use dpark::display::Output;
use dpark::event::Event;
use dpark::ids::{ExecutorId, JobId, RddId};
use dpark::session::wire::ToChild;
use dpark::storage::PrivateDir;
use engine::Engine;
use interpreter::{Interpreter, Setup};
use items::Items;
use program::Known;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use titles::Titles;
use toolchain::Toolchain;

/// What a session is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// `local`, `local[4]`.
    pub master: String,
    /// Default parallelism; 0 means the master's own.
    pub parallelism: usize,
    /// Memory budget in bytes.
    pub memory: u64,
    /// Where private directories for files are made; none for the system's directory for temporary files.
    pub work_dirs: Vec<PathBuf>,
    /// The tolerated part of bad records, from 0 to 1.
    pub err: f64,
    /// What `std::env::args()` gives to user code, program name first.
    pub args: Vec<String>,
    /// Where user code's standard streams go.
    pub stdio: Stdio,
    /// Where its standard input comes from.
    pub input: Input,
    /// Where goes what it shows by `dpark::display`.
    pub display: Display,
    /// Whether somebody types: then type inference warms up at once, for completion. Else only when a cell needs it.
    pub interactive: bool,
}

/// Where user code's standard streams go.
#[derive(Clone)]
pub enum Stdio {
    /// They are ours: descriptors 0, 1 and 2 of this process.
    Inherit,
    /// Input is ours; output comes to this function, chunk by chunk, as it is printed.
    Watch(Arc<Sink>),
}

/// Where user code's standard input comes from.
#[derive(Clone)]
pub enum Input {
    /// It is ours.
    Inherit,
    /// It is shared with whoever reads cells.
    Shared(SharedInput),
    /// This function is called when user code waits for a line; [`Handle::give_input`] brings it.
    Asked(Arc<dyn Fn() + Send + Sync>),
}

/// Takes what user code shows by `dpark::display`, in order with what it prints.
#[derive(Clone)]
pub struct Display(pub Arc<dyn Fn(Output) + Send + Sync>);

/// Takes the chunks of user output.
pub type Sink = dyn Fn(Stream, &[u8]) + Send + Sync;

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

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Input::Inherit => "Inherit",
            Input::Shared(_) => "Shared",
            Input::Asked(_) => "Asked",
        })
    }
}

impl std::fmt::Debug for Display {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Display")
    }
}

/// The variable that every session has.
pub const CONTEXT: &str = "ctx";
/// Its type, as cells write it.
const CONTEXT_TYPE: &str = "::dpark::DparkContext";
/// How cells are optimised unless `:opt` says otherwise: evcxr's own default. Level 1 compiles a fat cell in four fifths
/// of the time, but a word count takes a fifth longer.
const DEFAULT_OPT_LEVEL: &str = "2";
/// What evcxr is told of the session's beginning; it never runs.
const PRELUDE: &str = "use dpark::prelude::*;\nlet ctx: dpark::DparkContext = unreachable!();";

/// A live session. Calls block; other threads reach it through a [`Handle`].
pub struct Session {
    options: Options,
    toolchain: Toolchain,
    engine: Engine,
    /// Sockets, programs and libraries; gone with the session.
    folder: PrivateDir,
    desk: Desk,
    line: Line,
    answers: Receiver<Answer>,
    /// Whether a child is there whose end has not been announced yet.
    connected: bool,
    spawn: Spawn,
    dependencies: Arc<Mutex<Dependencies>>,
    items: Items,
    opt_level: String,
    next_cell: u32,
    titles: Titles,
    /// Counts down, away from the numbers of cells.
    next_registration: u32,
    /// What evcxr has been given and may not have come to yet.
    registering: VecDeque<Receiver<execute::Registered>>,
    /// The types of all variables, as evcxr told them last.
    inferred: BTreeMap<String, String>,
    history: Vec<String>,
    shared: Arc<Shared>,
}

/// What handles share with the session.
struct Shared {
    line: Line,
    variables: Mutex<BTreeMap<String, Known>>,
    phase: Mutex<Phase>,
    interpreter: OnceLock<Interpreter>,
}

/// What an interrupt has to reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    /// The compiler runs, under this process id.
    Compiling(u32),
    Running,
}

/// What other threads may do with a session while a cell runs. Cheap to clone.
#[derive(Clone)]
pub struct Handle(Arc<Shared>);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Session {
    /// Starts a session. Returns as soon as the child can run cells; type inference warms up behind it. `progress`
    /// hears what a first start builds.
    pub fn start(options: Options, progress: &mut dyn FnMut(&str)) -> Result<Session> {
        let toolchain = Toolchain::find()?;
        if !toolchain.has_std_sources() {
            bail!(
                "the sources of the standard library are missing, type inference needs them: `rustup component add rust-src`"
            );
        }
        let engine = Engine::ensure(&toolchain, progress)?;
        let temporary = std::env::temp_dir();
        let folder = PrivateDir::make(&temporary, "session-")
            .with_context(|| format!("a folder for the session in {}", temporary.display()))?;
        std::fs::create_dir(folder.path().join("cells"))?;
        let socket = folder.path().join("child.sock");
        let (line, answers) = Line::listen(&socket, options.input.clone(), options.display.clone())?;
        let dependencies = Arc::new(Mutex::new(engine.dependencies.clone()));
        let prepare = prepare(&engine, &toolchain, folder.path(), &dependencies);
        let desk = Desk::open(&folder.path().join("desk.sock"), prepare)?;
        let spawn = Spawn {
            stub: engine.stub(),
            libraries: [toolchain.std.clone(), engine.dependencies.engine.clone()],
            socket,
            arguments: options.args.clone(),
            stdio: options.stdio.clone(),
            input: options.input.clone(),
        };
        line.spawn(&spawn)?;
        let phase = Mutex::new(Phase::Idle);
        let shared =
            Arc::new(Shared { line: line.clone(), variables: Mutex::default(), phase, interpreter: OnceLock::new() });
        let mut session = Session {
            options,
            toolchain,
            engine,
            folder,
            desk,
            line,
            answers,
            connected: false,
            spawn,
            dependencies,
            items: Items::default(),
            opt_level: DEFAULT_OPT_LEVEL.to_owned(),
            next_cell: 1,
            titles: Titles::default(),
            next_registration: u32::MAX,
            registering: VecDeque::new(),
            inferred: BTreeMap::new(),
            history: Vec::new(),
            shared,
        };
        if session.options.interactive {
            session.interpreter()?;
        }
        session.make_context()?;
        Ok(session)
    }

    /// The release of the compiler, as in the banner: `1.95`.
    pub fn rust_release(&self) -> &str {
        self.toolchain.release()
    }

    /// Runs one of evcxr's own commands (`:dep …`, `:vars`, `:opt 2`).
    pub fn evcxr_command(&mut self, line: &str) -> Outcome {
        if let Some(level) = line.strip_prefix(":opt ") {
            self.opt_level = level.trim().to_owned();
        }
        if let Some(text) = self.variables_command(line) {
            return match text {
                Ok(text) => Outcome { text: Some(text), ..Outcome::default() },
                Err(message) => Outcome { error: Some(CellError::Session(message)), ..Outcome::default() },
            };
        }
        let command = line.to_owned();
        let run = move |context: &mut evcxr::CommandContext| match context.execute(&command) {
            Ok(outputs) => Ok(outputs.get("text/plain").map(str::to_owned)),
            Err(evcxr::Error::CompilationErrors(errors)) => {
                Err(errors.iter().map(|error| error.message()).collect::<Vec<_>>().join("\n"))
            }
            Err(error) => Err(error.to_string()),
        };
        let answer = self.interpreter().and_then(|interpreter| interpreter.ask(run));
        match answer.map_err(|error| format!("{error:#}")).flatten() {
            Ok(text) => Outcome { text, ..Outcome::default() },
            Err(message) => Outcome { error: Some(CellError::Session(message)), ..Outcome::default() },
        }
    }

    /// `:vars`, `:type NAME`: the child knows best.
    fn variables_command(&self, line: &str) -> Option<Result<String, String>> {
        let (command, name) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        let all = self.handle().variables();
        match command {
            ":vars" => {
                let lines = all.iter().map(|variable| format!("{}: {}", variable.name, variable.type_name));
                Some(Ok(lines.collect::<Vec<_>>().join("\n")))
            }
            ":type" | ":t" => {
                let found = all.iter().find(|variable| variable.name == name.trim());
                let text = found.map(|variable| format!("{}: {}", variable.name, variable.type_name));
                Some(text.ok_or_else(|| format!("there is no variable `{}`", name.trim())))
            }
            _ => None,
        }
    }

    /// `:clear`: drops variables, items and dependencies; a fresh child with a fresh `ctx`.
    pub fn clear(&mut self) -> Outcome {
        self.items = Items::default();
        self.history.clear();
        *lock(&self.dependencies) = self.engine.dependencies.clone();
        let commands: Vec<String> =
            self.session_dependencies().into_iter().map(|(name, spec)| format!(":dep {name} = {spec}")).collect();
        self.begin_again(format!("{}\n{PRELUDE}", commands.join("\n")), Some(":clear"))
    }

    /// `:restart`: drops the variables; items and dependencies stay; a fresh child with a fresh `ctx`.
    pub fn restart(&mut self) -> Outcome {
        self.begin_again(PRELUDE.to_owned(), Some(":restart"))
    }

    fn begin_again(&mut self, prelude: String, command: Option<&'static str>) -> Outcome {
        self.registering.clear();
        self.inferred.clear();
        let result = self.fresh_child().map(|()| {
            let Some(interpreter) = self.shared.interpreter.get() else { return };
            // evcxr carries it out before the next cell; nobody needs to wait.
            drop(interpreter.call(move |context| {
                for code in command.into_iter().chain([prelude.as_str()]) {
                    if let Err(error) = context.execute(code) {
                        eprintln!("dpark-repl: {code}: {error}");
                    }
                }
            }));
        });
        let error = result.err().map(|error: anyhow::Error| CellError::Session(format!("{error:#}")));
        Outcome { error, ..Outcome::default() }
    }

    /// A handle for other threads.
    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.shared))
    }

    /// The cells that ran without error, in order, as typed: what `:save` writes.
    pub fn history(&self) -> Vec<String> {
        self.history.clone()
    }

    /// The next cells are called `cell N`, as a front end counts them. Several of one number are `cell N`, `cell N.2`, ….
    pub fn count_cells_from(&mut self, number: u32) {
        self.titles.count_from(number);
    }

    /// evcxr, started when first needed.
    fn interpreter(&mut self) -> Result<&Interpreter> {
        if self.shared.interpreter.get().is_none() {
            let mut child = Command::new(self.engine.stand_in().join("mold"));
            child.arg("--evcxr-child");
            let path = std::env::var_os("PATH").unwrap_or_default();
            let folders = std::iter::once(self.engine.stand_in()).chain(std::env::split_paths(&path));
            let text = |path: std::ffi::OsString| path.into_string().map_err(|_| anyhow!("a path that is not UTF-8"));
            let setup = Setup {
                child,
                build_environment: vec![
                    ("PATH".to_owned(), text(std::env::join_paths(folders)?)?),
                    ("DPARK_CARGO_SOCKET".to_owned(), text(self.folder.path().join("desk.sock").into())?),
                    ("DPARK_LOCK_FILE".to_owned(), text(self.engine.lock_file().into())?),
                ],
                dependencies: self.session_dependencies(),
                prelude: PRELUDE.to_owned(),
            };
            // Only the session starts one, and it has looked.
            let _ = self.shared.interpreter.set(Interpreter::start(setup)?);
        }
        self.shared.interpreter.get().context("evcxr was just started")
    }

    fn session_dependencies(&self) -> Vec<(String, String)> {
        vec![
            ("dpark".to_owned(), format!("{{ path = {:?} }}", self.engine.source())),
            ("serde".to_owned(), "{ version = \"1\", features = [\"derive\"] }".to_owned()),
        ]
    }

    /// Waits for a new child and lets it make `ctx`.
    fn make_context(&mut self) -> Result<()> {
        loop {
            match self.answers.recv().context("the line to the child")? {
                Answer::Connected => {
                    self.connected = true;
                    self.line.tell(&ToChild::Start {
                        master: self.options.master.clone(),
                        parallelism: self.options.parallelism,
                        memory: self.options.memory,
                        work_dirs: self.options.work_dirs.clone(),
                        err: self.options.err,
                        asks_for_input: matches!(self.options.input, Input::Asked(_)),
                    });
                }
                Answer::Started(Ok(())) => break,
                Answer::Started(Err(message)) => bail!("{message}"),
                Answer::Lost => {
                    self.connected = false;
                    bail!("the engine child ended at once ({})", self.line.bury()?)
                }
                Answer::Done(_) => {}
            }
        }
        let mut variables = lock(&self.shared.variables);
        variables.clear();
        variables.insert(CONTEXT.to_owned(), Known { type_name: CONTEXT_TYPE.to_owned(), is_mut: false });
        Ok(())
    }

    /// Ends the child and starts another.
    fn fresh_child(&mut self) -> Result<()> {
        self.line.kill();
        let _ = self.line.bury();
        // What the old child says is of no interest any more; its end must not be taken for the new one's.
        while self.connected {
            let answer = self.answers.recv().context("the line to the child")?;
            self.connected = !matches!(answer, Answer::Lost);
        }
        self.line.spawn(&self.spawn)?;
        self.make_context()
    }
}

/// Builds what a `:dep` adds before evcxr goes on, and refuses what would change the engine under the running child.
fn prepare(engine: &Engine, toolchain: &Toolchain, folder: &Path, current: &Arc<Mutex<Dependencies>>) -> desk::Prepare {
    let (engine, toolchain, current) = (engine.clone(), toolchain.clone(), Arc::clone(current));
    let folder = folder.join("deps");
    let built: Mutex<BTreeMap<String, Dependencies>> = Mutex::default();
    Box::new(move |manifest, say| {
        let text = std::fs::read_to_string(manifest).map_err(|error| format!("{}: {error}", manifest.display()))?;
        let wanted = dependencies::of_manifest(&text).map_err(|error| format!("{error:#}"))?;
        let extra: Vec<&(String, String)> =
            wanted.iter().filter(|(name, _)| name != "dpark" && name != "serde").collect();
        if extra.is_empty() {
            *lock(&current) = engine.dependencies.clone();
            return Ok(());
        }
        let key = format!("{extra:?}");
        if let Some(known) = lock(&built).get(&key) {
            *lock(&current) = known.clone();
            return Ok(());
        }
        let found =
            dependencies::add(&folder, &engine, &toolchain, &wanted, say).map_err(|error| format!("{error:#}"))?;
        *lock(&current) = found.clone();
        lock(&built).insert(key, found);
        Ok(())
    })
}

impl Handle {
    /// Cancels the running jobs; the cell's action returns an error. A cell that is still being compiled ends at once.
    pub fn interrupt(&self) {
        match *lock(&self.0.phase) {
            Phase::Idle => {}
            Phase::Compiling(pid) => {
                let pid = nix::unistd::Pid::from_raw(pid.cast_signed());
                let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT);
            }
            Phase::Running => self.0.line.tell(&ToChild::Interrupt),
        }
    }

    /// Ends the child at once; `execute` returns [`CellError::ChildDied`] after a fresh one has started.
    pub fn kill_child(&self) {
        self.0.line.kill();
    }

    /// Ends the child for good: what runs ends with [`CellError::ChildDied`], and no fresh one is started.
    pub fn close(&self) {
        self.0.line.close();
    }

    /// The line that user code waits for; none is the end of the input.
    pub fn give_input(&self, line: Option<String>) {
        self.0.line.tell(&ToChild::Input(line));
    }

    /// Completions of Rust code at a byte offset. None when type inference is not warm yet, or has no answer within
    /// `patience`: it may wait for a running cell.
    pub fn complete(&self, code: &str, offset: usize, patience: Duration) -> Completions {
        let code = code.to_owned();
        let found = self.0.interpreter.get().and_then(|interpreter| {
            interpreter.ask_within(patience, move |context| {
                let found = context.completions(&code, offset).ok()?;
                let candidates = found.completions.into_iter().map(|found| Completion {
                    code: found.code,
                    label: found.label,
                    kind: found.kind,
                });
                Some(Completions { range: found.start_offset..found.end_offset, candidates: candidates.collect() })
            })
        });
        found.flatten().unwrap_or_default()
    }

    /// What is known of the name that ends at a byte offset; with the same `patience` as [`Handle::complete`].
    pub fn document(&self, code: &str, offset: usize, patience: Duration) -> Option<Documentation> {
        let code = code.to_owned();
        let found = self.0.interpreter.get()?.ask_within(patience, move |context| {
            context.hover_at(&code, offset).ok().map(|(plain, html)| Documentation { plain, html })
        });
        // evcxr's words for a name that nothing is known of.
        found.flatten().filter(|found| !["", "No documentation found"].contains(&found.plain.trim()))
    }

    /// Cancels one job.
    pub fn cancel_job(&self, job: JobId) {
        self.0.line.tell(&ToChild::CancelJob(job));
    }

    /// Drops the cached partitions of an RDD.
    pub fn uncache(&self, rdd: RddId) {
        self.0.line.tell(&ToChild::Uncache(rdd));
    }

    /// Ends the process of an executor.
    pub fn kill_executor(&self, executor: ExecutorId) {
        self.0.line.tell(&ToChild::KillExecutor(executor));
    }

    /// The variables, by name.
    pub fn variables(&self) -> Vec<Variable> {
        let variables = lock(&self.0.variables);
        let variable = |(name, known): (&String, &Known)| Variable {
            name: name.clone(),
            type_name: type_names::short(&known.type_name),
            rdd: self.0.line.rdd(name),
        };
        variables.iter().map(variable).collect()
    }

    /// Calls `listener` with every engine event, from another thread, in order.
    pub fn on_event(&self, listener: Box<dyn FnMut(&Event) + Send>) {
        self.0.line.on_event(listener);
    }
}
