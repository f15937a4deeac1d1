//! `parallelize`: rows from the driver, kept serialised so that every task attempt gets its own.

use super::Rdd;
use crate::batch::{Batch, Elem, ElemVt};
use crate::codec::{Codec, CodecVt, Reader, Writer};
use crate::context::DparkContext;
use crate::data::Data;
use crate::error::{Error, Failure};
use crate::node::{Kind, NewNode, Node, RddHandle, SourceNode};
use crate::pipeline::Source;
use crate::ship::{CodeRef, Landing, ShipError, Shipper};
use crate::source::ShippedSource;
use crate::task::{Stop, TaskContext};
use serde::{Deserialize, Serialize};
use std::panic::Location;
use std::sync::Arc;

/// The partitions: number of rows, and the rows' bytes.
struct Slices {
    slices: Vec<(usize, Arc<[u8]>)>,
    codec: &'static CodecVt,
}

#[track_caller]
pub(crate) fn parallelize<T: Data>(context: &DparkContext, rows: Vec<T>) -> Rdd<T> {
    // As few partitions as there are rows.
    let partitions = context.default_parallelism().min(rows.len()).max(1);
    parallelize_with(context, rows, partitions)
}

#[track_caller]
pub(crate) fn parallelize_with<T: Data>(context: &DparkContext, rows: Vec<T>, partitions: usize) -> Rdd<T> {
    let (elem, codec) = (Elem::<T>::VT, Codec::<T>::VT);
    // SAFETY: the pointer and length are those of a live vector of `T`, whose tables go along.
    unsafe { Rdd::from_handle(slices(context, elem, codec, rows.as_ptr() as *const u8, rows.len(), partitions)) }
}

#[inline(never)]
#[track_caller]
unsafe fn slices(
    context: &DparkContext,
    elem: &'static ElemVt,
    codec: &'static CodecVt,
    rows: *const u8,
    n: usize,
    partitions: usize,
) -> RddHandle {
    let slices = (0..partitions).map(|i| {
        let (start, end) = (n * i / partitions, n * (i + 1) / partitions);
        let mut out = Writer::default();
        // SAFETY: the caller passes `n` rows of the tables' type; the slice lies inside.
        let saved = unsafe { (codec.save)(rows.add(start * elem.size), end - start, &mut out) };
        if let Err(error) = saved {
            panic!("parallelize: a row cannot be serialised: {error}")
        }
        (end - start, out.bytes.into())
    });
    let kind = match no_partitions("parallelize_with", partitions) {
        Some(error) => Kind::Failed(error),
        None => Kind::Source(Box::new(Slices { slices: slices.collect(), codec })),
    };
    let location = Location::caller();
    Node::create(&context.0, NewNode { operator: "parallelize", elem, partitions, parents: Vec::new(), kind, location })
}

/// The error of a source that shall have no partitions.
pub(super) fn no_partitions(operator: &str, partitions: usize) -> Option<Error> {
    let problem = "rows need a partition to be in; give a number of partitions of at least 1";
    (partitions == 0).then(|| Error::Invalid(format!("{operator}: {problem}")))
}

/// The slices as they travel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ShippedSlices {
    slices: Vec<(usize, Vec<u8>)>,
    codec: CodeRef,
}

impl ShippedSlices {
    pub(crate) fn land(self, landing: &Landing) -> Result<Box<dyn SourceNode>, ShipError> {
        let slices = self.slices.into_iter().map(|(rows, bytes)| (rows, bytes.into())).collect();
        // SAFETY: the sender took the place from a table of this type.
        Ok(Box::new(Slices { slices, codec: unsafe { landing.table::<CodecVt>(self.codec)? } }))
    }
}

impl SourceNode for Slices {
    fn ship(&self, out: &mut Shipper) -> Result<ShippedSource, ShipError> {
        let slices = self.slices.iter().map(|(rows, bytes)| (*rows, bytes.to_vec())).collect();
        Ok(ShippedSource::Slices(ShippedSlices { slices, codec: out.table(self.codec)? }))
    }

    fn open(&self, partition: usize, _: &TaskContext) -> Result<Box<dyn Source>, Stop> {
        let (left, bytes) = &self.slices[partition];
        Ok(Box::new(Slice { left: *left, bytes: Arc::clone(bytes), read: 0, codec: self.codec }))
    }
}

struct Slice {
    left: usize,
    bytes: Arc<[u8]>,
    read: usize,
    codec: &'static CodecVt,
}

impl Source for Slice {
    fn next_batch(&mut self, out: &mut Batch, _: &TaskContext) -> Result<bool, Stop> {
        let n = self.left.min(out.limit);
        let mut input = Reader::new(&self.bytes[self.read..]);
        // SAFETY: the codec belongs to the batch's row type.
        unsafe { (self.codec.load)(&mut input, n, out) }
            .map_err(|error| Failure::Other(format!("parallelize: a row cannot be deserialised: {error}")))?;
        self.read = self.bytes.len() - input.remaining();
        self.left -= n;
        Ok(n > 0)
    }
}
