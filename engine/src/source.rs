//! Where rows come from outside: the trait that a source implements, what it reads with, and the sources for files.
//!
//! A source says on the driver which splits there are; a task reads one split and becomes one partition. The files of
//! the engine's own sources are found, split and decompressed by `files`, `paths`, `glob` and `compression`.

mod binary_file;
mod compression;
mod csv_file;
mod files;
mod glob;
mod input;
mod json_lines;
mod lines;
mod paths;
mod shipped;
mod text_file;
mod tf_records;

use compression::Compression;
pub use csv_file::{CsvFile, CsvOptions};
pub use files::{FileOptions, FileSplit};
pub use input::{Input, InputFile, InputMemory};
pub use json_lines::JsonLines;
pub use paths::TextPaths;
pub(crate) use shipped::ShippedSource;
pub use text_file::TextOptions;
pub(crate) use text_file::text_file;
pub(crate) use tf_records::masked_crc;

use crate::batch::{Batch, Elem, ElemVt};
use crate::codec::{CodecError, Reader, Writer};
use crate::context::{ContextHandle, DparkContext};
use crate::error::{Error, Result};
use crate::node::{Kind, NewNode, Node, RddHandle, SourceNode};
use crate::pipeline::{self, BadRows};
use crate::rdd::Rdd;
use crate::ship::{ShipError, Shipper};
use crate::task::{Stop, TaskContext};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::panic::Location;

/// Rows from outside. [`DparkContext::from_source`] makes an RDD of them.
///
/// The source and its splits are sent to tasks as bytes, so a task sees what they serialise to: handles and connections
/// are opened in [`Source::read`]. Reading a split again must give the same rows in the same order: a partition is
/// computed again when it was lost.
///
/// ```
/// use dpark::source::{Input, Source};
/// use std::io::Read;
///
/// /// The numbers in some files, one byte each; a split is a file.
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Bytes(Vec<std::path::PathBuf>);
///
/// impl Source for Bytes {
///     type Row = u8;
///     type Split = std::path::PathBuf;
///
///     fn splits(&self) -> dpark::Result<Vec<Self::Split>> {
///         Ok(self.0.clone())
///     }
///
///     fn read(
///         &self,
///         path: &Self::Split,
///         input: &Input,
///     ) -> dpark::Result<impl Iterator<Item = dpark::Result<u8>> + 'static> {
///         let (path, file) = (path.clone(), std::io::BufReader::new(input.open(path)?));
///         Ok(file.bytes().map(move |byte| byte.map_err(|error| dpark::Error::io(&path, error))))
///     }
/// }
///
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("numbers");
/// std::fs::write(&path, [7, 8]).unwrap();
/// let ctx = dpark::DparkContext::local(2);
/// assert_eq!(ctx.from_source(Bytes(vec![path.clone(), path])).collect()?, [7, 8, 7, 8]);
/// # Ok::<(), dpark::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a source of rows",
    label = "not a source",
    note = "implement `dpark::source::Source` for it; it must also be `Serialize`, `DeserializeOwned`, `Send` and `Sync`"
)]
pub trait Source: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The type of the rows.
    type Row: 'static;
    /// What a task is told of the part that it reads: a file, a range of bytes, a number.
    type Split: Serialize + DeserializeOwned + Send + Sync + 'static;

    /// What the lineage calls RDDs of this source.
    fn name(&self) -> &'static str {
        "from_source"
    }

    /// The parts that are read one by one, in the order of the rows; called once, on the driver, when the RDD is made.
    /// An error is the error of the first action.
    fn splits(&self) -> Result<Vec<Self::Split>>;

    /// The rows of one split; called in tasks. An error fails the job and is not tried again, so it should name the
    /// file and what to do ([`Error::io`]); after it, no more rows are asked for. Only a record that is bad by itself
    /// ([`Error::bad_record`]) may be left out instead (`--err`), and the next one asked for. The engine looks between batches of rows whether the job was cancelled;
    /// code that works for long between two rows asks [`Input::is_cancelled`].
    fn read(&self, split: &Self::Split, input: &Input) -> Result<impl Iterator<Item = Result<Self::Row>> + 'static>;
}

/// A source with its splits, as a node of the lineage.
struct Splits<S: Source> {
    source: S,
    splits: Vec<S::Split>,
    context: ContextHandle,
}

/// The rows of one split.
struct Rows<I> {
    rows: I,
    errors: Errors,
}

/// What becomes of a source's errors.
struct Errors {
    input: Input,
    /// Reported after the rows before it.
    problem: Option<Stop>,
    bad: BadRows,
    /// Rows of the present batch that are counted in `bad`.
    counted: usize,
}

impl Errors {
    fn new(source: &'static str, input: Input) -> Errors {
        Errors { input, problem: None, bad: BadRows::new(source), counted: 0 }
    }

    /// The source gave an error behind so many rows of a batch: it ends with it, or the record is left out.
    #[cold]
    #[inline(never)]
    fn add(&mut self, error: Error, rows: usize, task: &TaskContext) {
        let skipped = match error {
            Error::BadRecord { .. } if task.err() > 0.0 => {
                self.bad.seen(rows - std::mem::replace(&mut self.counted, rows) + 1);
                task.check().and_then(|()| self.bad.skip(error.to_string(), task))
            }
            error => Err(self.input.stop(error)),
        };
        self.problem = skipped.err();
    }

    /// What `next_batch` returns.
    #[inline(never)]
    fn batch_end(&mut self, out: &Batch, task: &TaskContext) -> Result<bool, Stop> {
        self.bad.seen(out.rows() - std::mem::take(&mut self.counted));
        let more = batch_end(out, &mut self.problem)?;
        if !more {
            self.bad.finish(task)?;
        }
        Ok(more)
    }
}

