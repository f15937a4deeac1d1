//! How a cell runs.

use super::child::Answer;
use super::compiler::{self, Compiled, Refused};
use super::desk::Verdict;
use super::diagnostics;
use super::items::{Change, Items, Source};
use super::program::{Inputs, Keep, Known, Moved, Program};
use super::{CellError, Diagnostic, Label, Level, Outcome, Phase, Session, Timing, cache, lock, type_names};
use dpark::session::wire::{CellEnd, CellReport, ToChild};
use dpark_rewrite::cell::{self, Cell, Part, StatementKind};
use dpark_rewrite::{Insertion, RewriteError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

/// What evcxr made of a cell: the types of all variables, or why it would not have it.
pub(super) type Registered = Result<BTreeMap<String, String>, String>;

/// A cell on its way.
struct Attempt {
    number: u32,
    /// What it is called: `cell 4`.
    title: String,
    source: Arc<str>,
    cell: Option<Cell>,
    rewritten: Vec<Insertion>,
    items: Items,
    change: Change,
    /// The variables it may see: all but those whose type it defines again.
    variables: BTreeMap<String, Known>,
    /// Variables of a type that it defines again.
    outdated: Vec<String>,
    keep: Keep,
}

impl Session {
    /// Runs Rust code (no `:commands` in it) as the next cell.
    pub fn execute(&mut self, code: &str) -> Outcome {
        self.run(code, Keep::Variables)
    }

    /// Runs Rust code as the last cell of this session: a plain function body, whose variables nobody sees afterwards.
    pub fn execute_last(&mut self, code: &str) -> Outcome {
        self.run(code, Keep::Nothing)
    }

    fn run(&mut self, code: &str, keep: Keep) -> Outcome {
        let started = Instant::now();
        let mut outcome = self.attempt(code, keep, started);
        *lock(&self.shared.phase) = Phase::Idle;
        outcome.timing.total = started.elapsed();
        if outcome.error.is_none() {
            self.history.push(code.to_owned());
        }
        outcome
    }

    fn attempt(&mut self, code: &str, keep: Keep, started: Instant) -> Outcome {
        let attempt = match self.analyse(code, keep) {
            Ok(attempt) => attempt,
            Err(diagnostic) => return failed(CellError::Compile(vec![diagnostic])),
        };
        if attempt.cell.as_ref().is_some_and(|cell| cell.parts.is_empty()) {
            return Outcome::default();
        }
        // evcxr works on the cell while rustc does.
        let registering = match self.register(&attempt) {
            Ok(registering) => registering,
            Err(error) => return failed(CellError::Session(format!("{error:#}"))),
        };
        let mut attempt = attempt;
        let mut compiled = self.compile(&attempt);
        // An error that is nowhere in the user's text may be a type that cannot be named the way the child says it.
        let unplaced = |diagnostics: &[Diagnostic]| diagnostics.iter().all(|diagnostic| diagnostic.labels.is_empty());
        if matches!(&compiled, Err(CellError::Compile(diagnostics)) if unplaced(diagnostics))
            && self.infer_types(&mut attempt)
        {
            compiled = self.compile(&attempt);
        }
        let (program, compiled) = match compiled {
            Ok(compiled) => compiled,
            Err(error) => {
                self.desk.decide(attempt.number, Verdict::Refuse);
                return failed(error);
            }
        };
        let mut timing =
            Timing { compile: started.elapsed(), rustc: compiled.rustc, link: compiled.link, ..Timing::default() };
        let mut notices = Vec::new();
        if !attempt.outdated.is_empty() {
            self.line.tell(&ToChild::Forget(attempt.outdated.clone()));
            notices.push(outdated_notice(&attempt));
        }
        *lock(&self.shared.phase) = Phase::Running;
        let library = compiled.library.to_string_lossy().into_owned();
        self.line.tell(&ToChild::Run { library, symbol: program.symbol.clone() });
        let Some(report) = self.wait_for_report() else {
            self.desk.decide(attempt.number, Verdict::Refuse);
            return self.child_died(notices);
        };
        timing.load = Duration::from_micros(report.load_micros);
        timing.run = Duration::from_micros(report.run_micros);
        self.items.clone_from(&attempt.items);
        self.settle(&attempt, &report, registering, &mut notices);
        let error = error_of(&report);
        Outcome { shown: report.shown, text: None, notices, error, timing }
    }

    fn analyse(&mut self, code: &str, keep: Keep) -> Result<Attempt, Diagnostic> {
        let number = self.next_cell;
        self.next_cell += 1;
        let title = self.titles.next(number);
        let source: Arc<str> = Arc::from(code);
        let cell = cell::parse(code).ok();
        let mut items = self.items.clone();
        let all = lock(&self.shared.variables).clone();
        let outer: Vec<(String, String)> =
            all.iter().map(|(name, known)| (name.clone(), known.type_name.clone())).collect();
        let rewritten = dpark_rewrite::rewrite_cell(code, &outer, &self.items.about_rdds());
        let rewritten = rewritten.map_err(|error| rewrite_diagnostic(&error, &title, &source))?.insertions;
        let mut change = Change::default();
        if let Some(cell) = &cell {
            let from = Source { file: title.clone(), number, text: Arc::clone(&source), insertions: rewritten.clone() };
            change = items.add(&Arc::new(from), cell);
        }
        let is_outdated = |known: &Known| mentions_any(&known.type_name, &change.redefined);
        let (outdated, variables): (BTreeMap<_, _>, BTreeMap<_, _>) =
            all.into_iter().partition(|(_, known)| is_outdated(known));
        let outdated = outdated.into_keys().collect();
        Ok(Attempt { number, title, source, cell, rewritten, items, change, variables, outdated, keep })
    }

    /// Gives the cell to evcxr, if it is of interest there.
    fn register(&mut self, attempt: &Attempt) -> anyhow::Result<Option<Receiver<Registered>>> {
        self.hear_evcxr();
        let Some(cell) = &attempt.cell else { return Ok(None) };
        let interesting = attempt.binds() || cell.items().next().is_some() || !attempt.outdated.is_empty();
        if attempt.keep == Keep::Nothing || !interesting {
            return Ok(None);
        }
        if self.shared.interpreter.get().is_none() && !self.options.interactive {
            // Nobody types: what the child says of a type will do, or evcxr is asked when it does not.
            return Ok(None);
        }
        self.give_to_evcxr(attempt.number, attempt.source.to_string()).map(Some)
    }

    /// Keeps what evcxr has told in the meantime; what it still has to do stays in the queue. It answers in order.
    fn hear_evcxr(&mut self) {
        while let Some(next) = self.registering.front() {
            match next.try_recv() {
                Err(TryRecvError::Empty) => break,
                Ok(Ok(types)) => self.inferred = types,
                Ok(Err(_)) | Err(TryRecvError::Disconnected) => {}
            }
            self.registering.pop_front();
        }
    }

    /// A number for something that evcxr alone is told; the user's cells are not counted by it.
    fn next_number(&mut self) -> u32 {
        self.next_registration -= 1;
        self.next_registration
    }

    fn give_to_evcxr(&mut self, number: u32, code: String) -> anyhow::Result<Receiver<Registered>> {
        let desk = self.desk.clone();
        let interpreter = self.interpreter()?;
        Ok(interpreter.call(move |context| {
            desk.begin(number);
            let result = context.execute(&code);
            desk.end(number);
            match result {
                Ok(_) => Ok(context.variables_and_types().map(|(name, ty)| (name.to_owned(), ty.to_owned())).collect()),
                Err(evcxr::Error::CompilationErrors(errors)) => {
                    Err(errors.iter().map(|error| error.message()).collect::<Vec<_>>().join("\n"))
                }
                Err(error) => Err(error.to_string()),
            }
        }))
    }

    /// Compiles the cell, leaving out the stores of variables that it moves away.
    fn compile(&self, attempt: &Attempt) -> Result<(Program, Compiled), CellError> {
        let mut moved = Moved::new();
        let folder = self.folder.path().join("cells");
        let dependencies = lock(&self.dependencies).clone();
        loop {
            let program = Program::new(&Inputs {
                number: attempt.number,
                title: &attempt.title,
                source: &attempt.source,
                cell: attempt.cell.as_ref(),
                rewritten: &attempt.rewritten,
                variables: &attempt.variables,
                items: &attempt.items,
                moved: &moved,
                keep: attempt.keep,
            });
            let place = (!self.options.interactive && !dependencies.extra)
                .then(|| cache::place(&self.engine, &program, &self.opt_level))
                .flatten();
            if let Some(library) = place.clone().filter(|place| place.exists()) {
                return Ok((program, Compiled { library, rustc: Duration::ZERO, link: Duration::ZERO }));
            }
            program.write(&folder).map_err(|error| CellError::Session(format!("cannot write the cell: {error}")))?;
            let started_as = |pid| *lock(&self.shared.phase) = Phase::Compiling(pid);
            let compiled =
                compiler::compile(&self.toolchain, &dependencies, &folder, &program.name, &self.opt_level, &started_as);
            match compiled {
                Ok(compiled) => {
                    if let Some(place) = place {
                        cache::keep(&compiled.library, &place);
                    }
                    return Ok((program, compiled));
                }
                Err(Refused::Interrupted) => return Err(CellError::Interrupted),
                Err(Refused::Broken(message)) => return Err(CellError::Session(message)),
                // What does not parse has no names: only the parser's complaint counts.
                Err(Refused::Errors(mut messages))
                    if attempt.cell.is_none() && messages.iter().any(|m| m.code.is_none()) =>
                {
                    messages.retain(|message| message.code.is_none());
                    return Err(CellError::Compile(diagnostics::translate(&messages, &program)));
                }
                Err(Refused::Errors(messages)) => match diagnostics::moved_stores(&messages, &program) {
                    Some(more) if !more.is_subset(&moved) => moved.extend(more),
                    _ => return Err(CellError::Compile(diagnostics::translate(&messages, &program))),
                },
            }
        }
    }

    /// Asks evcxr for the types of the variables after all, because one cannot be named the way the child says it. Tells
    /// whether that changed anything.
    fn infer_types(&mut self, attempt: &mut Attempt) -> bool {
        if attempt.variables.len() < 2 {
            return false;
        }
        if self.shared.interpreter.get().is_none() {
            for code in self.history.clone() {
                let number = self.next_number();
                self.desk.decide(number, Verdict::Accept { moved: Vec::new() });
                let registering = self.give_to_evcxr(number, code).ok();
                self.registering.extend(registering);
            }
        }
        for registering in std::mem::take(&mut self.registering) {
            if let Ok(Ok(types)) = registering.recv() {
                self.inferred = types;
            }
        }
        let mut changed = false;
        for (name, known) in attempt.variables.iter_mut().filter(|(name, _)| name.as_str() != super::CONTEXT) {
            if let Some(inferred) = self.inferred.get(name).filter(|inferred| **inferred != known.type_name) {
                known.type_name.clone_from(inferred);
                lock(&self.shared.variables).insert(name.clone(), known.clone());
                changed = true;
            }
        }
        changed
    }

    fn wait_for_report(&mut self) -> Option<CellReport> {
        loop {
            match self.answers.recv() {
                Ok(Answer::Done(report)) => return Some(report),
                Ok(Answer::Lost) | Err(_) => {
                    self.connected = false;
                    return None;
                }
                Ok(Answer::Connected | Answer::Started(_)) => {}
            }
        }
    }

    /// Brings evcxr and the table of variables to where the cell has left the child.
    fn settle(
        &mut self,
        attempt: &Attempt,
        report: &CellReport,
        registering: Option<Receiver<Registered>>,
        notices: &mut Vec<String>,
    ) {
        let completed = report.end == CellEnd::Completed;
        let mut lost = report.gone.clone();
        lost.extend(attempt.outdated.iter().cloned());
        if !completed && !report.gone.is_empty() && attempt.keep == Keep::Variables {
            notices.push(format!("moved away by the cell before it failed: {}", names(&report.gone)));
        }
        let registered = if completed {
            self.desk.decide(attempt.number, Verdict::Accept { moved: lost.clone() });
            match registering {
                Some(registering) => Some(registering),
                None if lost.is_empty() || self.shared.interpreter.get().is_none() => None,
                None => self.give_to_evcxr(attempt.number, attempt.source.to_string()).ok(),
            }
        } else {
            self.desk.decide(attempt.number, Verdict::Refuse);
            self.register_completed_part(attempt, report, &lost)
        };
        self.registering.extend(registered);
        let mut unnameable = Vec::new();
        let mut variables = lock(&self.shared.variables);
        variables.retain(|name, _| !lost.contains(name));
        if attempt.keep == Keep::Nothing {
            return;
        }
        for stored in &report.stored {
            let Some(is_mut) = attempt.binding(&stored.name, report.left_at) else { continue };
            if stored.type_name.contains("{{") {
                variables.remove(&stored.name);
                unnameable.push(stored.name.clone());
                continue;
            }
            let type_name = type_names::as_code(&stored.type_name);
            variables.insert(stored.name.clone(), Known { type_name, is_mut });
        }
        drop(variables);
        if !unnameable.is_empty() {
            notices.push(format!(
                "{} cannot be kept: the type of a closure has no name. Box it, as in `let f: Box<dyn Fn(i64) -> i64> = Box::new(..);`, or make it a `fn`",
                names(&unnameable)
            ));
            self.line.tell(&ToChild::Forget(unnameable));
        }
    }

    /// A failed cell keeps its items and the `let`s that were completed: evcxr learns of these alone.
    fn register_completed_part(
        &mut self,
        attempt: &Attempt,
        report: &CellReport,
        lost: &[String],
    ) -> Option<Receiver<Registered>> {
        let cell = attempt.cell.as_ref()?;
        let mut statement = 0;
        let mut kept = String::new();
        for part in &cell.parts {
            let keep = match part {
                Part::Item(_) => true,
                Part::Statement(found) => {
                    statement += 1;
                    report.left_at.is_some_and(|left| statement <= left)
                        && matches!(found.kind, StatementKind::Let { .. })
                }
            };
            if keep {
                kept.push_str(&attempt.source[part.range()]);
                kept.push('\n');
            }
        }
        if kept.is_empty() || self.shared.interpreter.get().is_none() {
            return None;
        }
        // A number of its own: the cell's was refused.
        let number = self.next_number();
        self.desk.decide(number, Verdict::Accept { moved: lost.to_vec() });
        self.give_to_evcxr(number, kept).ok()
    }

    fn child_died(&mut self, mut notices: Vec<String>) -> Outcome {
        if self.line.is_closed() {
            let error = Some(CellError::ChildDied("the session has ended".to_owned()));
            return Outcome { notices, error, ..Outcome::default() };
        }
        let status = self.line.bury();
        if let (Ok(Some(code)), false) = (status.as_ref().map(|status| status.code()), self.options.interactive) {
            // What `exit` means in a program it means in a script.
            return Outcome { notices, error: Some(CellError::Exited(code)), ..Outcome::default() };
        }
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        let mut lost: Vec<String> = lock(&self.shared.variables).keys().cloned().collect();
        lost.retain(|name| name != super::CONTEXT);
        let again = self.restart();
        notices.extend(again.notices);
        let mut message = format!("the engine child ended ({status}); a fresh one with a fresh `ctx` is there");
        if !lost.is_empty() {
            message.push_str(&format!("; lost variables: {}", names(&lost)));
        }
        if let Some(CellError::Session(error)) = again.error {
            message = format!("the engine child ended ({status}), and a fresh one cannot be started: {error}");
        }
        Outcome { notices, error: Some(CellError::ChildDied(message)), ..Outcome::default() }
    }
}

impl Attempt {
    /// Whether the cell binds variables that stay.
    fn binds(&self) -> bool {
        let is_binding = |kind: &StatementKind| matches!(kind, StatementKind::Let { binds, .. } if !binds.is_empty());
        self.keep == Keep::Variables
            && self.cell.as_ref().is_some_and(|cell| cell.statements().any(|statement| is_binding(&statement.kind)))
    }

    /// Whether the stored variable was bound by this cell (`mut` or not) before statement `left_at`.
    fn binding(&self, name: &str, left_at: Option<usize>) -> Option<bool> {
        let cell = self.cell.as_ref()?;
        let completed = cell.statements().take(left_at.unwrap_or(usize::MAX));
        let binds = completed.filter_map(|statement| match &statement.kind {
            StatementKind::Let { binds, .. } => Some(binds),
            _ => None,
        });
        binds.flatten().filter(|bind| bind.name == name).map(|bind| bind.is_mut).last()
    }
}

fn failed(error: CellError) -> Outcome {
    Outcome { error: Some(error), ..Outcome::default() }
}

fn error_of(report: &CellReport) -> Option<CellError> {
    if report.interrupted && report.end != CellEnd::Completed {
        return Some(CellError::Interrupted);
    }
    match &report.end {
        CellEnd::Completed => None,
        CellEnd::Returned(text) => Some(CellError::Returned(text.clone())),
        CellEnd::Panicked { message, location: Some(at) } => Some(CellError::Panicked(format!("{message} (at {at})"))),
        CellEnd::Panicked { message, location: None } => Some(CellError::Panicked(message.clone())),
        CellEnd::Refused(message) => Some(CellError::Session(message.clone())),
    }
}

fn names(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn outdated_notice(attempt: &Attempt) -> String {
    let changed: Vec<String> = attempt.change.redefined.iter().cloned().collect();
    format!("dropped {}: {} was defined again", names(&attempt.outdated), names(&changed))
}

/// Whether a type, as code, mentions one of the names.
fn mentions_any(type_name: &str, names: &BTreeSet<String>) -> bool {
    type_name.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| names.contains(word))
}

fn rewrite_diagnostic(error: &RewriteError, title: &str, source: &Arc<str>) -> Diagnostic {
    Diagnostic {
        level: Level::Error,
        code: None,
        message: error.message(),
        labels: vec![Label {
            file: title.to_owned(),
            source: Arc::clone(source),
            range: error.offset..error.offset + error.len,
            text: String::new(),
            primary: true,
        }],
        notes: vec![("help".to_owned(), error.help())],
    }
}
