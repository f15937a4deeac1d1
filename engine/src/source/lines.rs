//! Reading the lines of one split. Text is read, checked and handed out in chunks of whole lines.

use super::{FileSplit, Input, InputMemory};
use crate::error::{Error, Result};
use crate::source::Compression;
use crate::vectors::into_text;
use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::ops::Range;

/// Bytes that are read at a time.
const BUFFER: usize = 1 << 18;

/// Bytes that are read behind the end of a split, to find the end of its last line.
const BEHIND: u64 = 1 << 12;

/// What bytes that are not UTF-8 become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) enum Invalid {
    /// An error.
    #[default]
    Refused,
    /// U+FFFD, the replacement character.
    Replaced,
    /// Their lines are left out, and told of by [`Lines::next_skipped`].
    Skipped,
}

/// The lines that start in a split.
pub(super) struct Lines {
    split: FileSplit,
    input: Input,
    file: Box<dyn Read>,
    invalid: Invalid,
    memory: InputMemory,
    /// Whole lines with their ends, which the last one of a file may lack.
    text: String,
    /// How much of `text` was handed out.
    used: usize,
    /// Position of `text` in the (uncompressed) file.
    base: u64,
    /// Bytes behind `text` that were read already.
    rest: Vec<u8>,
    /// Position of `rest` in the file.
    offset: u64,
    state: State,
    /// Positions of what is not UTF-8 in lines that were left out.
    skipped: VecDeque<u64>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// The end of a line that starts in the split before is to be skipped.
    Skip,
    Read,
    /// `text` is followed by a line that is not UTF-8, from this position in the file.
    Invalid(u64),
    End,
}

impl Lines {
    pub(super) fn open(split: &FileSplit, invalid: Invalid, input: &Input) -> Result<Lines> {
        // The split begins with the first line that starts at `start`: behind the line end that is at `start - 1` or
        // later.
        let offset = split.start.saturating_sub(1);
        let file = match split.compression {
            Compression::None => Box::new(split.open_at(offset, input)?),
            _ => split.open(input)?,
        };
        let state = if split.start > 0 { State::Skip } else { State::Read };
        Ok(Lines {
            split: split.clone(),
            input: input.clone(),
            file,
            invalid,
            memory: input.memory(),
            text: String::new(),
            used: 0,
            base: offset,
            rest: Vec::new(),
            offset,
            state,
            skipped: VecDeque::new(),
        })
    }

