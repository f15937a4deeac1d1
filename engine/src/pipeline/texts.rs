//! Operators on texts that are run on a text file's lines where its reader has them: no `String` is made for a line.

use super::OpVt;
use crate::batch::Batch;
use crate::closure::Closure;

/// Takes texts and writes what comes of them to a batch, up to its limit. Arguments: closure, texts, out.
pub type TextFn = unsafe fn(*const u8, &mut Texts<'_>, &mut Batch);

/// Lines of text, one after the other.
#[derive(Debug)]
pub struct Texts<'a> {
    rest: &'a str,
}

impl<'a> Texts<'a> {
    /// The next line, without its end.
    #[inline(never)]
    pub fn next_line(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        match memchr::memchr(b'\n', self.rest.as_bytes()) {
            Some(at) => {
                let line = &self.rest[..at];
                self.rest = &self.rest[at + 1..];
                Some(line)
            }
            None => Some(std::mem::take(&mut self.rest)),
        }
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
        let mut texts = Texts { rest: text };
        out.reserve(out.limit);
        // SAFETY: closure and batch have the types of the operator's table, as the lineage was planned.
        unsafe { (self.texts)(self.closure.ptr(), &mut texts, out) }
        text.len() - texts.rest.len()
    }
}
