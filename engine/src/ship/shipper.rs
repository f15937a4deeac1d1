//! The sender's side: what one message refers to besides its bytes.

use super::code::{Catalog, CodeRef};
use super::{ShipError, ShippedClosure};
use crate::accumulator::AccumulatorHandle;
use crate::broadcast::BroadcastHandle;
use crate::closure::Closure;
use crate::cluster::parts::Offers;
use crate::ids::RddId;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Turns addresses into places, and notes what the receiver needs.
pub(crate) struct Shipper {
    catalog: Catalog,
    /// Where large things go, for the receiver to fetch.
    pub(crate) offers: Offers,
    /// The libraries with something that was sent.
    pub(crate) libraries: BTreeSet<u32>,
    /// The accumulators that tasks may add to.
    pub(crate) accumulators: BTreeMap<u64, AccumulatorHandle>,
    /// The broadcasts that closures use.
    pub(crate) broadcasts: BTreeMap<u64, BroadcastHandle>,
}

impl Shipper {
    pub(crate) fn new(catalog: Catalog, offers: Offers) -> Shipper {
        Shipper {
            catalog,
            offers,
            libraries: BTreeSet::new(),
            accumulators: BTreeMap::new(),
            broadcasts: BTreeMap::new(),
        }
    }

    /// The place of an address.
    pub(crate) fn code(&mut self, address: usize) -> Result<CodeRef, ShipError> {
        let code = self.catalog.locate(address)?;
        self.libraries.insert(code.library);
        Ok(code)
    }

    /// The place of a table.
    pub(crate) fn table<T>(&mut self, table: &'static T) -> Result<CodeRef, ShipError> {
        self.code((&raw const *table).addr())
    }

    /// The place of a table, if there is one.
    pub(crate) fn optional<T>(&mut self, table: Option<&'static T>) -> Result<Option<CodeRef>, ShipError> {
        table.map(|table| self.table(table)).transpose()
    }

    /// A closure.
    pub(crate) fn closure(&mut self, closure: &Closure) -> Result<ShippedClosure, ShipError> {
        closure.ship(self)
    }
}

/// A job for one executor: what it is made of, but for what the executor knows already.
pub struct Shipment {
    /// The RDDs that the executor knows.
    pub(crate) known: HashSet<RddId>,
    pub(crate) shipper: Shipper,
    /// The RDDs that the job tells it of…
    pub(crate) described: Vec<RddId>,
    /// …and those that it uses besides.
    pub(crate) assumed: Vec<RddId>,
    /// The job.
    pub(crate) bytes: Vec<u8>,
}

impl std::fmt::Debug for Shipment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shipment of {} bytes", self.bytes.len())
    }
}
