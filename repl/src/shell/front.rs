//! The seam between the shell and whoever looks at it: a terminal or the streams of a script ([`Screen`]), or a notebook.

use super::Live;
use super::screen::Screen;
use crate::report;
use crate::session::CellError;
use dpark::MimeBundle;
use dpark::display::Output;
use std::io;
use std::process::{Command, ExitStatus};

/// What the shell asks of a front end. All calls may come from any thread.
pub trait Front: Send + Sync {
    /// The session whose cells are shown.
    fn watch(&self, live: &Live);
    /// Code begins to run: progress may be shown from now on.
    fn begin_cell(&self);
    /// It has ended: progress is over, all that it has printed is there.
    fn end_cell(&self);
    /// The value of a cell.
    fn value(&self, value: &MimeBundle);
    /// What a command answers.
    fn answer(&self, answer: &MimeBundle);
    /// What a command answers if that is rather read than kept.
    fn page(&self, text: &MimeBundle) {
        self.answer(text);
    }
    /// What user code shows by `dpark::display`.
    fn output(&self, output: Output);
    /// A quiet line beside results.
    fn note(&self, text: &str);
    /// Something the user should know now, whatever else is quiet.
    fn tell(&self, text: &str);
    /// Why a cell failed.
    fn error(&self, error: &CellError);
    /// Columns for texts, if they are limited.
    fn width(&self) -> Option<usize>;
    /// Whether a quiet line tells how long each cell with a job took.
    fn shows_times(&self) -> bool;
    /// What a user does to interrupt a cell.
    fn interrupt(&self) -> &'static str {
        "Ctrl-C"
    }
    /// Runs a line in the system's shell, with its output where the user sees it.
    fn run_line(&self, line: &str) -> io::Result<ExitStatus> {
        self.flush();
        Command::new("sh").arg("-c").arg(line).status()
    }
    /// Writes out what is buffered.
    fn flush(&self) {}
    /// The terminal has echoed Ctrl-C.
    fn key_echoed(&self) {}
    /// Nobody reads our output any more.
    fn set_broken(&self) {}
    /// Whether nobody reads our output any more.
    fn is_broken(&self) -> bool {
        false
    }
}

impl Front for Screen {
    fn watch(&self, live: &Live) {
        Screen::watch(self, std::sync::Arc::clone(&live.status));
    }

    fn begin_cell(&self) {
        Screen::begin_cell(self);
    }

    fn end_cell(&self) {
        Screen::end_cell(self);
    }

    fn value(&self, value: &MimeBundle) {
        self.show(&self.capped(&value.plain()));
    }

    fn answer(&self, answer: &MimeBundle) {
        self.show(&answer.plain());
    }

    fn output(&self, output: Output) {
        match output {
            Output::Display(_, bundle) | Output::Update(_, bundle) => self.show(&bundle.plain()),
            Output::Clear { .. } => {}
        }
    }

    fn note(&self, text: &str) {
        Screen::note(self, text);
    }

    fn tell(&self, text: &str) {
        self.show_error(text);
    }

    fn error(&self, error: &CellError) {
        self.show_error(&report::error(error, self.colors(), Screen::width(self)));
    }

    fn width(&self) -> Option<usize> {
        Screen::width(self)
    }

    fn shows_times(&self) -> bool {
        self.is_terminal()
    }

    fn flush(&self) {
        Screen::flush(self);
    }

    fn key_echoed(&self) {
        Screen::key_echoed(self);
    }

    fn set_broken(&self) {
        Screen::set_broken(self);
    }

    fn is_broken(&self) -> bool {
        Screen::is_broken(self)
    }
}
