//! `text_file`: lines of files. Large files are read in splits; a line belongs to the split it starts in.

use super::files::file_option_methods;
use super::lines::{Invalid, Lines};
use super::{Compression, FileOptions, FileSplit, Input, TextPaths, source_node};
use crate::batch::{Batch, Elem};
use crate::context::{ContextHandle, DparkContext};
use crate::error::{Error, Result};
use crate::node::SourceNode;
use crate::pipeline::Source;
use crate::rdd::Rdd;
use crate::source;
use crate::task::{Stop, TaskContext};
use std::path::{Path, PathBuf};

/// How text files are found, split and read.
///
/// ```
/// let options = dpark::TextOptions::new().num_splits(4).lossy();
/// let lines = dpark::DparkContext::local(2).text_file_with("Cargo.toml", options);
/// assert_eq!((lines.num_partitions(), lines.first()?.as_str()), (4, "[package]"));
/// # Ok::<(), dpark::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextOptions {
    files: FileOptions,
    invalid: Invalid,
}

impl TextOptions {
    /// Splits of 64 MiB; all files below a directory; text must be UTF-8.
    ///
    /// ```
    /// assert_eq!(dpark::TextOptions::new(), dpark::TextOptions::default());
    /// ```
    pub fn new() -> TextOptions {
        TextOptions::default()
    }

    /// Bytes that are not UTF-8 become U+FFFD instead of an error.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("latin1.txt");
    /// std::fs::write(&path, b"caf\xe9\n").unwrap();
    /// let ctx = dpark::DparkContext::local(1);
    /// assert_eq!(ctx.text_file_with(&path, dpark::TextOptions::new().lossy()).collect()?, ["caf\u{fffd}"]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    pub fn lossy(mut self) -> TextOptions {
        self.invalid = Invalid::Replaced;
        self
    }
}

file_option_methods!(TextOptions, options.files, "text_file_with");

struct TextFile {
    splits: Vec<FileSplit>,
    invalid: Invalid,
    context: ContextHandle,
}

struct TextRows {
    lines: Lines,
    /// Reported after the rows before it.
    problem: Option<Stop>,
}

impl DparkContext {
    /// [`DparkContext::text_file`] with options.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(2);
    /// let lines = ctx.text_file_with("src", dpark::TextOptions::new().ext("lib.rs").num_splits(2));
    /// assert_eq!(lines.first()?, "//! Resilient distributed datasets in Rust.");
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn text_file_with(&self, paths: impl TextPaths, options: TextOptions) -> Rdd<String> {
        text_file(self, paths.into_paths(), options)
    }

    /// The lines of a file that start in a range of its bytes.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("abc");
    /// std::fs::write(&path, "a\nb\nc\n").unwrap();
    /// let ctx = dpark::DparkContext::local(1);
    /// assert_eq!(ctx.partial_text_file(&path, 1, 4).collect()?, ["b"]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[doc(alias = "partialTextFile")]
    #[track_caller]
    pub fn partial_text_file(&self, path: impl AsRef<Path>, begin: u64, end: u64) -> Rdd<String> {
        partial_text_file(self, path.as_ref(), begin, end)
    }
}

#[inline(never)]
#[track_caller]
pub(crate) fn text_file(context: &DparkContext, paths: Vec<PathBuf>, options: TextOptions) -> Rdd<String> {
    text_rdd(context, "text_file", options.invalid, options.files.splits(&paths, 1))
}

#[inline(never)]
#[track_caller]
fn partial_text_file(context: &DparkContext, path: &Path, begin: u64, end: u64) -> Rdd<String> {
    let splits = || {
        if Compression::of(path) != Compression::None {
            let message = "only a file that is not compressed can be read in part; unpack it, or use `text_file`";
            return Err(Error::io(path, message));
        }
        let size = std::fs::metadata(path).map_err(|error| Error::io(path, error))?.len();
        let mut splits = Vec::new();
        FileOptions::new().cut(path, begin..end.min(size), 1, &mut splits);
        Ok(splits)
    };
    text_rdd(context, "partial_text_file", Invalid::Refused, splits())
}

#[track_caller]
fn text_rdd(
    context: &DparkContext,
    operator: &'static str,
    invalid: Invalid,
    splits: Result<Vec<FileSplit>>,
) -> Rdd<String> {
    let source = splits.map(|splits| {
        let partitions = splits.len();
        let source = TextFile { splits, invalid, context: context.0.clone() };
        (partitions, Box::new(source) as Box<dyn SourceNode>)
    });
    Rdd::from_handle(source_node(context, operator, Elem::<String>::VT, source))
}

impl SourceNode for TextFile {
    fn open(&self, partition: usize, task: &TaskContext) -> Result<Box<dyn Source>, Stop> {
        let input = Input::new(task, &self.context);
        match Lines::open(&self.splits[partition], self.invalid, &input) {
            Ok(lines) => Ok(Box::new(TextRows { lines, problem: None })),
            Err(error) => Err(input.stop(error)),
        }
    }
}

impl Source for TextRows {
    fn next_batch(&mut self, out: &mut Batch, _: &TaskContext) -> Result<bool, Stop> {
        out.reserve(out.limit);
        while out.len < out.limit && self.problem.is_none() {
            match self.lines.next() {
                // SAFETY: the batch holds rows of type `String`, and `limit` of them have been reserved.
                Ok(Some(line)) => unsafe { (out.ptr as *mut String).add(out.len).write(line.to_owned()) },
                Ok(None) => break,
                Err(error) => {
                    self.problem = Some(self.lines.input().stop(error));
                    break;
                }
            }
            out.len += 1;
        }
        source::batch_end(out, &mut self.problem)
    }
}
