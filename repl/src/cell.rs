//! What a user typed or wrote in a file, cut into its parts: Rust code, `:commands` and `!shell` lines; and the cells
//! of a script.

use crate::lexer::{self, Kind, Token};

/// A part of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Rust code, preceded by as many line ends as there are lines before it: its lines keep their numbers.
    Code(String),
    /// A command: its name with the colon, and the rest of the line.
    Command {
        /// `:dep`.
        name: String,
        /// What follows, trimmed.
        args: String,
    },
    /// A line for the system's shell, without its `!`.
    Shell(String),
}

/// Cuts a cell into its parts, in order. A line is a command if it begins with `:` and a letter, or with `!`, and no
/// statement is open before it.
pub fn split(cell: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut code = Lines::default();
    for (number, line) in cell.split_inclusive('\n').enumerate() {
        match special(line) {
            Some(part) if code.may_end_before(&part) => {
                parts.extend(code.take());
                parts.push(part);
            }
            _ => code.push(number, line),
        }
    }
    parts.extend(code.take());
    parts
}

/// The cell with its command and shell lines blanked: the code keeps its offsets.
pub fn without_commands(cell: &str) -> String {
    cell.split_inclusive('\n')
        .map(|line| if special(line).is_some() { line.replace(|c| c != '\n', " ") } else { line.to_owned() })
        .collect()
}

/// The command or shell line that this line is, if it stands by itself.
fn special(line: &str) -> Option<Part> {
    let line = line.trim_end();
    if let Some(command) = line.strip_prefix('!') {
        return Some(Part::Shell(command.trim().to_owned()));
    }
    let line = line.trim_start();
    let name_follows = line.strip_prefix(':')?.starts_with(|c: char| c.is_ascii_alphabetic());
    let (name, args) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    name_follows.then(|| Part::Command { name: name.to_owned(), args: args.trim().to_owned() })
}

/// The lines of code gathered so far.
#[derive(Default)]
struct Lines {
    text: String,
    first: usize,
}

impl Lines {
    fn push(&mut self, number: usize, line: &str) {
        if self.text.is_empty() {
            self.first = number;
        }
        self.text.push_str(line);
    }

    fn may_end_before(&self, part: &Part) -> bool {
        let tokens = significant(&self.text);
        let ends_statement = tokens.last().is_none_or(|last| matches!(&self.text[last.range.clone()], ";" | "}"));
        // `!` after an open expression is an operator; a `:word` never continues one.
        is_complete(&self.text) && (ends_statement || !matches!(part, Part::Shell(_)))
    }

    fn take(&mut self) -> Option<Part> {
        let Lines { text, first } = std::mem::take(self);
        if significant(&text).is_empty() && is_complete(&text) {
            return None;
        }
        Some(Part::Code("\n".repeat(first) + &text))
    }
}

fn significant(source: &str) -> Vec<Token> {
    let mut tokens = lexer::tokens(source);
    tokens.retain(|token| token.kind != Kind::Comment);
    tokens
}

/// Whether Rust code wants more lines. What no further line would mend is complete: the compiler says what is wrong.
pub fn is_complete(source: &str) -> bool {
    dpark_rewrite::cell::completeness(source) != dpark_rewrite::cell::Completeness::Incomplete
}

/// Whether a cell, commands included, is complete. What follows a command line is looked at by itself.
pub fn cell_is_complete(cell: &str) -> bool {
    match split(cell).last() {
        Some(Part::Code(code)) => is_complete(code),
        _ => true,
    }
}

