//! The loop's core: takes what the user typed or a script holds, runs its commands and its code, and shows the
//! outcome. It knows neither terminal nor files nor notebooks: [`crate::terminal`], [`crate::batch`] and the kernel feed
//! it, and a [`Front`] shows what comes of it.

pub mod backend;
pub mod front;
pub mod interrupt;
mod limit;
pub mod screen;

pub use limit::OutputLimit;

use crate::cell::{self, Part};
use crate::command;
use crate::config::Config;
use crate::session::{CellError, Outcome};
use crate::view::{self, Names, units};
use backend::{Backend, Control};
use dpark::MimeBundle;
use dpark::ids::{JobId, RddId};
use dpark::show::Shown;
use dpark::status::{Snapshot, StageState, StatusStore};
use front::Front;
use interrupt::Interrupts;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What commands can see and do while a cell runs.
#[derive(Clone)]
pub struct Live {
    /// The read model of the engine's events.
    pub status: Arc<Mutex<StatusStore>>,
    /// The session, from another thread.
    pub control: Arc<dyn Control>,
    /// The settings.
    pub config: Arc<Config>,
    /// Columns of the terminal, if there is one.
    pub width: Option<usize>,
}

impl Live {
    /// The engine's state now.
    pub fn snapshot(&self) -> Snapshot {
        self.store().snapshot()
    }

    fn store(&self) -> MutexGuard<'_, StatusStore> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The variables that hold RDDs.
    pub fn names(&self) -> Names {
        self.control.variables().into_iter().filter_map(|variable| Some((variable.rdd?, variable.name))).collect()
    }

    /// The RDD that a variable's name or a number means.
    pub fn find_rdd(&self, text: &str) -> Result<RddId, String> {
        if let Ok(id) = text.parse().map(RddId) {
            let known = self.snapshot().rdd(id).is_some();
            return if known { Ok(id) } else { Err(format!("there is no RDD {id}")) };
        }
        match self.control.variables().into_iter().find(|variable| variable.name == text) {
            Some(variable) => variable.rdd.ok_or_else(|| format!("`{text}` is no RDD but a {}", variable.type_name)),
            None => Err(format!("there is no variable `{text}`")),
        }
    }
}

/// What to do after an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// All parts ran.
    Done,
    /// A part failed; the ones after it did not run.
    Failed,
    /// The user wants to leave.
    Quit,
}

/// The shell over a session.
pub struct Shell<B> {
    /// The session.
    pub backend: B,
    /// What is there while a cell runs.
    pub live: Live,
    /// Where everything is shown.
    pub front: Arc<dyn Front>,
    /// Ctrl-C.
    pub interrupts: Interrupts,
    /// Whether every cell's time is shown.
    pub timing: bool,
    /// What `:save` writes.
    pub log: Vec<String>,
    /// The exit code with which a script's own code ended it.
    pub exited: Option<i32>,
}

impl<B: Backend> Shell<B> {
    /// A shell over a started session; listens to its events.
    pub fn new(backend: B, config: Arc<Config>, front: Arc<dyn Front>, interrupts: Interrupts) -> Shell<B> {
        let status = Arc::new(Mutex::new(StatusStore::default()));
        let store = Arc::clone(&status);
        backend.on_event(Box::new(move |event| store.lock().unwrap_or_else(PoisonError::into_inner).apply(event)));
        let control = backend.control();
        interrupts.watch(Arc::clone(&control), Arc::clone(&status));
        let timing = config.is_on("timing") || config.text("verbosity") == "verbose";
        let live = Live { status, control, config, width: front.width() };
        front.watch(&live);
        Shell { backend, live, front, interrupts, timing, log: Vec::new(), exited: None }
    }

    /// Runs one input: a cell that may mix commands and code by line.
    pub fn run(&mut self, input: &str) -> Flow {
        self.run_parts(cell::split(input), B::execute)
    }

    /// Runs the last input of a batch: if it ends with code, that is an ordinary function body.
    pub fn run_last(&mut self, input: &str) -> Flow {
        self.run_parts(cell::split(input), B::execute_last)
    }

    fn run_parts(&mut self, parts: Vec<Part>, ending: fn(&mut B, &str) -> Outcome) -> Flow {
        let mut kept = Vec::new();
        let mut flow = Flow::Done;
        let count = parts.len();
        for (index, part) in parts.into_iter().enumerate() {
            let execute = if index + 1 == count { ending } else { B::execute };
            flow = self.run_part(&part, execute);
            if flow != Flow::Done {
                break;
            }
            match part {
                Part::Code(code) => kept.push(code.trim_matches('\n').to_owned()),
                Part::Command { name, args } if command::is_kept(&name, &args) => {
                    kept.push(format!("{name} {args}").trim_end().to_owned());
                }
                _ => {}
            }
        }
        if !kept.is_empty() {
            self.log.push(kept.join("\n"));
        }
        flow
    }

