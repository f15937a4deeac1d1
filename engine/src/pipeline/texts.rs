//! Operators on texts that are run on a text file's lines where its reader has them: no `String` is made for a line.

use super::OpVt;
use crate::batch::Batch;
use crate::closure::Closure;
use crate::vectors::places_of;
use memchr::memmem::Finder;

/// Takes texts and writes what comes of them to a batch, up to its limit. Arguments: closure, texts, out.
pub type TextFn = unsafe fn(*const u8, &mut Texts<'_>, &mut Batch);

/// Lines of text, one after the other.
#[derive(Debug)]
pub struct Texts<'a> {
    text: &'a str,
    /// Where the next line starts.
    start: usize,
    /// How far the text was searched for line ends…
    searched: usize,
    /// …and those in the last block that were not used yet, as bits: a call for each short line takes longer to begin than to
    /// search it.
    ends: u64,
    /// Where that block starts.
    block: usize,
}

impl<'a> Texts<'a> {
    fn new(text: &'a str) -> Texts<'a> {
        Texts { text, start: 0, searched: 0, ends: 0, block: 0 }
    }

    /// The next line, without its end.
    #[inline(never)]
    pub fn next_line(&mut self) -> Option<&'a str> {
        if self.start == self.text.len() {
            return None;
        }
        while self.ends == 0 {
            let rest = &self.text.as_bytes()[self.searched..];
            if rest.is_empty() {
                return Some(self.line_to(self.text.len()));
            }
            self.ends = match rest.first_chunk() {
                Some(block) => places_of(b'\n', block),
                None => {
                    let mut block = [0; 64];
                    block[..rest.len()].copy_from_slice(rest);
                    places_of(b'\n', &block)
                }
            };
            self.block = self.searched;
            self.searched += rest.len().min(64);
        }
        let end = self.block + self.ends.trailing_zeros() as usize;
        self.ends &= self.ends - 1;
        Some(self.line_to(end))
    }

    /// The next line in which the finder finds its text, which has no line end. Whatever is before is not looked at line by line.
    pub(crate) fn next_line_with(&mut self, finder: &Finder<'_>) -> Option<&'a str> {
        let rest = &self.text.as_bytes()[self.start..];
        let found = if rest.is_empty() { None } else { finder.find(rest) };
        let Some(at) = found else {
            self.skip();
            return None;
        };
        let end = memchr::memchr(b'\n', &rest[at..]).map_or(self.text.len(), |length| self.start + at + length);
        self.start += memchr::memrchr(b'\n', &rest[..at]).map_or(0, |before| before + 1);
        let line = self.line_to(end);
        (self.searched, self.ends) = (self.start, 0);
        Some(line)
    }

    /// Leaves out all that is left.
    pub(crate) fn skip(&mut self) {
        self.start = self.text.len();
    }

    /// The line that ends there.
    #[inline]
    fn line_to(&mut self, end: usize) -> &'a str {
        let line = &self.text[self.start..end];
        self.start = self.text.len().min(end + 1);
        line
    }
}

/// Such an operator with its closure.
pub(crate) struct TextOp {
    pub(super) op: &'static OpVt,
    pub(super) texts: TextFn,
    pub(super) closure: Closure,
}

impl TextOp {
    /// Runs over the lines of a text until there are no more or the batch is full; returns how much of the text was used.
    pub(crate) fn run(&self, text: &str, out: &mut Batch) -> usize {
        debug_assert!(crate::batch::same_type(self.op.out, out.elem()), "the batch is for the operator's rows");
        let mut texts = Texts::new(text);
        out.reserve(out.limit);
        // SAFETY: closure and batch have the types of the operator's table, as the lineage was planned.
        unsafe { (self.texts)(self.closure.ptr(), &mut texts, out) }
        texts.start
    }
}
