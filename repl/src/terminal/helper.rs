//! What the line editor asks of us while the user types.

use super::highlight::highlight;
use crate::cell;
use crate::complete::Completer;
use crate::session::Completion;
use rustyline::completion::Pair;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Result};
use std::borrow::Cow;
use std::cell::Cell;
use std::time::Duration;

/// Completion may have to wait for type inference, but whoever typed Tab does not wait for ever.
const PATIENCE: Duration = Duration::from_secs(10);

/// The line editor's helper.
#[derive(rustyline::Helper, rustyline::Hinter)]
pub(super) struct Helper {
    completer: Completer,
    colors: bool,
    /// Whether brackets are shown: not in the final picture of a line.
    editing: Cell<bool>,
}

impl Helper {
    /// A helper.
    pub(super) fn new(completer: Completer, colors: bool) -> Helper {
        Helper { completer, colors, editing: Cell::new(true) }
    }
}

impl rustyline::completion::Completer for Helper {
    type Candidate = Pair;

    fn complete(&self, line: &str, cursor: usize, _context: &Context<'_>) -> Result<(usize, Vec<Pair>)> {
        let found = self.completer.complete(line, cursor, PATIENCE);
        let pair = |candidate: Completion| Pair { display: candidate.label, replacement: candidate.code };
        Ok((found.range.start, found.candidates.into_iter().map(pair).collect()))
    }
}

impl Highlighter for Helper {
    fn highlight<'l>(&self, line: &'l str, cursor: usize) -> Cow<'l, str> {
        if self.colors {
            Cow::Owned(highlight(line, self.editing.get().then_some(cursor)))
        } else {
            Cow::Borrowed(line)
        }
    }

    fn highlight_char(&self, _line: &str, _cursor: usize, kind: CmdKind) -> bool {
        self.editing.set(kind != CmdKind::ForcedRefresh);
        self.colors
    }
}

impl Validator for Helper {
    fn validate(&self, context: &mut ValidationContext<'_>) -> Result<ValidationResult> {
        let input = context.input();
        // Two empty lines send what looks incomplete: the compiler then says what is missing.
        let complete = input.ends_with("\n\n") || cell::cell_is_complete(input);
        Ok(if complete { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}
