//! `Rdd<T>`: a partitioned collection, described by how it is computed. Transformations make another RDD and compute
//! nothing; actions run a job and return its result.
//!
//! Each operator has a file of its own: the method, its monomorphised loop, and a table with the loop's address. Everything
//! else is in the engine, compiled once.

mod collect;
mod collect_as_map;
mod count;
mod distinct;
mod extremes;
mod filter;
mod flat_map;
mod fold;
mod foreach;
mod group_by_key;
mod join;
mod key_by;
mod map;
mod map_partitions;
mod map_values;
mod parallelize;
mod persist;
mod range;
mod reduce;
mod reduce_by_key;
mod save_as_binary;
mod save_as_csv;
mod save_as_json_lines;
mod save_as_text_file;
mod save_as_text_file_by_key;
mod sort_by;
mod sum;
mod take;
mod top;
mod union;
mod with_env;

pub(crate) use parallelize::parallelize;
pub(crate) use range::range;
pub use sum::Summand;
pub(crate) use union::union;
pub use with_env::WithEnv;

use crate::context::DparkContext;
use crate::ids::RddId;
use crate::node::{RddHandle, short_type_name};
use std::marker::PhantomData;

/// A partitioned collection of rows of type `T`. Cheap to clone; computed when an action asks for it.
#[repr(transparent)]
pub struct Rdd<T> {
    pub(crate) handle: RddHandle,
    rows: PhantomData<fn() -> T>,
}

impl<T> Rdd<T> {
    /// Types a handle whose node has rows `T`.
    #[inline]
    pub(crate) fn from_handle(handle: RddHandle) -> Rdd<T> {
        Rdd { handle, rows: PhantomData }
    }

    /// Its number in the context, from 1.
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(1).range(0, 9).id().to_string(), "1");
    /// ```
    pub fn id(&self) -> RddId {
        self.handle.id()
    }

    /// Number of partitions.
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(3).range(0, 9).num_partitions(), 3);
    /// ```
    pub fn num_partitions(&self) -> usize {
        self.handle.num_partitions()
    }

    /// The context it belongs to.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(3).range(0, 9);
    /// assert_eq!(rdd.context().default_parallelism(), 3);
    /// ```
    pub fn context(&self) -> DparkContext {
        self.handle.context()
    }
}

impl<T> Clone for Rdd<T> {
    fn clone(&self) -> Rdd<T> {
        Rdd { handle: self.handle.clone(), rows: PhantomData }
    }
}

impl<T> std::fmt::Debug for Rdd<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.handle.fmt(f)
    }
}

impl RddHandle {
    #[inline(never)]
    fn id(&self) -> RddId {
        self.arc().id
    }

    #[inline(never)]
    fn num_partitions(&self) -> usize {
        self.arc().partitions
    }

    #[inline(never)]
    fn context(&self) -> DparkContext {
        DparkContext(self.arc().context.clone())
    }
}

impl std::fmt::Debug for RddHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let node = self.arc();
        let element = short_type_name((node.elem.name)());
        write!(f, "Rdd {}: {} of {element}, {} partitions", node.id, node.operator, node.partitions)
    }
}
