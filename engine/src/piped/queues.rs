//! The bytes that wait to be fed to a program and to be taken from it, and what the threads do that move them.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::process::ChildStdin;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes that may wait to be fed, and to be taken.
pub(super) const QUEUE: usize = 1 << 18;
/// Bytes kept of the last line of error output.
const LAST_LINE: usize = 1000;

/// What the threads of a program share with its task.
#[derive(Default)]
pub(super) struct Shared {
    queues: Mutex<Queues>,
    pub(super) changed: Condvar,
}

#[derive(Default)]
pub(super) struct Queues {
    pub(super) input: VecDeque<Vec<u8>>,
    pub(super) input_bytes: usize,
    /// There is no more input, or the program does not read any more.
    pub(super) input_ended: bool,
    pub(super) output: VecDeque<Vec<u8>>,
    pub(super) output_bytes: usize,
    /// Threads that have not ended.
    pub(super) threads: usize,
    /// Nobody takes output any more.
    pub(super) abandoned: bool,
    pub(super) last_error_line: Vec<u8>,
    pub(super) read_error: Option<String>,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, queues: MutexGuard<'a, Queues>) -> MutexGuard<'a, Queues> {
        self.changed.wait(queues).unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Queues)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

/// Writes what there is to be fed. A program that does not read all of it is none the worse for that.
pub(super) fn feed(shared: &Shared, mut stdin: ChildStdin) {
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
pub(super) fn read(shared: &Shared, stdout: impl Read) {
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
pub(super) fn read_errors(shared: &Shared, stderr: impl Read) {
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
