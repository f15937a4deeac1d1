//! Where the records of a split start.
//!
//! A split begins with the first record that starts at its first byte or behind; it ends where the next one begins. To
//! find the place, the search goes from a record's start that is known (the nearest split before, at first the start of
//! the file) on to the split. It parses nothing: outside of quotes only a quote at the start of a field and, near the
//! goal, a line end matter, and within quotes only the next quote does. Each split of a file is searched once in a
//! process; tasks that need a later place go on where the last search ended. A process that reads only late splits
//! searches all before them.

use super::CsvOptions;
use crate::error::Result;
use crate::source::{Compression, FileSplit, Input};
use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Starts of records that are known, for each file.
#[derive(Debug, Default)]
pub(super) struct RecordStarts {
    files: Mutex<HashMap<PathBuf, Arc<Mutex<Known>>>>,
}

/// The first start of a record at a position or behind it.
type Known = BTreeMap<u64, u64>;

impl RecordStarts {
    /// Where the records of a split begin and end.
    pub(super) fn range(&self, split: &FileSplit, options: &CsvOptions, input: &Input) -> Result<std::ops::Range<u64>> {
        if split.compression != Compression::None {
            return Ok(0..u64::MAX);
        }
        let known = {
            let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(files.entry(split.path.clone()).or_default())
        };
        let size = std::fs::metadata(&split.path).map_err(|error| split.error(&error))?.len();
        let find = |target| self.start(&known, split, target, size, options, input);
        Ok(find(split.start)?..find(split.end)?)
    }

    fn start(
        &self,
        known: &Mutex<Known>,
        split: &FileSplit,
        target: u64,
        size: u64,
        options: &CsvOptions,
        input: &Input,
    ) -> Result<u64> {
        if target == 0 || target >= size {
            return Ok(target);
        }
        loop {
            // Others wait here, each time for as long as a split's length is searched.
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            let (from, start) = known.range(..=target).next_back().map_or((0, 0), |(from, start)| (*from, *start));
            if from == target || start >= target {
                return Ok(start);
            }
            let step = (split.end - split.start).max(1 << 20);
            let next = target.min(from.saturating_add(step));
            let found = search(split, start, next, options, input)?;
            known.insert(next, found);
        }
    }
}

/// The first start of a record at `target` or behind, from the start of a record before.
fn search(split: &FileSplit, start: u64, target: u64, options: &CsvOptions, input: &Input) -> Result<u64> {
    let mut file = split.open_at(start, input)?;
    let mut scanner = Scanner::new(options);
    let mut buffer = vec![0; 1 << 18];
    let mut offset = start;
    loop {
        let n = match file.read(&mut buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            read => read.map_err(|error| split.error(&error))?,
        };
        if n == 0 {
            return Ok(offset);
        }
        // The parser takes a byte order mark away.
        let mark = if offset == 0 && buffer[..n].starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        // The line end that matters is right before the target, or behind.
        let near = usize::try_from((target - 1).saturating_sub(offset)).unwrap_or(usize::MAX);
        if let Some(end) = scanner.record_end(&buffer[..n], mark, near.min(n)) {
            return Ok(offset + end as u64);
        }
        offset += n as u64;
    }
}

/// Follows quotes. The states are those of the csv crate's parser, as far as they tell where records end.
struct Scanner {
    delimiter: u8,
    quote: Option<u8>,
    escape: Option<u8>,
    comment: Option<u8>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// A record starts, or an empty line or a comment does.
    Record,
    /// A field that is not the first starts.
    Field,
    Unquoted,
    Quoted,
    /// Behind the escape byte.
    Escaped,
    /// Behind a quote in a quoted field: its end, or the first of two.
    Quote,
    Comment,
}

impl Scanner {
    fn new(options: &CsvOptions) -> Scanner {
        let CsvOptions { delimiter, quote, escape, comment, .. } = *options;
        Scanner { delimiter, quote, escape, comment, state: State::Record }
    }

    /// Goes through the bytes from `at` on; ends behind the first line end from `near` on that ends a record.
    fn record_end(&mut self, bytes: &[u8], mut at: usize, near: usize) -> Option<usize> {
        while at < bytes.len() {
            at = self.skip(bytes, at, near);
            let Some(&byte) = bytes.get(at) else { break };
            self.state = self.next(byte);
            at += 1;
            if self.state == State::Record && at > near {
                return Some(at);
            }
        }
        None
    }

    /// The next byte that can change anything.
    fn skip(&mut self, bytes: &[u8], at: usize, near: usize) -> usize {
        let end = bytes.len();
        match (self.state, self.quote) {
            (State::Quoted, Some(quote)) => {
                let found = match self.escape {
                    Some(escape) => memchr::memchr2(quote, escape, &bytes[at..]),
                    None => memchr::memchr(quote, &bytes[at..]),
                };
                found.map_or(end, |found| at + found)
            }
            (State::Unquoted, _) if at >= near || self.comment.is_some() => {
                // A quote within a field is none, so fields are gone through one by one; without comments that is
                // needed only near the target.
                memchr::memchr3(b'\n', b'\r', self.delimiter, &bytes[at..]).map_or(end, |found| at + found)
            }
            (State::Record | State::Field | State::Unquoted, quote) if self.comment.is_none() && at < near => {
                let found = quote.and_then(|quote| memchr::memchr(quote, &bytes[at..near]));
                let to = found.map_or(near, |found| at + found);
                // What the byte before says of the place.
                if to > at {
                    self.state = match bytes[to - 1] {
                        b'\n' | b'\r' => State::Record,
                        byte if byte == self.delimiter => State::Field,
                        _ => State::Unquoted,
                    };
                }
                to
            }
            _ => at,
        }
    }

    fn next(&self, byte: u8) -> State {
        let is = |special: Option<u8>| special == Some(byte);
        let plain = match byte {
            b'\n' | b'\r' => State::Record,
            byte if byte == self.delimiter => State::Field,
            _ => State::Unquoted,
        };
        match self.state {
            State::Record if is(self.comment) => State::Comment,
            State::Record | State::Field if is(self.quote) => State::Quoted,
            State::Record | State::Field | State::Unquoted => plain,
            State::Quoted if is(self.quote) => State::Quote,
            State::Quoted if is(self.escape) => State::Escaped,
            State::Quoted | State::Escaped => State::Quoted,
            State::Quote if is(self.quote) => State::Quoted,
            State::Quote => plain,
            State::Comment if byte == b'\n' => State::Record,
            State::Comment => State::Comment,
        }
    }
}
