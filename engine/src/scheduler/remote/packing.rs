//! A job is packed for an executor on a thread beside the scheduler's: that runs code of the user's, which writes the values of
//! broadcasts and the like, and reads the files of libraries, while other jobs want to go on.

use crate::broadcast::{ShippedBroadcast, ShippedValue};
use crate::cluster::hub::Packed;
use crate::cluster::libraries::announce_all;
use crate::cluster::parts::Offers;
use crate::cluster::protocol::ToExecutor;
use crate::error::Failure;
use crate::ids::{ExecutorId, JobId, RddId};
use crate::net::frame::LIMIT;
use crate::scheduler::driver::Message;
use crate::scheduler::edge;
use crate::ship::code::Catalog;
use crate::ship::{ShipError, Shipment, Shipper};
use crate::work::Work;
use std::collections::{BTreeSet, HashSet};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use tokio::runtime::{Builder, Runtime};

/// The stack of a thread that packs: as much as a program's first one has.
const STACK: usize = 8 << 20;

/// Threads that pack jobs, as many as there are jobs to be packed at a time.
pub(super) struct Packers {
    /// For its threads alone, which stay for a while; none once it is stopped.
    threads: Option<Runtime>,
    catalog: Catalog,
    /// Where files for executors go.
    offers: Offers,
    reports: Sender<Message>,
}

/// What an executor knows when a job is packed for it.
pub(super) struct Basis {
    pub(super) rdds: HashSet<RddId>,
    pub(super) libraries: BTreeSet<u32>,
    pub(super) broadcasts: BTreeSet<u64>,
}

/// A job that was packed for an executor, or why it could not be.
pub(crate) struct Parcel {
    pub(crate) executor: ExecutorId,
    pub(crate) job: JobId,
    pub(crate) contents: Result<Contents, Failure>,
}

/// The messages of a parcel.
pub(crate) struct Contents {
    pub(super) libraries: Vec<(u32, Packed)>,
    pub(super) broadcasts: Vec<PackedBroadcast>,
    pub(super) job: Packed,
    /// The RDDs that the job tells the executor of.
    pub(super) described: Vec<RddId>,
    /// RDDs and broadcasts that the executor has to know already.
    pub(super) assumed: Assumed,
}

pub(super) struct PackedBroadcast {
    pub(super) id: u64,
    /// Whether its value is fetched in chunks.
    pub(super) in_chunks: bool,
    pub(super) message: Packed,
}

/// What is used and not told of.
pub(super) struct Assumed {
    pub(super) rdds: Vec<RddId>,
    pub(super) broadcasts: Vec<u64>,
}

impl Packers {
    pub(super) fn start(catalog: Catalog, offers: Offers, reports: Sender<Message>) -> io::Result<Packers> {
        let threads = Builder::new_current_thread()
            .thread_name("dpark-ship")
            .thread_stack_size(STACK)
            .on_thread_start(edge::enter_thread)
            .build()?;
        Ok(Packers { threads: Some(threads), catalog, offers, reports })
    }

    /// Packs a job; [`Message::Packed`] brings the parcel.
    pub(super) fn pack(&self, executor: ExecutorId, job: JobId, work: Arc<dyn Work>, basis: Basis) {
        let (catalog, reports) = (self.catalog.clone(), self.reports.clone());
        let shipper = Shipper::new(catalog.clone(), self.offers.clone());
        let packing = move || {
            let packed = edge::guard(|| pack(job, &*work, basis, shipper, &catalog));
            let contents = packed.and_then(|packed| packed.map_err(|problem| Failure::Other(problem.to_string())));
            // The job may have ended: then this is the last handle, whose drop is the user's.
            let _ = edge::guard(|| drop(work));
            // The driver is gone only if the context was stopped.
            let _ = reports.send(Message::Packed(Box::new(Parcel { executor, job, contents })));
        };
        if let Some(threads) = &self.threads {
            drop(threads.spawn_blocking(packing));
        }
    }
}

impl Drop for Packers {
    /// Nobody waits for what is still being packed.
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            threads.shutdown_background();
        }
    }
}

fn pack(job: JobId, work: &dyn Work, basis: Basis, shipper: Shipper, catalog: &Catalog) -> Result<Contents, ShipError> {
    let Basis { rdds, mut libraries, broadcasts } = basis;
    let mut shipment = Shipment { known: rdds, shipper, described: Vec::new(), assumed: Vec::new(), bytes: Vec::new() };
    work.ship(&mut shipment).map_err(|failure| ShipError::new(failure.to_string()))?;
    let Shipment { mut shipper, described, assumed, bytes, .. } = shipment;
    let mut assumed = Assumed { rdds: assumed, broadcasts: Vec::new() };
    let mut packed = Vec::new();
    for (id, broadcast) in std::mem::take(&mut shipper.broadcasts) {
        if broadcasts.contains(&id) {
            assumed.broadcasts.push(id);
        } else {
            packed.push(PackedBroadcast::new(broadcast.ship(&mut shipper)?)?);
        }
    }
    let mut announced = Vec::new();
    for number in shipper.libraries {
        announced.extend(announce_all(catalog, number, &mut |number| libraries.insert(number))?);
    }
    let library = |library: crate::cluster::protocol::Library| {
        Ok((library.number, Packed::new(&ToExecutor::Library(library), LIMIT)?))
    };
    let libraries = announced.into_iter().map(library).collect::<Result<_, ShipError>>()?;
    let job = Packed::new(&ToExecutor::Job { job, work: bytes }, LIMIT)?;
    Ok(Contents { libraries, broadcasts: packed, job, described, assumed })
}

impl PackedBroadcast {
    fn new(broadcast: ShippedBroadcast) -> Result<PackedBroadcast, ShipError> {
        let (id, in_chunks) = (broadcast.id, matches!(broadcast.value, ShippedValue::Chunks(_)));
        Ok(PackedBroadcast { id, in_chunks, message: Packed::new(&ToExecutor::Broadcast(broadcast), LIMIT)? })
    }
}
