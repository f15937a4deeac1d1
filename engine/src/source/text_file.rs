//! `text_file`: lines of files. Large files are read in splits; a line belongs to the split it starts in.

use super::files::file_option_methods;
use super::lines::{Invalid, Lines};
use super::{Compression, FileOptions, FileSplit, Input, TextPaths, source_node};
use crate::batch::{Batch, Elem};
use crate::context::{ContextHandle, DparkContext};
use crate::error::{Error, Result};
use crate::node::SourceNode;
use crate::pipeline::{BadRows, Source, TextOp};
use crate::rdd::Rdd;
use crate::ship::{ShipError, Shipper};
use crate::source::{self, ShippedSource};
use crate::task::{Stop, TaskContext};
use serde::{Deserialize, Serialize};
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
    rows: BadRows,
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

impl TextFile {
    fn lines(&self, partition: usize, task: &TaskContext) -> Result<Lines, Stop> {
        let input = Input::new(task, &self.context);
        let invalid = match self.invalid {
            Invalid::Refused if task.err() > 0.0 => Invalid::Skipped,
            invalid => invalid,
        };
        Lines::open(&self.splits[partition], invalid, &input).map_err(|error| input.stop(error))
    }
}

/// Text files as they travel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ShippedText {
    splits: Vec<FileSplit>,
    invalid: Invalid,
}

impl ShippedText {
    pub(super) fn land(self, context: ContextHandle) -> Box<dyn SourceNode> {
        Box::new(TextFile { splits: self.splits, invalid: self.invalid, context })
    }
}

impl SourceNode for TextFile {
    fn ship(&self, _: &mut Shipper) -> Result<ShippedSource, ShipError> {
        Ok(ShippedSource::Text(ShippedText { splits: self.splits.clone(), invalid: self.invalid }))
    }

    fn open(&self, partition: usize, task: &TaskContext) -> Result<Box<dyn Source>, Stop> {
        let lines = self.lines(partition, task)?;
        Ok(Box::new(TextRows { lines, problem: None, rows: BadRows::new("text_file") }))
    }

    fn open_texts(&self, partition: usize, op: TextOp, task: &TaskContext) -> Option<Result<Box<dyn Source>, Stop>> {
        // Bad rows are found and counted one by one.
        if task.err() > 0.0 {
            return None;
        }
        let open = |lines| Box::new(Texts { lines, op, problem: None }) as Box<dyn Source>;
        Some(self.lines(partition, task).map(open))
    }
}

impl TextRows {
    /// Counts good and bad rows, and judges them.
    #[cold]
    fn judge(&mut self, good: usize, task: &TaskContext) -> Result<(), Stop> {
        self.rows.seen(good);
        while let Some(error) = self.lines.next_skipped() {
            self.rows.seen(1);
            self.rows.skip(error.to_string(), task)?;
        }
        if good == 0 { self.rows.finish(task) } else { Ok(()) }
    }
}

impl Source for TextRows {
    fn next_batch(&mut self, out: &mut Batch, task: &TaskContext) -> Result<bool, Stop> {
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
        if task.err() > 0.0 {
            self.judge(out.rows(), task)?;
        }
        source::batch_end(out, &mut self.problem)
    }

    fn count_rows(&mut self, task: &TaskContext) -> Result<Option<u64>, Stop> {
        if task.err() > 0.0 {
            return Ok(None);
        }
        let mut rows = 0;
        let mut next = |lines: &mut Lines| {
            let Some(chunk) = lines.chunk()? else { return Ok(false) };
            let bytes = chunk.as_bytes();
            let unended = bytes.last().is_some_and(|last| *last != b'\n');
            rows += (memchr::memchr_iter(b'\n', bytes).count() + usize::from(unended)) as u64;
            let length = chunk.len();
            lines.consume(length);
            Ok(true)
        };
        while next(&mut self.lines).map_err(|error| self.lines.input().stop(error))? {
            task.check()?;
        }
        Ok(Some(rows))
    }
}

/// The rows that an operator makes of lines where they are, without a `String` for each.
struct Texts {
    lines: Lines,
    op: TextOp,
    /// Reported after the rows before it.
    problem: Option<Stop>,
}

impl Source for Texts {
    fn next_batch(&mut self, out: &mut Batch, task: &TaskContext) -> Result<bool, Stop> {
        while out.is_empty() && self.problem.is_none() {
            task.check()?;
            match self.lines.chunk() {
                Ok(Some(chunk)) => {
                    let used = self.op.run(chunk, out);
                    self.lines.consume(used);
                }
                Ok(None) => break,
                Err(error) => self.problem = Some(self.lines.input().stop(error)),
            }
        }
        source::batch_end(out, &mut self.problem)
    }
}
