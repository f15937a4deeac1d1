//! `parallelize`: rows from the driver, kept serialised so that every task attempt gets its own. A task on an executor fetches
//! those of its partition, unless there are few.

use super::Rdd;
use crate::batch::{Batch, Elem, ElemVt};
use crate::cluster::parts::{MAX_INLINE, Offered, Parts};
use crate::codec::{Codec, CodecVt, Reader, Writer};
use crate::context::DparkContext;
use crate::data::Data;
use crate::error::{Error, Failure};
use crate::node::{Kind, NewNode, Node, RddHandle, SourceNode};
use crate::pipeline::Source;
use crate::ship::{CodeRef, Landing, ShipError, Shipper};
use crate::shuffle::PartNeed;
use crate::source::ShippedSource;
use crate::storage::lock;
use crate::task::{Stop, TaskContext};
use serde::{Deserialize, Serialize};
use std::panic::Location;
use std::sync::{Arc, Mutex};

/// The partitions.
struct Slices {
    slices: Vec<(usize, SliceBytes)>,
    codec: &'static CodecVt,
    /// The file with all of them, once an executor was told of it.
    offered: Mutex<Option<Offered>>,
}

/// The rows of a partition.
type SliceBytes = Arc<Vec<u8>>;

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
        out.bytes.shrink_to_fit();
        (end - start, Arc::new(out.bytes))
    });
    let kind = match no_partitions("parallelize_with", partitions) {
        Some(error) => Kind::Failed(error),
        None => Kind::Source(Box::new(Slices { slices: slices.collect(), codec, offered: Mutex::default() })),
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
    /// The number of rows of each.
    rows: Vec<usize>,
    bytes: ShippedBytes,
    codec: CodeRef,
}

/// The bytes of the slices.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum ShippedBytes {
    /// Few.
    Here(Vec<SliceBytes>),
    /// A file, of which each task fetches the part that it needs.
    Offered(Arc<Parts>),
}

impl ShippedSlices {
    pub(crate) fn land(self, landing: &Landing) -> Result<Box<dyn SourceNode>, ShipError> {
        let ShippedSlices { rows, bytes, codec } = self;
        // SAFETY: the sender took the place from a table of this type.
        let codec = unsafe { landing.table::<CodecVt>(codec)? };
        Ok(match bytes {
            ShippedBytes::Here(bytes) => {
                Box::new(Slices { slices: rows.into_iter().zip(bytes).collect(), codec, offered: Mutex::default() })
            }
            ShippedBytes::Offered(parts) => Box::new(OfferedSlices { rows, parts, codec }),
        })
    }
}

impl SourceNode for Slices {
    fn ship(&self, out: &mut Shipper) -> Result<ShippedSource, ShipError> {
        let rows = self.slices.iter().map(|(rows, _)| *rows).collect();
        let codec = out.table(self.codec)?;
        Ok(ShippedSource::Slices(ShippedSlices { rows, bytes: self.ship_bytes(out)?, codec }))
    }

    fn open(&self, partition: usize, _: &TaskContext) -> Result<Box<dyn Source>, Stop> {
        let (left, bytes) = &self.slices[partition];
        Ok(Box::new(Slice { left: *left, bytes: Arc::clone(bytes), read: 0, codec: self.codec }))
    }
}

impl Slices {
    fn ship_bytes(&self, out: &Shipper) -> Result<ShippedBytes, ShipError> {
        let bytes = || self.slices.iter().map(|(_, bytes)| bytes);
        if bytes().map(|bytes| bytes.len()).sum::<usize>() <= MAX_INLINE {
            return Ok(ShippedBytes::Here(bytes().cloned().collect()));
        }
        let mut known = lock(&self.offered);
        if let Some(offered) = &*known {
            return Ok(ShippedBytes::Offered(Arc::clone(&offered.parts)));
        }
        let offered = out.offers.write("rows", bytes().map(|bytes| bytes.as_slice()))?;
        let parts = Arc::clone(&offered.parts);
        *known = Some(offered);
        Ok(ShippedBytes::Offered(parts))
    }
}

/// The slices where they are fetched.
struct OfferedSlices {
    rows: Vec<usize>,
    parts: Arc<Parts>,
    codec: &'static CodecVt,
}

impl SourceNode for OfferedSlices {
    fn ship(&self, _: &mut Shipper) -> Result<ShippedSource, ShipError> {
        Err(ShipError::new("executors do not pass on the rows of parallelize"))
    }

    fn need(&self, partition: usize) -> Option<PartNeed> {
        Some(PartNeed { parts: Arc::clone(&self.parts), part: partition })
    }

    fn open(&self, partition: usize, task: &TaskContext) -> Result<Box<dyn Source>, Stop> {
        let bytes = task.inputs().and_then(|inputs| inputs.part(&self.parts.name, partition));
        let bytes = bytes.ok_or_else(|| task.stop_for_inputs())?;
        task.add_input(bytes.len() as u64);
        Ok(Box::new(Slice { left: self.rows[partition], bytes, read: 0, codec: self.codec }))
    }
}

struct Slice {
    left: usize,
    bytes: SliceBytes,
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