/// What `next_batch` returns: a problem waits until the rows before it have gone, or what a `take` finds would depend
/// on where batches end.
#[inline]
fn batch_end(out: &Batch, problem: &mut Option<Stop>) -> Result<bool, Stop> {
    if out.is_empty() { problem.take().map_or(Ok(false), Err) } else { Ok(true) }
}

/// Makes a source and its splits from bytes.
type LoadSource = unsafe fn(&mut Reader<'_>, ContextHandle) -> Result<Box<dyn SourceNode>, CodecError>;

fn load_source<S: Source>(input: &mut Reader<'_>, context: ContextHandle) -> Result<Box<dyn SourceNode>, CodecError> {
    let (source, splits) = (input.value()?, input.value()?);
    Ok(Box::new(Splits::<S> { source, splits, context }))
}

impl<S: Source> SourceNode for Splits<S> {
    fn ship(&self, out: &mut Shipper) -> Result<ShippedSource, ShipError> {
        let mut bytes = Writer::default();
        self.source.serialize(&mut bytes)?;
        self.splits.serialize(&mut bytes)?;
        ShippedSource::splits(load_source::<S>, bytes, out)
    }

    fn open(&self, partition: usize, task: &TaskContext) -> Result<Box<dyn pipeline::Source>, Stop> {
        let input = Input::new(task, &self.context);
        match self.source.read(&self.splits[partition], &input) {
            Ok(rows) => Ok(Box::new(Rows { rows, errors: Errors::new(self.source.name(), input) })),
            Err(error) => Err(input.stop(error)),
        }
    }
}

impl<T: 'static, I: Iterator<Item = Result<T>>> pipeline::Source for Rows<I> {
    fn next_batch(&mut self, out: &mut Batch, task: &TaskContext) -> Result<bool, Stop> {
        out.reserve(out.limit);
        while out.len < out.limit && self.errors.problem.is_none() {
            match self.rows.next() {
                // SAFETY: the batch holds rows of the source's type `T`, and `limit` of them have been reserved.
                Some(Ok(row)) => unsafe {
                    (out.ptr as *mut T).add(out.len).write(row);
                    out.len += 1;
                },
                Some(Err(error)) => self.errors.add(error, out.len, task),
                None => break,
            }
        }
        self.errors.batch_end(out, task)
    }
}

/// An RDD of a source of the engine's own.
#[track_caller]
fn rdd_of<S: Source>(context: &DparkContext, source: S) -> Rdd<S::Row> {
    let (name, splits) = (source.name(), source.splits());
    make_rdd(context, name, source, splits)
}

#[track_caller]
fn make_rdd<S: Source>(
    context: &DparkContext,
    name: &'static str,
    source: S,
    splits: Result<Vec<S::Split>>,
) -> Rdd<S::Row> {
    let node = splits.map(|splits| {
        let partitions = splits.len();
        (partitions, Box::new(Splits { source, splits, context: context.0.clone() }) as Box<dyn SourceNode>)
    });
    Rdd::from_handle(source_node(context, name, Elem::<S::Row>::VT, node))
}

/// A node for a source, or for the error that there is instead.
#[inline(never)]
#[track_caller]
fn source_node(
    context: &DparkContext,
    operator: &'static str,
    elem: &'static ElemVt,
    source: Result<(usize, Box<dyn SourceNode>)>,
) -> RddHandle {
    let (partitions, kind) = match source {
        Ok((partitions, source)) => (partitions, Kind::Source(source)),
        Err(error) => (0, Kind::Failed(error)),
    };
    let location = Location::caller();
    Node::create(&context.0, NewNode { operator, elem, partitions, parents: Vec::new(), kind, location })
}

/// A value as a task in another process would get it.
fn travelled<T: Serialize + DeserializeOwned>(value: &T) -> Result<T, CodecError> {
    let mut out = Writer::default();
    value.serialize(&mut out)?;
    T::deserialize(&mut Reader::new(&out.bytes))
}

#[cold]
#[inline(never)]
fn cannot_travel(name: &str, error: CodecError) -> Error {
    Error::Invalid(format!("{name}: the source or a split does not survive serialisation: {error}"))
}

impl DparkContext {
    /// The rows of a [`Source`]: a partition for each of its splits. What tasks read from is the source after it has
    /// been serialised and deserialised once, on every master.
    ///
    /// ```
    /// use dpark::source::{Input, Source};
    ///
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Squares(u64);
    ///
    /// impl Source for Squares {
    ///     type Row = u64;
    ///     type Split = u64;
    ///
    ///     fn splits(&self) -> dpark::Result<Vec<u64>> {
    ///         Ok((0..self.0).collect())
    ///     }
    ///
    ///     fn read(&self, n: &u64, _: &Input) -> dpark::Result<impl Iterator<Item = dpark::Result<u64>> + 'static> {
    ///         Ok(std::iter::once(Ok(n * n)))
    ///     }
    /// }
    ///
    /// assert_eq!(dpark::DparkContext::local(2).from_source(Squares(4)).collect()?, [0, 1, 4, 9]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn from_source<S: Source>(&self, source: S) -> Rdd<S::Row> {
        let name = source.name();
        let splits = source.splits().and_then(|splits| match (travelled(&source), travelled(&splits)) {
            (Ok(source), Ok(splits)) => Ok((source, splits)),
            (Err(error), _) | (_, Err(error)) => Err(cannot_travel(name, error)),
        });
        match splits {
            Ok((source, splits)) => make_rdd(self, name, source, Ok(splits)),
            Err(error) => make_rdd(self, name, source, Err(error)),
        }
    }
}
