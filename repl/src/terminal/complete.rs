//! Tab: commands and their arguments from the table, RDD variables, files, and Rust from the session.

use crate::cell;
use crate::command::{Argument, COMMANDS, table};
use crate::shell::Live;
use crate::shell::backend::Backend;
use rustyline::completion::{FilenameCompleter, Pair};
use std::cell::RefCell;
use std::rc::Rc;

/// Rust's completions at an offset: where the replaced text starts, and what may replace it.
type Rust = dyn Fn(&str, usize) -> (usize, Vec<Pair>);

/// Completes at the prompt.
pub(super) struct Completer {
    rust: Box<Rust>,
    live: Live,
    files: FilenameCompleter,
}

impl Completer {
    /// A completer over a session.
    pub(super) fn new<B: Backend + 'static>(backend: Rc<RefCell<B>>, live: Live) -> Completer {
        let rust = move |code: &str, offset: usize| {
            let completions = backend.borrow_mut().complete(code, offset);
            let pair =
                |candidate: crate::session::Completion| Pair { display: candidate.label, replacement: candidate.code };
            (completions.range.start, completions.candidates.into_iter().map(pair).collect())
        };
        Completer { rust: Box::new(rust), live, files: FilenameCompleter::new() }
    }

    /// Where the replaced text starts, and what may replace it.
    pub(super) fn complete(&self, text: &str, cursor: usize) -> (usize, Vec<Pair>) {
        let line_start = text[..cursor].rfind('\n').map_or(0, |end| end + 1);
        let line = &text[line_start..cursor];
        let Some((name, args)) = command_line(line) else {
            return (self.rust)(&cell::without_commands(text), cursor);
        };
        match args {
            None => (line_start + line.len() - name.len(), commands(name)),
            Some(word) => self.argument(name, word, text, cursor),
        }
    }

    fn argument(&self, name: &str, word: &str, text: &str, cursor: usize) -> (usize, Vec<Pair>) {
        let start = cursor - word.len();
        let with_prefix = |words: Vec<String>| {
            words.into_iter().filter(|candidate| candidate.starts_with(word)).map(same).collect::<Vec<_>>()
        };
        let candidates = match table::find(name, "").map(|command| command.argument) {
            Some(Argument::Rdd) => with_prefix(self.live.names().into_values().collect()),
            Some(Argument::Variable) => {
                with_prefix(self.live.control.variables().into_iter().map(|variable| variable.name).collect())
            }
            Some(Argument::Words(words)) => with_prefix(words.iter().map(|word| (*word).to_owned()).collect()),
            Some(Argument::Command) => commands(&format!(":{}", word.trim_start_matches(':'))),
            Some(Argument::File) => return self.files.complete_path(text, cursor).unwrap_or_default(),
            Some(Argument::Other) | None => Vec::new(),
        };
        (start, candidates)
    }
}

/// A command line up to the cursor: the name, and the word being typed after it if it has got so far.
fn command_line(line: &str) -> Option<(&str, Option<&str>)> {
    let line = line.trim_start();
    if !line.starts_with(':') || line.starts_with("::") {
        return None;
    }
    Some(match line.split_once(char::is_whitespace) {
        None => (line, None),
        Some((name, rest)) => (name, Some(rest.rsplit(char::is_whitespace).next().unwrap_or(rest))),
    })
}

fn commands(prefix: &str) -> Vec<Pair> {
    let mut names: Vec<&str> =
        COMMANDS.iter().map(|command| command.name).filter(|name| name.starts_with(prefix)).collect();
    names.dedup();
    names.into_iter().map(|name| same(name.to_owned())).collect()
}

fn same(text: String) -> Pair {
    Pair { display: text.clone(), replacement: text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_at_the_cursor() {
        assert_eq!(command_line(":lin"), Some((":lin", None)));
        assert_eq!(command_line("  :lineage wo"), Some((":lineage", Some("wo"))));
        assert_eq!(command_line(":lineage "), Some((":lineage", Some(""))));
        assert_eq!(command_line("x.map(|y| y)"), None);
        assert_eq!(command_line("::std"), None);
    }

    #[test]
    fn commands_once_each() {
        let names: Vec<String> = commands(":ca").into_iter().map(|pair| pair.replacement).collect();
        assert_eq!(names, [":cache", ":cancel"]);
    }
}