    fn run_part(&mut self, part: &Part, execute: fn(&mut B, &str) -> Outcome) -> Flow {
        match part {
            Part::Code(code) => self.run_code(code, execute),
            Part::Shell(line) => self.run_shell_line(line),
            Part::Command { name, args } => match command::run(self, name, args) {
                Ok(command::Reply::Shown(bundle)) => {
                    self.front.answer(&bundle.into());
                    Flow::Done
                }
                Ok(command::Reply::Page(text)) => {
                    self.front.page(&text.into());
                    Flow::Done
                }
                Ok(command::Reply::Flow(flow)) => flow,
                Err(message) => self.fail(message),
            },
        }
    }

    fn run_code(&mut self, code: &str, execute: fn(&mut B, &str) -> Outcome) -> Flow {
        let before = self.live.snapshot();
        let last_job = before.jobs.last().map(|job| job.id);
        self.front.begin_cell();
        self.interrupts.begin_cell();
        let outcome = execute(&mut self.backend, code);
        self.interrupts.end_cell();
        self.front.end_cell();
        if stdout_is_closed(&outcome) {
            self.front.set_broken();
            return Flow::Failed;
        }
        let flow = self.show(&outcome);
        self.show_timing(&outcome, last_job);
        self.show_not_stored(&before);
        self.show_skipped_disks(&before);
        if matches!(outcome.error, Some(CellError::ChildDied(_))) {
            self.forget_engine();
        }
        flow
    }

    /// Runs a line in the system's shell.
    fn run_shell_line(&mut self, line: &str) -> Flow {
        let status = self.interrupts.paused(|| self.front.run_line(line));
        let message = match status {
            Ok(status) if status.success() => return Flow::Done,
            Ok(status) => format!("`{line}` ended with {status}"),
            Err(error) => format!("`{line}` could not be run: {error}"),
        };
        self.fail(message)
    }

    fn fail(&self, message: String) -> Flow {
        self.front.error(&CellError::Command(message));
        Flow::Failed
    }

    /// Shows what an execution or a command of the session left.
    pub fn show(&mut self, outcome: &Outcome) -> Flow {
        for notice in &outcome.notices {
            self.front.note(notice);
        }
        if let Some(text) = &outcome.text {
            self.front.answer(&text.as_str().into());
        }
        if let Some(shown) = &outcome.shown {
            self.front.value(&self.picture(shown));
        }
        match &outcome.error {
            None => Flow::Done,
            Some(CellError::Exited(code)) => {
                self.exited = Some(*code);
                Flow::Failed
            }
            Some(error) => {
                self.front.error(error);
                Flow::Failed
            }
        }
    }

    /// A value in all its forms.
    pub fn picture(&self, shown: &Shown) -> MimeBundle {
        match shown {
            Shown::Bundle(bundle) => bundle.clone(),
            shown => view::rich::shown(shown, &self.live.snapshot(), &self.live.names(), self.front.width()).into(),
        }
    }

    fn show_timing(&self, outcome: &Outcome, last_job: Option<JobId>) {
        let snapshot = self.live.snapshot();
        let ran: Vec<_> = snapshot
            .stages
            .values()
            .filter(|stage| last_job.is_none_or(|last| stage.info.job > last) && stage.state != StageState::Skipped)
            .collect();
        let time = &outcome.timing;
        let mut line = format!("{} s (compile {})", units::seconds(time.total), units::seconds(time.compile));
        if !ran.is_empty() {
            line = format!("{} · {line}", view::progress::summary(&ran));
        }
        if self.timing || !ran.is_empty() && self.front.shows_times() {
            self.front.note(&line);
        } else if let Some(skipped) = view::progress::skipped(&ran) {
            // Scripts are quiet, but not about results that miss records.
            self.front.note(&skipped);
        }
        for example in view::progress::examples(&snapshot, &ran) {
            self.front.note(&example);
        }
    }

    /// Says which persisted RDDs could not be written to disk while the cell ran.
    fn show_not_stored(&self, before: &Snapshot) {
        let names = self.live.names();
        for rdd in self.live.snapshot().rdds {
            let known = before.rdd(rdd.info.id).map(|known| &known.not_stored);
            if let Some(what) = view::cache::not_stored(&rdd).filter(|_| known != Some(&rdd.not_stored)) {
                let rdd = view::rdd_name(rdd.info.id, &names);
                self.front.note(&format!(
                    "{rdd} is not stored on disk as a whole: {what}; what is missing is computed again"
                ));
            }
        }
    }

    /// Says which disks of the work directory were full, or could not be written to, while the cell ran.
    fn show_skipped_disks(&self, before: &Snapshot) {
        for (directory, why) in self.live.snapshot().skipped_disks {
            if !before.skipped_disks.contains_key(&directory) {
                self.front.note(&format!("{directory} is skipped: {why}; files go to the other disks of work_dir"));
            }
        }
    }

    /// Forgets what a child's context did: a fresh one counts from the start.
    pub fn forget_engine(&self) {
        *self.live.store() = StatusStore::default();
    }
}

/// Whether the cell panicked because nobody reads what it prints, which is no error of the user's.
fn stdout_is_closed(outcome: &Outcome) -> bool {
    let is_pipe = |text: &str| text.contains("failed printing to stdout") && text.contains("Broken pipe");
    matches!(&outcome.error, Some(CellError::Panicked(text)) if is_pipe(text))
}

#[cfg(test)]
mod tests;
