//! A program that turns lines into lines: the child process behind one partition of `pipe`.
//!
//! Three threads move bytes: one feeds the program, one reads what it writes, one reads its error output. The task's own
//! thread alone computes rows and takes lines, and it never blocks on the program: it waits, looking at the cancel flag,
//! only while there is neither output to take nor room for more input. So the program may read and write in any order.

use crate::cluster::executor::VARIABLES;
use crate::error::Failure;
use crate::task::{Stop, TaskContext};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Bytes that may wait to be fed, and to be taken.
const QUEUE: usize = 1 << 18;
/// How often a waiting task looks whether it was cancelled.
const LOOK: Duration = Duration::from_millis(20);
/// Bytes kept of the last line of error output.
const LAST_LINE: usize = 1000;

/// A running program. Dropping it kills the program and what it started.
pub(crate) struct Piped {
    /// What was started, for messages.
    command: String,
    child: Child,
    exited: bool,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    /// Output that lines are being taken from, from `at` on, and the line that began in earlier output.
    output: Vec<u8>,
    at: usize,
    line: Vec<u8>,
}

/// What the task can do next.
pub(crate) enum Next {
    /// Take lines.
    Lines,
    /// Feed more input, or say that there is none.
    Feed,
    /// Nothing: the program has ended well.
    End,
}

#[derive(Default)]
struct Shared {
    queues: Mutex<Queues>,
    changed: Condvar,
}

#[derive(Default)]
struct Queues {
    input: VecDeque<Vec<u8>>,
    input_bytes: usize,
    /// There is no more input, or the program does not read any more.
    input_ended: bool,
    output: VecDeque<Vec<u8>>,
    output_bytes: usize,
    /// Threads that have not ended.
    threads: usize,
    /// Nobody takes output any more.
    abandoned: bool,
    last_error_line: Vec<u8>,
    read_error: Option<String>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, queues: MutexGuard<'a, Queues>) -> MutexGuard<'a, Queues> {
        self.changed.wait(queues).unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Queues)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

/// How long a program may live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// Until it ends by itself or is killed.
    Own,
    /// At most as long as this process, however that ends: it is an executor.
    OfThisProcess,
}