/// The cells of a script: separated by lines that begin with `// %%`. A first line `#!…` is not part of any. Each
/// cell is preceded by as many line ends as there are lines before it in the file, so that the compiler's line
/// numbers are the file's.
pub fn split_script(script: &str) -> Vec<String> {
    let tokens = lexer::tokens(script);
    let inside_literal = |offset: usize| {
        tokens.iter().any(|token| {
            token.closed && token.range.start < offset && offset < token.range.end && token.kind != Kind::Punctuation
        })
    };
    let mut cells = vec![String::new()];
    let mut offset = 0;
    for (number, line) in script.split_inclusive('\n').enumerate() {
        let is_interpreter = number == 0 && line.starts_with("#!") && !line.starts_with("#![");
        let is_separator = line.starts_with("// %%") && !inside_literal(offset);
        offset += line.len();
        if is_separator {
            cells.push("\n".repeat(number + 1));
        } else if let Some(cell) = cells.last_mut() {
            cell.push_str(if is_interpreter { "\n" } else { line });
        }
    }
    cells.retain(|cell| !cell.trim().is_empty());
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(name: &str, args: &str) -> Part {
        Part::Command { name: name.into(), args: args.into() }
    }

    #[test]
    fn commands_and_code_by_line() {
        assert_eq!(
            split(":dep regex = \"1\"\nlet x = 1;\n:vars\n!ls -l\nx\n"),
            [
                command(":dep", "regex = \"1\""),
                Part::Code("\nlet x = 1;\n".into()),
                command(":vars", ""),
                Part::Shell("ls -l".into()),
                Part::Code("\n\n\n\nx\n".into()),
            ]
        );
        assert_eq!(split("x\n:type x"), [Part::Code("x\n".into()), command(":type", "x")]);
    }

    #[test]
    fn lines_inside_of_code_are_code() {
        for code in [
            "let s = \"\n:vars\n\";",
            "f(\n:: std::mem::take\n)",
            "let a\n:i32 = 1;",
            "let b =\n!true;",
            "/*\n:x\n*/ 1",
        ] {
            assert_eq!(split(code), [Part::Code(code.into())], "{code}");
        }
        assert_eq!(split("// only a comment\n\n"), []);
    }

    #[test]
    fn complete_and_incomplete() {
        for text in [
            "",
            "1",
            "let x = 1;",
            "fn f() {}",
            "x + 1",
            "struct A;",
            "if a { 1 } else { 2 }",
            "use a::b;",
            "f(1)?",
            "a..",
            "let x = 1; x",
            "1 )",
            "match x { _ => 1 }",
            "println!(\"(\")",
            "loop {}",
            "let S { a } = s;",
            "fn f() {} f()",
            "words.map(|w| (w, 1))",
            "// note",
            "impl A { fn f() {} }",
            "x;",
            "#[derive(Debug)] struct A { x: i32 }",
            "Some::<i32>(1)",
            "let Some(x) = y else { return };",
        ] {
            assert!(cell_is_complete(text), "{text}");
        }
        for text in [
            "f(",
            "let x = 1",
            "let x =",
            "fn f()",
            "struct A",
            "#[derive(Debug)]",
            "x +",
            "x.",
            "\"abc",
            "/* a",
            "r#\"a\"",
            "words\n .map(|w| {",
            "impl A",
            "let v = S { a: 1 }",
            "use a",
            "a &&",
            "let x = if a { 1 }",
            "1; let y = 2",
            "use a::{b, c}",
            "#[test] fn f()",
        ] {
            assert!(!cell_is_complete(text), "{text}");
        }
    }

    #[test]
    fn script_cells_keep_their_lines() {
        assert_eq!(split_script("let a = 1;\n"), ["let a = 1;\n"]);
        assert_eq!(
            split_script("#!/usr/bin/env dpark-repl\nlet a = 1;\n// %% second\na\n"),
            ["\nlet a = 1;\n", "\n\n\na\n"]
        );
        assert_eq!(split_script("let s = \"\n// %%\n\";").len(), 1);
        assert_eq!(split_script("#![allow(unused)]\n1"), ["#![allow(unused)]\n1"]);
        assert_eq!(split_script("// %%\n\n// %%\n1").len(), 1);
    }
}
