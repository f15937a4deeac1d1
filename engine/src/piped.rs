//! A program that turns lines into lines: the child process behind one partition of `pipe`.
//!
//! Three threads move bytes: one feeds the program, one reads what it writes, one reads its error output. The task's own
//! thread alone computes rows and takes lines, and it never blocks on the program: it waits, looking at the cancel flag,
//! only while there is neither output to take nor room for more input. So the program may read and write in any order.

mod programs;
mod queues;

pub(crate) use programs::Programs;

use crate::cluster::executor::as_on_the_driver;
use crate::context::Context;
use crate::error::Failure;
use crate::task::{Stop, TaskContext};
use programs::Started;
use queues::{QUEUE, Queues, Shared, feed, read, read_errors};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often a waiting task looks whether it was cancelled.
const LOOK: Duration = Duration::from_millis(20);
/// A running program. Dropping it kills the program and what it started.
pub(crate) struct Piped {
    /// What was started, for messages.
    command: String,
    child: Child,
    started: Started,
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
    pub(crate) fn start(arguments: &[String], context: &Context) -> Result<Piped, Failure> {
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
        // A program lives until it ends by itself or is killed; but in an executor at most as long as that, however it ends.
        if context.is_in_executor() {
            as_on_the_driver(&mut command_line);
            // SAFETY: between fork and exec only one system call is made.
            unsafe { command_line.pre_exec(die_with_parent) };
        }
        let mut child = command_line.spawn().map_err(failed)?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let mut piped = Piped {
            command,
            started: context.programs.add(child.id(), context),
            child,
            exited: false,
            shared: Arc::default(),
            threads: Vec::new(),
            output: Vec::new(),
            at: 0,
            line: Vec::new(),
        };
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
            self.started.check_memory()?;
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
