//! The shell without a terminal: `-e`, scripts and cells on standard input.

use crate::program;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tempfile::TempDir;

/// No shell runs longer; nothing that works comes near it.
const DEADLINE: Duration = Duration::from_secs(400);

/// A start of the shell in an empty directory of its own, free of the user's settings.
pub struct Shell {
    command: Command,
    directory: TempDir,
}

/// A shell that runs, with pipes on its streams. It is killed when this goes.
pub struct Running {
    /// Its standard input.
    pub stdin: Option<ChildStdin>,
    /// Its standard output.
    pub stdout: Option<ChildStdout>,
    /// Its standard error.
    pub stderr: Option<ChildStderr>,
    child: Arc<Mutex<Child>>,
    _ended: mpsc::Sender<()>,
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
        self.feed("")
    }

    /// Runs it to its end with this on standard input.
    pub fn feed(&mut self, input: &str) -> Ended {
        let mut running = self.spawn();
        let feeder = running.feed(input);
        let stdout = read_all(running.stdout.take());
        let stderr = read_all(running.stderr.take());
        let text =
            |reader: JoinHandle<Vec<u8>>| String::from_utf8_lossy(&reader.join().expect("output is read")).into_owned();
        let (stdout, stderr) = (text(stdout), text(stderr));
        feeder.join().expect("the input is written");
        Ended { stdout, stderr, code: running.wait().code() }
    }

    /// Starts it with pipes on all three streams.
    pub fn spawn(&mut self) -> Running {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running::start(&mut self.command)
    }

    /// Feeds cells through standard input; what each one brought on both streams, in the order of appearance.
    pub fn cells(&mut self, cells: &[&str]) -> Vec<String> {
        const MARK: &str = "~~ end of cell ~~";
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        let errors = writer.try_clone().expect("a second end of the pipe");
        self.command.stdin(Stdio::piped()).stdout(writer).stderr(errors);
        let mut running = Running::start(&mut self.command);
        // The writing ends that the command keeps would hold the pipe open.
        self.command.stdout(Stdio::null()).stderr(Stdio::null());
        let input: String = cells
            .iter()
            .enumerate()
            .map(|(index, cell)| format!("{}\n!echo '{MARK}'\n", self.on_one_line(index, cell)))
            .collect();
        let feeder = running.feed(&input);
        let mut text = Vec::new();
        reader.read_to_end(&mut text).expect("the shell's output");
        feeder.join().expect("the input is written");
        running.wait();
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

impl Running {
    fn start(command: &mut Command) -> Running {
        let mut child = command.spawn().expect("the shell starts");
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let child = Arc::new(Mutex::new(child));
        let (ended, end) = mpsc::channel::<()>();
        let watched = Arc::clone(&child);
        std::thread::spawn(move || {
            if end.recv_timeout(DEADLINE) == Err(RecvTimeoutError::Timeout) {
                eprintln!("the shell does not end: it is killed");
                let _ = lock(&watched).kill();
            }
        });
        Running { stdin, stdout, stderr, child, _ended: ended }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        lock(&self.child).id()
    }

    /// Waits for its end.
    pub fn wait(&self) -> ExitStatus {
        loop {
            if let Some(status) = lock(&self.child).try_wait().expect("the shell's end") {
                return status;
            }
            // The lock is free in between, for the one that kills it in the end.
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Writes and closes its standard input from another thread.
    fn feed(&mut self, input: &str) -> JoinHandle<()> {
        let mut stdin = self.stdin.take().expect("standard input is a pipe");
        let input = input.to_owned();
        // The shell may end before it has read everything.
        std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut child = lock(&self.child);
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn lock(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read_all(stream: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    let mut stream = stream.expect("the stream is a pipe");
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        bytes
    })
}

impl Ended {
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
