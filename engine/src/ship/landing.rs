//! The receiver's side: what arrives becomes addresses, closures and nodes of this process.

use super::code::{Bases, CodeRef};
use super::{ShipError, ShippedClosure};
use crate::accumulator::{AccumulatorHandle, KnownAccumulators};
use crate::broadcast::BroadcastHandle;
use crate::closure::Closure;
use crate::context::ContextHandle;
use crate::id_map::IdMap;
use crate::ids::RddId;
use crate::node::Node;
use crate::scheduler::edge;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All that has arrived from one driver.
pub(crate) struct Landing {
    /// Where the driver's libraries are.
    pub(crate) bases: Bases,
    /// What nodes that arrive belong to.
    pub(crate) context: ContextHandle,
    /// The accumulators that closures here add to: a repeated job finds those that an earlier one has brought.
    accumulators: KnownAccumulators,
    things: Mutex<Things>,
}

#[derive(Default)]
struct Things {
    /// The nodes, or why they could not be made.
    nodes: HashMap<RddId, Result<Arc<Node>, ShipError>>,
    /// Libraries that could not be loaded, and why.
    missing: HashMap<u32, ShipError>,
    /// The values, or why they could not be had.
    broadcasts: HashMap<u64, Result<BroadcastHandle, ShipError>>,
}

impl Landing {
    pub(crate) fn new(context: ContextHandle) -> Landing {
        Landing {
            bases: Bases::default(),
            context,
            accumulators: KnownAccumulators::default(),
            things: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Things> {
        self.things.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a library is loaded.
    pub(crate) fn has_library(&self, number: u32) -> bool {
        self.bases.address(CodeRef { library: number, offset: 0 }).is_ok()
    }

    /// Notes why a library is not loaded, if it is not.
    pub(crate) fn note_library(&self, number: u32, arrived: Result<(), ShipError>) {
        let mut things = self.lock();
        match arrived {
            Ok(()) => things.missing.remove(&number),
            Err(problem) => things.missing.insert(number, problem),
        };
    }

    /// The address of a place.
    pub(crate) fn address(&self, code: CodeRef) -> Result<usize, ShipError> {
        self.bases.address(code).map_err(|unknown| self.lock().missing.get(&code.library).cloned().unwrap_or(unknown))
    }

    /// A table.
    ///
    /// # Safety
    /// The sender took the place from a table of this type, in the library that is loaded here under its number.
    pub(crate) unsafe fn table<T>(&self, code: CodeRef) -> Result<&'static T, ShipError> {
        let address = self.address(code)?;
        // SAFETY: libraries are never unloaded, and the same library has the same table at the same offset.
        Ok(unsafe { &*std::ptr::with_exposed_provenance::<T>(address) })
    }

    /// A table, if there is one.
    ///
    /// # Safety
    /// As for `table`.
    pub(crate) unsafe fn optional<T>(&self, code: Option<CodeRef>) -> Result<Option<&'static T>, ShipError> {
        // SAFETY: passed on from the caller.
        code.map(|code| unsafe { self.table(code) }).transpose()
    }

    /// A function.
    ///
    /// # Safety
    /// The sender took the place from a function of the type `F`, a `fn` pointer.
    pub(crate) unsafe fn function<F: Copy>(&self, code: CodeRef) -> Result<F, ShipError> {
        const { assert!(size_of::<F>() == size_of::<usize>()) }
        let address = self.address(code)?;
        // SAFETY: as in `table`; the caller vouches for the type.
        Ok(unsafe { std::mem::transmute_copy::<usize, F>(&address) })
    }

    /// A closure.
    pub(crate) fn closure(&self, shipped: ShippedClosure) -> Result<Closure, ShipError> {
        Closure::land(shipped, self)
    }

    /// A node that has arrived, or why it is not here.
    pub(crate) fn node(&self, id: RddId) -> Result<Arc<Node>, ShipError> {
        let node = self.lock().nodes.get(&id).cloned();
        node.unwrap_or_else(|| Err(ShipError::new(format!("RDD {id} was not sent"))))
    }

    /// Keeps the node that `make` makes, or why it cannot be made, until [`Landing::forget`]. One that is here stays.
    pub(crate) fn keep(&self, id: RddId, make: impl FnOnce() -> Result<Arc<Node>, ShipError>) {
        if self.node(id).is_err() {
            let made = edge::guard(make).unwrap_or_else(|panic| Err(ShipError::new(panic.to_string())));
            self.lock().nodes.insert(id, made);
        }
    }

    /// Lets a node go: no RDD refers to it any more. Its blocks go with what is returned.
    pub(crate) fn forget(&self, id: RddId) -> Option<Arc<Node>> {
        self.lock().nodes.remove(&id)?.ok()
    }

    /// The accumulator of this number, made by `make` if no closure here has it.
    pub(crate) fn accumulator(
        &self,
        id: u64,
        make: impl FnOnce() -> Result<AccumulatorHandle, ShipError>,
    ) -> Result<AccumulatorHandle, ShipError> {
        if let Some(known) = self.accumulators.get(id) {
            return Ok(known);
        }
        let made = make()?;
        self.accumulators.add(&IdMap::from_iter([(id, made.clone())]));
        Ok(made)
    }

    /// A broadcast whose value is here.
    pub(crate) fn broadcast(&self, id: u64) -> Result<BroadcastHandle, ShipError> {
        let handle = self.lock().broadcasts.get(&id).cloned();
        handle.unwrap_or_else(|| Err(ShipError::new(format!("the value of broadcast {id} was not sent"))))
    }

    /// Keeps the value of a broadcast, or notes why there is none.
    pub(crate) fn keep_broadcast(&self, id: u64, value: Result<BroadcastHandle, ShipError>) {
        let value = value.map_err(|error| ShipError::new(format!("the value of broadcast {id} is not here: {error}")));
        self.lock().broadcasts.insert(id, value);
    }

    /// Lets the value of a broadcast go; closures that use it keep it for a while.
    pub(crate) fn forget_broadcast(&self, id: u64) -> Option<BroadcastHandle> {
        self.lock().broadcasts.remove(&id)?.ok()
    }
}
