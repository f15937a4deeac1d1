//! Completion and documentation at a cursor: commands and their arguments from the table, RDD variables, files, and Rust
//! from the session.

use crate::cell;
use crate::command::{self, Argument, COMMANDS, table};
use crate::session::{Completion, Completions, Documentation};
use crate::shell::Live;
use crate::view::html;
use rustyline::completion::FilenameCompleter;
use std::time::Duration;

/// Completes over a session.
pub struct Completer {
    live: Live,
    files: FilenameCompleter,
}

impl Completer {
    /// A completer over a session.
    pub fn new(live: Live) -> Completer {
        Completer { live, files: FilenameCompleter::new() }
    }

    /// What may replace the text around a byte offset. The session is asked for Rust, but not waited for longer than
    /// `patience`.
    pub fn complete(&self, text: &str, cursor: usize, patience: Duration) -> Completions {
        let line_start = text[..cursor].rfind('\n').map_or(0, |end| end + 1);
        let line = &text[line_start..cursor];
        match command_line(line) {
            None => self.live.control.complete(&cell::without_commands(text), cursor, patience),
            Some((name, None)) => Completions { range: cursor - name.len()..cursor, candidates: commands(name) },
            Some((name, Some(word))) => self.argument(name, word, text, cursor),
        }
    }

    /// What is known of the name at a byte offset.
    pub fn document(&self, text: &str, cursor: usize, patience: Duration) -> Option<Documentation> {
        let end = end_of_word(text, cursor);
        let line_start = text[..end].rfind('\n').map_or(0, |end| end + 1);
        match command_line(&text[line_start..end]) {
            None => self.live.control.document(&cell::without_commands(text), end, patience),
            Some((name, _)) => {
                let plain = command::about(name)?;
                Some(Documentation { html: html::text(&plain), plain })
            }
        }
    }

    fn argument(&self, name: &str, word: &str, text: &str, cursor: usize) -> Completions {
        let with_prefix = |words: Vec<String>, kind| {
            let fitting = words.into_iter().filter(|candidate| candidate.starts_with(word));
            fitting.map(|word| same(word, kind)).collect::<Vec<_>>()
        };
        let candidates = match table::find(name, "").map(|command| command.argument) {
            Some(Argument::Rdd) => with_prefix(self.live.names().into_values().collect(), "instance"),
            Some(Argument::Variable) => {
                let variables = self.live.control.variables().into_iter();
                with_prefix(variables.map(|variable| variable.name).collect(), "instance")
            }
            Some(Argument::Words(words)) => with_prefix(words.iter().map(|word| (*word).to_owned()).collect(), "text"),
            Some(Argument::Command) => commands(&format!(":{}", word.trim_start_matches(':'))),
            Some(Argument::File) => return self.file(text, cursor),
            Some(Argument::Other) | None => Vec::new(),
        };
        Completions { range: cursor - word.len()..cursor, candidates }
    }

    fn file(&self, text: &str, cursor: usize) -> Completions {
        let Ok((start, found)) = self.files.complete_path(text, cursor) else { return Completions::default() };
        let candidate = |pair: rustyline::completion::Pair| Completion {
            code: pair.replacement,
            label: pair.display,
            kind: "path",
        };
        Completions { range: start..cursor, candidates: found.into_iter().map(candidate).collect() }
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

/// Where the word ends that the cursor is in.
fn end_of_word(text: &str, cursor: usize) -> usize {
    let rest = &text[cursor..];
    cursor + rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
}

fn commands(prefix: &str) -> Vec<Completion> {
    let mut names: Vec<&str> =
        COMMANDS.iter().map(|command| command.name).filter(|name| name.starts_with(prefix)).collect();
    names.dedup();
    names.into_iter().map(|name| same(name.to_owned(), "magic")).collect()
}

fn same(text: String, kind: &'static str) -> Completion {
    Completion { label: text.clone(), code: text, kind }
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
        assert_eq!([end_of_word("a.wörd(b)", 3), end_of_word("ab", 2), end_of_word("a b", 1)], [7, 2, 1]);
    }

    #[test]
    fn commands_once_each() {
        let names: Vec<String> = commands(":ca").into_iter().map(|found| found.code).collect();
        assert_eq!(names, [":cache", ":cancel"]);
    }
}