    /// The next line, without its end.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<&str>> {
        Ok(self.advance()?.map(|line| &self.text[line]))
    }

    /// The same as a range of [`Lines::text`].
    #[inline]
    pub(super) fn advance(&mut self) -> Result<Option<Range<usize>>> {
        while self.used == self.text.len() {
            if !self.fill()? {
                return Ok(None);
            }
        }
        let start = self.used;
        let rest = &self.text.as_bytes()[start..];
        let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        self.used += rest.len().min(length + 1);
        Ok(Some(start..start + length))
    }

    /// The rest of a chunk of whole lines (the last line of a file may lack its end); none at the end.
    pub(super) fn chunk(&mut self) -> Result<Option<&str>> {
        while self.used == self.text.len() {
            if !self.fill()? {
                return Ok(None);
            }
        }
        Ok(Some(&self.text[self.used..]))
    }

    /// Tells that so many bytes of the chunk are done with: whole lines.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.used += bytes;
    }

    /// The chunk of text that the last line is in.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Position in the file of a place in [`Lines::text`]; exact only if the text was valid.
    pub(super) fn position(&self, at: usize) -> u64 {
        self.base + at as u64
    }

    pub(super) fn split(&self) -> &FileSplit {
        &self.split
    }

    pub(super) fn input(&self) -> &Input {
        &self.input
    }

    /// Reads the next chunk; false at the end.
    #[inline(never)]
    fn fill(&mut self) -> Result<bool> {
        if self.state == State::Skip {
            self.skip_line()?;
        }
        if let State::Invalid(at) = self.state {
            return Err(self.not_text(at));
        }
        if self.state == State::End || self.offset >= self.split.end {
            return Ok(false);
        }
        let mut bytes = std::mem::take(&mut self.text).into_bytes();
        let (cut, filled) = self.read_lines(&mut bytes)?;
        self.base = self.offset;
        self.offset += cut as u64;
        self.used = 0;
        self.rest.clear();
        self.rest.extend_from_slice(&bytes[cut..filled]);
        bytes.truncate(cut);
        self.text = self.check(bytes);
        Ok(!self.text.is_empty() || self.state != State::End)
    }

    /// Makes `bytes` begin with the unread part of the file; where its whole lines end, and how much was read.
    fn read_lines(&mut self, bytes: &mut Vec<u8>) -> Result<(usize, usize)> {
        let mut filled = self.rest.len();
        if bytes.len() < filled {
            bytes.resize(filled, 0);
        }
        bytes[..filled].copy_from_slice(&self.rest);
        let mut searched = 0;
        // Where the line end can be that ends the split.
        let last = usize::try_from(self.split.end.saturating_sub(1).saturating_sub(self.offset))
            .unwrap_or(usize::MAX)
            .min(usize::MAX / 2);
        loop {
            let from = last.max(searched);
            if from < filled
                && let Some(at) = memchr::memchr(b'\n', &bytes[from..filled])
            {
                self.state = State::End;
                return Ok((from + at + 1, filled));
            }
            if let Some(at) = memchr::memrchr(b'\n', &bytes[searched..filled]) {
                return Ok((searched + at + 1, filled));
            }
            searched = filled;
            let ahead = (last as u64).saturating_sub(filled as u64) + BEHIND.max(filled as u64 / 2);
            let wanted = filled + BUFFER.max(filled).min(usize::try_from(ahead).unwrap_or(usize::MAX));
            if bytes.len() < wanted {
                bytes.resize(wanted, 0);
                self.memory.hold(wanted)?;
            }
            let n = self.read(|file| file.read(&mut bytes[filled..]))?;
            filled += n;
            if n == 0 {
                self.state = State::End;
                return Ok((filled, filled));
            }
        }
    }

    fn skip_line(&mut self) -> Result<()> {
        let mut bytes = vec![0; 1 << 13];
        loop {
            let n = self.read(|file| file.read(&mut bytes))?;
            if n == 0 || self.offset >= self.split.end {
                self.state = State::End;
                return Ok(());
            }
            if let Some(at) = memchr::memchr(b'\n', &bytes[..n]) {
                self.offset += at as u64 + 1;
                self.rest.extend_from_slice(&bytes[at + 1..n]);
                self.state = State::Read;
                return Ok(());
            }
            self.offset += n as u64;
        }
    }

    /// The bytes as text; up to the first line that is none.
    fn check(&mut self, bytes: Vec<u8>) -> String {
        let error = match into_text(bytes) {
            Ok(text) => return text,
            Err(error) => error,
        };
        match self.invalid {
            Invalid::Refused => {}
            Invalid::Replaced => return String::from_utf8_lossy(error.as_bytes()).into_owned(),
            Invalid::Skipped => return self.leave_out(error.as_bytes()),
        }
        let valid = error.utf8_error().valid_up_to();
        self.state = State::Invalid(self.base + valid as u64);
        let mut bytes = error.into_bytes();
        bytes.truncate(memchr::memrchr(b'\n', &bytes[..valid]).map_or(0, |at| at + 1));
        String::from_utf8(bytes).unwrap_or_default()
    }

    /// The lines that are text.
    #[cold]
    fn leave_out(&mut self, bytes: &[u8]) -> String {
        let mut text = String::with_capacity(bytes.len());
        let mut at = self.base;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            match std::str::from_utf8(line) {
                Ok(line) => text.push_str(line),
                Err(error) => self.skipped.push_back(at + error.valid_up_to() as u64),
            }
            at += line.len() as u64;
        }
        text
    }

    /// What is wrong with the next line that was left out.
    pub(super) fn next_skipped(&mut self) -> Option<Error> {
        let at = self.skipped.pop_front()?;
        Some(self.not_text(at))
    }

    /// Whether there is one.
    pub(super) fn has_skipped(&self) -> bool {
        !self.skipped.is_empty()
    }

    fn not_text(&self, at: u64) -> Error {
        Error::bad_record(
            &self.split.path,
            format!("the text is not valid UTF-8 at byte {at}; convert it with `iconv`"),
        )
    }

    fn read(&mut self, mut read: impl FnMut(&mut dyn Read) -> std::io::Result<usize>) -> Result<usize> {
        loop {
            match read(&mut self.file) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => return result.map_err(|error| self.split.error(&error)),
            }
        }
    }
}
