//! Reading the lines of one split.

use super::Split;
use crate::batch::Batch;
use crate::error::Failure;
use crate::pipeline::{BadRows, Source};
use crate::task::{Stop, TaskContext};
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

const BUFFER: usize = 1 << 18;

/// The lines that start in a split.
pub(super) struct Lines {
    path: PathBuf,
    input: Box<dyn Read>,
    buffer: Vec<u8>,
    /// The part of the buffer that was read and not used yet.
    start: usize,
    filled: usize,
    /// Position in the (uncompressed) file of `buffer[start]`.
    offset: u64,
    /// Lines that start here or behind belong to the next split.
    end: u64,
    at_end: bool,
    skip_first: bool,
    rows: BadRows,
}

impl Lines {
    pub(super) fn open(split: &Split) -> Result<Lines, Stop> {
        let read_error = |error: std::io::Error| failed(&split.path, &error.to_string());
        let mut file = File::open(&split.path).map_err(read_error)?;
        // The split begins with the first line that starts at `start`: behind the line end that is at `start - 1` or later.
        let offset = split.start.saturating_sub(1);
        if offset > 0 {
            file.seek(SeekFrom::Start(offset)).map_err(read_error)?;
        }
        let input: Box<dyn Read> = if split.compressed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
        Ok(Lines {
            path: split.path.clone(),
            input,
            buffer: vec![0; BUFFER],
            start: 0,
            filled: 0,
            offset,
            end: split.end,
            at_end: false,
            skip_first: split.start > 0,
            rows: BadRows::new("text_file"),
        })
    }

    /// The next line without its line end, as a range of the buffer; what follows it is behind `start`.
    fn next_line(&mut self, task: &TaskContext) -> Result<Option<std::ops::Range<usize>>, Stop> {
        if self.offset >= self.end && !self.skip_first {
            return Ok(None);
        }
        let mut searched = 0;
        loop {
            let unread = &self.buffer[self.start..self.filled];
            if let Some(length) = memchr::memchr(b'\n', &unread[searched..]).map(|at| searched + at) {
                let line = self.start..self.start + length;
                self.start += length + 1;
                self.offset += length as u64 + 1;
                return Ok(Some(line));
            }
            searched = unread.len();
            if self.at_end {
                let line = self.start..self.filled;
                self.start = self.filled;
                self.offset += line.len() as u64;
                self.end = 0;
                return Ok(if line.is_empty() { None } else { Some(line) });
            }
            self.fill(task)?;
        }
    }

    /// Reads more behind what is unread.
    fn fill(&mut self, task: &TaskContext) -> Result<(), Stop> {
        task.check()?;
        self.buffer.copy_within(self.start..self.filled, 0);
        self.filled -= self.start;
        self.start = 0;
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        loop {
            match self.input.read(&mut self.buffer[self.filled..]) {
                Ok(n) => {
                    self.at_end = n == 0;
                    self.filled += n;
                    task.add_input(n as u64);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.read_error(&error)),
            }
        }
    }

    fn read_error(&self, error: &std::io::Error) -> Stop {
        match error.kind() {
            ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::UnexpectedEof => {
                failed(&self.path, &format!("the gzip data is corrupt or cut off ({error}); check it with `gzip -t`"))
            }
            _ => failed(&self.path, &error.to_string()),
        }
    }
}

impl Source for Lines {
    fn next_batch(&mut self, out: &mut Batch, task: &TaskContext) -> Result<bool, Stop> {
        if self.skip_first {
            // If the split starts in the middle of a line that does not end in the file, there is no line here.
            self.next_line(task)?;
            self.skip_first = false;
        }
        out.reserve(out.limit);
        while out.rows() < out.limit {
            let before = self.offset;
            let Some(range) = self.next_line(task)? else { break };
            self.rows.seen();
            match std::str::from_utf8(&self.buffer[range]) {
                // SAFETY: the batch holds rows of type `String`.
                Ok(line) => unsafe { out.push(line.to_owned()) },
                Err(error) => {
                    let offset = before + error.valid_up_to() as u64;
                    let message = format!("the text is not valid UTF-8 at byte {offset}; convert it with `iconv`");
                    if task.err() == 0.0 {
                        return Err(failed(&self.path, &message));
                    }
                    self.rows.skip(format!("{}: {message}", self.path.display()), task)?;
                }
            }
        }
        if out.is_empty() {
            self.rows.finish(task)?;
        }
        Ok(!out.is_empty())
    }
}

fn failed(path: &Path, message: &str) -> Stop {
    Failure::Io { path: path.display().to_string(), message: message.to_owned() }.into()
}
