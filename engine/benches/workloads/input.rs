//! Where the input is, and how hand-written programs read it: mapped into memory.

use memmap2::Mmap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// What a workload is told.
pub(crate) struct Data {
    pub(crate) directory: PathBuf,
    pub(crate) scale: f64,
    pub(crate) threads: usize,
}

impl Data {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.txt"))
    }

    pub(crate) fn map(&self, name: &str) -> Mmap {
        map(&self.path(name))
    }
}

fn map(path: &Path) -> Mmap {
    let file = File::open(path).unwrap_or_else(|error| panic!("cannot open {}: {error}", path.display()));
    // SAFETY: nobody changes the bench data while it is read.
    unsafe { Mmap::map(&file) }.unwrap_or_else(|error| panic!("cannot map {}: {error}", path.display()))
}

/// A pair `KEY VALUE` at the start of `text`, and its length. Both sides of a workload use this, so that their ratio tells of the
/// engine, not of how numbers are parsed.
#[inline]
pub(crate) fn parse_pair(text: &[u8]) -> ((u64, i64), usize) {
    let (key, length) = parse_number(text);
    let negative = text[length + 1] == b'-';
    let start = length + 1 + usize::from(negative);
    let (value, length) = parse_number(&text[start..]);
    ((key, if negative { -(value as i64) } else { value as i64 }), start + length)
}

/// The digits at the start of `text` as a number, and how many there are.
#[inline]
pub(crate) fn parse_number(text: &[u8]) -> (u64, usize) {
    let mut value = 0;
    for (at, byte) in text.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return (value, at);
        }
        value = value * 10 + u64::from(digit);
    }
    (value, text.len())
}

/// The pair in the first line of `text`, and the lines behind it.
#[inline]
pub(crate) fn take_pair(text: &[u8]) -> Option<((u64, i64), &[u8])> {
    if text.is_empty() {
        return None;
    }
    let (pair, length) = parse_pair(text);
    Some((pair, text.get(length + 1..).unwrap_or_default()))
}
