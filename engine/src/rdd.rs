//! `Rdd<T>`: a partitioned collection, described by how it is computed. Transformations make another RDD and compute
//! nothing; actions run a job and return its result.
//!
//! Each operator has a file of its own: the method, its monomorphised loop, and a table with the loop's address. Everything
//! else is in the engine, compiled once.

mod aggregate;
mod batch;
mod broadcast_join;
mod checkpoint;
mod coalesce;
mod cogroup;
mod collect;
mod collect_as_map;
mod combine_by_key;
mod count;
mod count_approx_distinct;
mod count_by_key;
mod count_by_value;
mod distinct;
mod enumerate_partition;
mod extremes;
mod extremes_by;
mod filter;
mod filter_containing;
mod filter_map;
mod filter_values;
mod flat_map;
mod flat_map_values;
mod flat_map_with;
mod fold;
mod fold_by_key;
mod foreach;
mod foreach_partition;
mod glom;
mod group_by;
mod group_by_key;
mod histogram;
mod hot;
mod hot_by_key;
mod index;
mod inspect;
mod is_empty;
mod join;
mod join_with;
mod key_by;
mod keys;
mod lookup;
mod map;
mod map_partitions;
mod map_partitions_with_index;
mod map_str;
mod map_values;
mod parallelize;
mod partition_by;
mod percentiles;
mod persist;
mod pipe;
mod random_split;
mod range;
mod reduce;
mod reduce_by_key;
mod reduce_by_key_to_driver;
mod sample;
mod sample_by_key;
mod save_as_binary;
mod save_as_csv;
mod save_as_json_lines;
mod save_as_text_file;
mod save_as_text_file_by_key;
mod sets;
mod sketch;
mod sort;
mod sort_by;
mod stats;
mod stats_by_key;
mod sum;
mod take;
mod take_ordered;
mod take_sample;
mod take_sample_by_key;
mod to_local_iter;
mod top;
mod top_by_key;
mod union;
mod values;
mod with_env;
mod zip;
mod zip_with_index;

pub use cogroup::{Cogrouped, Cogrouped3, Cogrouped4};
pub use flat_map_with::Emitter;
pub(crate) use parallelize::{ShippedSlices, parallelize, parallelize_with};
pub use pipe::PipeCommand;
pub(crate) use range::{Range, range, range_with};
pub use sum::Summand;
pub use to_local_iter::LocalIter;
pub(crate) use union::union;
pub use with_env::WithEnv;
pub(crate) use zip::zip_all;

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
