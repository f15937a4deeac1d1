//! `filter_containing`: the texts in which a text occurs. Directly behind `text_file` it is searched for in whole chunks of the
//! file; lines are only looked at where it is found.

use super::Rdd;
use super::index::parameters;
use crate::batch::{Batch, Elem, filter_rows};
use crate::node::RddHandle;
use crate::pipeline::{OpVt, Step, Texts};
use memchr::memmem::Finder;

const OP: &OpVt = &OpVt { name: "filter_containing", out: Elem::<String>::VT, state: None, run: filter_strings };

/// What is searched for.
struct Needle {
    finder: Finder<'static>,
    /// No line of a file contains it.
    has_line_end: bool,
}

impl Needle {
    fn new(text: &str) -> Needle {
        Needle { finder: Finder::new(text).into_owned(), has_line_end: text.contains('\n') }
    }
}

unsafe fn filter_strings(needle: *const u8, _: *mut u8, input: &mut Batch, out: &mut Batch) -> Step {
    // SAFETY: the table's types are those of the parameters and the batches.
    unsafe {
        let needle = &*(needle as *const Needle);
        filter_rows::<String>(input, out, |text| needle.finder.find(text.as_bytes()).is_some());
    }
    Step::Done
}

unsafe fn filter_lines(needle: *const u8, lines: &mut Texts<'_>, out: &mut Batch) {
    // SAFETY: the types are those of the parameters and the batch; `limit` rows were reserved.
    unsafe {
        let needle = &*(needle as *const Needle);
        if needle.has_line_end {
            return lines.skip();
        }
        let target = out.ptr as *mut String;
        while out.len < out.limit {
            let Some(line) = lines.next_line_with(&needle.finder) else { break };
            target.add(out.len).write(line.to_owned());
            out.len += 1;
        }
    }
}

impl RddHandle {
    #[inline(never)]
    #[track_caller]
    fn filter_containing(&self, text: &str) -> RddHandle {
        let text = text.to_owned();
        self.narrow_texts(OP, filter_lines, parameters((&text,), |(text,)| Needle::new(&text)))
    }
}

impl Rdd<String> {
    /// Keeps the texts that contain `text`. On the lines of a file this is faster than a closure with `contains`: whole chunks
    /// of the file are searched, not line by line.
    ///
    /// ```
    /// let lines = dpark::DparkContext::local(2).text_file("Cargo.toml");
    /// assert_eq!(lines.filter_containing("= \"dpark\"").collect()?, ["name = \"dpark\""]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn filter_containing(&self, text: &str) -> Rdd<String> {
        Rdd::from_handle(self.handle.filter_containing(text))
    }
}
