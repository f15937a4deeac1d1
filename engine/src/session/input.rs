//! Standard input that is asked for: user code reads descriptor 0 as ever, and when a thread of it waits there, the front
//! end is asked for a line.
//!
//! Behind descriptor 0 is a pipe of our own. Nothing tells the writing end of a pipe that somebody waits at the other, but
//! the system tells a process which call each of its own threads is in.

use std::fs;
use std::io::{PipeWriter, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The pipe behind standard input.
#[derive(Default)]
pub(super) struct Input {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// None where the input has ended, until the next cell.
    writer: Option<PipeWriter>,
    /// The front end was asked and has not answered yet.
    asked: bool,
}

impl Input {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before a cell: input that has ended begins again.
    pub(super) fn begin(&self) {
        let mut state = self.state();
        state.asked = false;
        if state.writer.is_none() {
            state.writer = new_pipe();
        }
    }

    /// A line for whoever waits, without its end; none ends the input for this cell.
    pub(super) fn give(&self, line: Option<&str>) {
        let mut state = self.state();
        state.asked = false;
        match (line, &mut state.writer) {
            (Some(line), Some(writer)) => {
                // If it cannot be written nobody reads it.
                let _ = writer.write_all(format!("{line}\n").as_bytes());
            }
            _ => state.writer = None,
        }
    }

    /// Whether a thread waits for input and nobody has been asked for it. Asked once, it is taken for done.
    pub(super) fn is_wanted(&self) -> bool {
        let mut state = self.state();
        // In this order: who still waits when the pipe is known to be empty has taken what there was.
        let wanted = state.writer.is_some() && !state.asked && is_empty(standard_input()) && a_thread_reads();
        state.asked |= wanted;
        wanted
    }
}

fn standard_input() -> BorrowedFd<'static> {
    // SAFETY: descriptor 0 is open in every process that the shell starts, and nobody closes it.
    unsafe { BorrowedFd::borrow_raw(libc::STDIN_FILENO) }
}

/// Puts a new pipe behind descriptor 0 and returns its other end.
fn new_pipe() -> Option<PipeWriter> {
    let (reader, writer) = std::io::pipe().ok()?;
    // SAFETY: both are open descriptors; whoever reads descriptor 0 expects another pipe there between cells.
    let replaced = unsafe { libc::dup2(reader.as_raw_fd(), libc::STDIN_FILENO) };
    (replaced >= 0).then_some(writer)
}

fn is_empty(pipe: BorrowedFd<'_>) -> bool {
    let mut looked_at = libc::pollfd { fd: pipe.as_fd().as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one descriptor, which lives, and no waiting.
    unsafe { libc::poll(&raw mut looked_at, 1, 0) == 0 }
}

/// Whether a thread of this process sleeps in a read of descriptor 0.
fn a_thread_reads() -> bool {
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return false };
    let calls = threads.flatten().filter_map(|thread| fs::read_to_string(thread.path().join("syscall")).ok());
    calls.into_iter().any(|call| is_read_of_standard_input(&call))
}

/// A line of `/proc/…/syscall`: the number of the call and its arguments, or `running`.
fn is_read_of_standard_input(call: &str) -> bool {
    let mut words = call.split_whitespace();
    let number = words.next().and_then(|number| number.parse::<libc::c_long>().ok());
    matches!(number, Some(libc::SYS_read | libc::SYS_readv)) && words.next() == Some("0x0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_of_other_files_are_none() {
        let read =
            |descriptor| format!("{} {descriptor} 0x7f05e952c000 0x20000 0x0 0x0 0x0 0x7ffe 0x7f05", libc::SYS_read);
        assert!(is_read_of_standard_input(&read("0x0")));
        assert!(!is_read_of_standard_input(&read("0x3")));
        assert!(!is_read_of_standard_input("running"));
    }

    #[test]
    fn a_pipe_is_empty_until_something_is_written() {
        let (mut reader, mut writer) = std::io::pipe().unwrap();
        assert!(is_empty(reader.as_fd()));
        writer.write_all(b"x").unwrap();
        assert!(!is_empty(reader.as_fd()));
        let mut byte = [0];
        std::io::Read::read_exact(&mut reader, &mut byte).unwrap();
        assert!(is_empty(reader.as_fd()));
    }
}
