//! The shell without a terminal: `-e`, scripts and cells on standard input.

use crate::program;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// A start of the shell in an empty directory of its own, free of the user's settings.
pub struct Shell {
    command: Command,
    directory: TempDir,
}

/// What a shell left.
#[derive(Debug)]
pub struct Ended {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
}

impl Shell {
    /// A shell with two threads.
    #[expect(clippy::new_without_default, reason = "it makes a directory")]
    pub fn new() -> Shell {
        let directory = tempfile::tempdir().expect("a directory for the shell");
        let mut command = Command::new(program::dpark_repl());
        isolate(&mut command, directory.path());
        command.env("DPARK_MASTER", "local[2]");
        Shell { command, directory }
    }

    /// Its working directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file into its working directory.
    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Shell {
        std::fs::write(self.path(name), content).expect("a file for the shell");
        self
    }

    /// A path in its working directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Lets it start in a directory below its own.
    pub fn directory_inside(mut self, name: &str) -> Shell {
        self.command.current_dir(self.directory.path().join(name));
        self
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Shell {
        self.command.arg(arg);
        self
    }

    /// Adds `-e CODE`.
    pub fn cell(self, code: &str) -> Shell {
        self.arg("-e").arg(code)
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Shell {
        self.command.env(name, value);
        self
    }

    /// Removes an environment variable.
    pub fn without_env(mut self, name: &str) -> Shell {
        self.command.env_remove(name);
        self
    }

    /// Runs it to its end, with nothing on standard input.
    pub fn run(&mut self) -> Ended {
        let output = self.command.stdin(Stdio::null()).output().expect("the shell starts");
        Ended::of(output)
    }

    /// Runs it to its end with this on standard input.
    pub fn feed(&mut self, input: &str) -> Ended {
        let mut child = self.spawn();
        let mut stdin = child.stdin.take().expect("standard input is a pipe");
        let input = input.to_owned();
        // The shell may end before it has read everything.
        let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
        let output = child.wait_with_output().expect("the shell ends");
        writer.join().expect("the input is written");
        Ended::of(output)
    }

    /// Starts it with pipes on all three streams.
    pub fn spawn(&mut self) -> Child {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command.spawn().expect("the shell starts")
    }

    /// Feeds cells through standard input; what each one brought on both streams, in the order of appearance.
    pub fn cells(&mut self, cells: &[&str]) -> Vec<String> {
        const MARK: &str = "~~ end of cell ~~";
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        let errors = writer.try_clone().expect("a second end of the pipe");
        self.command.stdin(Stdio::piped()).stdout(writer).stderr(errors);
        let mut child = self.command.spawn().expect("the shell starts");
        // The writing ends that the command keeps would hold the pipe open.
        self.command.stdout(Stdio::null()).stderr(Stdio::null());
        let input: String = cells
            .iter()
            .enumerate()
            .map(|(index, cell)| format!("{}\n!echo '{MARK}'\n", self.on_one_line(index, cell)))
            .collect();
        let mut stdin = child.stdin.take().expect("standard input is a pipe");
        let feeder = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
        let mut text = Vec::new();
        reader.read_to_end(&mut text).expect("the shell's output");
        feeder.join().expect("the input is written");
        child.wait().expect("the shell ends");
        let text = String::from_utf8_lossy(&text);
        let mut answers: Vec<String> = text.split(MARK).map(|answer| answer.trim_matches('\n').to_owned()).collect();
        assert_eq!(answers.len(), cells.len() + 1, "cells and answers do not match:\n{text}");
        let rest = answers.pop().unwrap_or_default();
        assert_eq!(rest, "", "after the last cell");
        answers
    }

    /// At the prompt a cell ends where its code is complete: one of several lines is loaded from a file.
    fn on_one_line(&self, index: usize, cell: &str) -> String {
        let cell = cell.trim_end();
        if !cell.contains('\n') {
            return cell.to_owned();
        }
        let file = self.path(&format!(".cell-{index}"));
        std::fs::write(&file, cell).expect("a file for the cell");
        format!(":load {}", file.display())
    }

    /// Runs pairs of a cell and what it must bring. `[…]` in the expected text stands for anything.
    pub fn transcript(&mut self, pairs: &[(&str, &str)]) {
        let cells: Vec<&str> = pairs.iter().map(|(cell, _)| *cell).collect();
        let answers = self.cells(&cells);
        let mut wrong = String::new();
        for ((cell, expected), answer) in pairs.iter().zip(&answers) {
            if !matches(expected, answer) {
                wrong.push_str(&format!("\n>> {cell}\n-- expected:\n{expected}\n-- got:\n{answer}\n"));
            }
        }
        assert!(wrong.is_empty(), "{wrong}");
    }
}

/// Gives a command an environment without the user's settings.
pub fn isolate(command: &mut Command, directory: &Path) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("DPARK_") {
            command.env_remove(name);
        }
    }
    command
        .current_dir(directory)
        .env("DPARK_CACHE_DIR", program::cache_directory())
        .env("XDG_CONFIG_HOME", directory.join(".config"))
        .env("XDG_STATE_HOME", directory.join(".state"));
}

/// Whether a text is what is expected, where `[…]` stands for anything.
pub fn matches(expected: &str, text: &str) -> bool {
    let mut pieces = expected.split("[…]");
    let Some(mut rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        match rest.split_once(piece) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

impl Ended {
    fn of(output: Output) -> Ended {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ended { stdout: text(output.stdout), stderr: text(output.stderr), code: output.status.code() }
    }

    /// It must have succeeded, said nothing on standard error and printed this.
    #[track_caller]
    pub fn prints(&self, stdout: &str) {
        assert_eq!((self.stdout.as_str(), self.stderr.as_str(), self.code), (stdout, "", Some(0)));
    }

    /// It must have exited with 1, and standard error must match.
    #[track_caller]
    pub fn fails(&self, stderr: &str) {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert!(matches(stderr, self.stderr.trim_end()), "expected:\n{stderr}\ngot:\n{}", self.stderr);
    }
}