/// Should the parent of this process be killed, this one goes with it. For `pre_exec`, on a thread that lives as long as the
/// parent.
pub(crate) fn die_with_parent() -> std::io::Result<()> {
    // SAFETY: the call only sets an attribute of this process.
    match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

impl Piped {
    /// Starts a program.
    pub(crate) fn start(arguments: &[String], lifetime: Lifetime) -> Result<Piped, Failure> {
        let command = arguments.join(" ");
        let failed = |error: std::io::Error| {
            let hint = "; give an installed program, with its path unless it is in $PATH (no shell takes part)";
            Failure::Other(format!("pipe: `{command}` cannot be started: {error}{hint}"))
        };
        let (program, arguments) = arguments.split_first().ok_or_else(|| Failure::Other(NO_COMMAND.to_owned()))?;
        // A process group of its own, so that whatever the program starts can be killed with it.
        let mut command_line = Command::new(program);
        command_line
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        if lifetime == Lifetime::OfThisProcess {
            for name in VARIABLES {
                command_line.env_remove(name);
            }
            // SAFETY: between fork and exec only one system call is made.
            unsafe { command_line.pre_exec(die_with_parent) };
        }
        let mut child = command_line.spawn().map_err(failed)?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (shared, threads) = (Arc::default(), Vec::new());
        let mut piped =
            Piped { command, child, exited: false, shared, threads, output: Vec::new(), at: 0, line: Vec::new() };
        if let Some(stdin) = stdin {
            piped.spawn(move |shared| feed(shared, stdin))?;
        }
        if let Some(stdout) = stdout {
            piped.spawn(move |shared| read(shared, stdout))?;
        }
        if let Some(stderr) = stderr {
            piped.spawn(move |shared| read_errors(shared, stderr))?;
        }
        Ok(piped)
    }

    fn spawn(&mut self, work: impl FnOnce(&Shared) + Send + 'static) -> Result<(), Failure> {
        let shared = Arc::clone(&self.shared);
        self.shared.lock().threads += 1;
        let thread = std::thread::Builder::new().name("dpark-pipe".to_owned()).spawn(move || {
            work(&shared);
            shared.change(|queues| queues.threads -= 1);
        });
        match thread {
            Ok(thread) => self.threads.push(thread),
            Err(error) => return Err(Failure::Other(format!("pipe: no thread for `{}`: {error}", self.command))),
        }
        Ok(())
    }

    /// Waits until there is something to do.
    pub(crate) fn next(&mut self, task: &TaskContext) -> Result<Next, Stop> {
        let shared = Arc::clone(&self.shared);
        let mut queues = shared.lock();
        loop {
            task.check()?;
            if let Some(output) = queues.output.pop_front() {
                queues.output_bytes -= output.len();
                shared.changed.notify_all();
                (self.output, self.at) = (output, 0);
                return Ok(Next::Lines);
            }
            if !queues.input_ended && queues.input_bytes < QUEUE {
                return Ok(Next::Feed);
            }
            if queues.threads == 0 && self.ended(&queues)? {
                return Ok(if self.line.is_empty() { Next::End } else { Next::Lines });
            }
            // A program that has closed all its pipes is about to end.
            let time = if queues.threads == 0 { LOOK / 20 } else { LOOK };
            queues = shared.changed.wait_timeout(queues, time).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether the program has ended; an error if it has not ended well.
    fn ended(&mut self, queues: &Queues) -> Result<bool, Stop> {
        let command = &self.command;
        if let Some(error) = &queues.read_error {
            return Err(Failure::Other(format!("pipe: the output of `{command}` cannot be read: {error}")).into());
        }
        let status = self.child.try_wait().map_err(|error| Failure::Other(format!("pipe: `{command}`: {error}")))?;
        let Some(status) = status else { return Ok(false) };
        self.exited = true;
        if status.success() {
            return Ok(true);
        }
        let last = String::from_utf8_lossy(&queues.last_error_line);
        let last = if last.is_empty() { "it wrote nothing to its error output".into() } else { last };
        Err(Failure::Other(format!("pipe: `{command}` ended with {status}: {last}")).into())
    }

    /// Gives the program input.
    pub(crate) fn feed(&mut self, input: Vec<u8>) {
        if !input.is_empty() {
            self.shared.change(|queues| {
                queues.input_bytes += input.len();
                queues.input.push_back(input);
            });
        }
    }

    /// Tells the program that there is no more input.
    pub(crate) fn end_input(&mut self) {
        self.shared.change(|queues| queues.input_ended = true);
    }

    /// The next line of the output that has arrived.
    pub(crate) fn take_line(&mut self) -> Result<Option<String>, Failure> {
        let unread = &self.output[self.at..];
        match memchr::memchr(b'\n', unread) {
            Some(length) => {
                self.line.extend_from_slice(&unread[..length]);
                self.at += length + 1;
            }
            None => {
                self.line.extend_from_slice(unread);
                self.at = self.output.len();
                // The last line needs no line end.
                if !self.exited || self.line.is_empty() {
                    return Ok(None);
                }
            }
        }
        let line = String::from_utf8(std::mem::take(&mut self.line)).map_err(|error| {
            let (command, line) = (&self.command, String::from_utf8_lossy(error.as_bytes()).into_owned());
            let hint = "let it write UTF-8, or convert its output with `iconv`";
            Failure::Other(format!("pipe: `{command}` wrote a line that is not valid UTF-8: {line:?}; {hint}"))
        })?;
        Ok(Some(line))
    }
}

pub(crate) const NO_COMMAND: &str = "there is no command; give a program and its arguments";

impl Drop for Piped {
    fn drop(&mut self) {
        if !self.exited {
            // SAFETY: sends a signal, nothing else. The child was not waited for, so its group still has this number.
            unsafe { libc::kill(-(self.child.id() as libc::pid_t), libc::SIGKILL) };
            let _ = self.child.wait();
        }
        self.shared.change(|queues| {
            queues.abandoned = true;
            queues.input_ended = true;
        });
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Writes what there is to be fed. A program that does not read all of it is none the worse for that.
fn feed(shared: &Shared, mut stdin: ChildStdin) {
    loop {
        let mut queues = shared.lock();
        while queues.input.is_empty() && !queues.input_ended {
            queues = shared.wait(queues);
        }
        let Some(input) = queues.input.pop_front() else { return };
        drop(queues);
        let written = stdin.write_all(&input);
        shared.change(|queues| {
            queues.input_bytes -= input.len();
            if written.is_err() {
                queues.input.clear();
                queues.input_bytes = 0;
                queues.input_ended = true;
            }
        });
    }
}

/// Reads what the program writes.
fn read(shared: &Shared, stdout: impl Read) {
    let error = read_all(stdout, |bytes| {
        let mut queues = shared.lock();
        while queues.output_bytes >= QUEUE && !queues.abandoned {
            queues = shared.wait(queues);
        }
        queues.output_bytes += bytes.len();
        queues.output.push_back(bytes.to_vec());
        drop(queues);
        shared.changed.notify_all();
    });
    shared.change(|queues| queues.read_error = error);
}

/// Passes error output on, and keeps its last line.
fn read_errors(shared: &Shared, stderr: impl Read) {
    let mut line = Vec::new();
    read_all(stderr, |bytes| {
        let _ = std::io::stderr().write_all(bytes);
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            line.extend_from_slice(&part[..part.len().min(LAST_LINE.saturating_sub(line.len()))]);
            if part.ends_with(b"\n") {
                keep_line(shared, &mut line);
            }
        }
    });
    keep_line(shared, &mut line);
}

fn keep_line(shared: &Shared, line: &mut Vec<u8>) {
    let text = line.trim_ascii();
    if !text.is_empty() {
        shared.lock().last_error_line = text.to_vec();
    }
    line.clear();
}

/// Reads to the end; returns what went wrong, if anything.
fn read_all(mut input: impl Read, mut each: impl FnMut(&[u8])) -> Option<String> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return None,
            Ok(n) => each(&buffer[..n]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Some(error.to_string()),
        }
    }
}
