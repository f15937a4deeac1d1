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

/// A line `KEY VALUE` at the start of `text`, and what follows it.
#[inline]
pub(crate) fn take_pair(text: &[u8]) -> Option<((u64, i64), &[u8])> {
    let (key, text) = take_number(text)?;
    let negative = text.first() == Some(&b'-');
    let (value, text) = take_number(&text[usize::from(negative)..])?;
    Some(((key, if negative { -(value as i64) } else { value as i64 }), text))
}

/// The digits at the start of `text` as a number, and what follows the byte behind them.
#[inline]
pub(crate) fn take_number(text: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (at, byte) in text.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Some((value, &text[at + 1..]));
        }
        value = value * 10 + u64::from(digit);
    }
    None
}
