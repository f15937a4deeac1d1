//! Adding a shuffle to the lineage.

use super::{ReadVt, WriteVt};
use crate::closure::Closure;
use crate::node::{Kind, NewNode, Node, RddHandle, ShuffleInput, Shuffled};
use crate::sort::SortVt;
use std::panic::Location;
use std::sync::{Arc, OnceLock};

impl RddHandle {
    /// An RDD made of the map outputs of `self`.
    #[inline(never)]
    #[track_caller]
    pub fn shuffled(
        &self,
        operator: &'static str,
        write: &'static WriteVt,
        read: &'static ReadVt,
        closure: Closure,
    ) -> RddHandle {
        shuffled(operator, &[(self, write)], read, closure, None)
    }

    /// An RDD made of the map outputs of `self` and `other`.
    #[inline(never)]
    #[track_caller]
    pub fn cogrouped(
        &self,
        operator: &'static str,
        write: &'static WriteVt,
        other: (&RddHandle, &'static WriteVt),
        read: &'static ReadVt,
    ) -> RddHandle {
        shuffled(operator, &[(self, write), other], read, Closure::none(), None)
    }

    /// An RDD of the rows of `self`, sorted.
    #[inline(never)]
    #[track_caller]
    pub fn sorted(
        &self,
        write: &'static WriteVt,
        read: &'static ReadVt,
        sort: &'static SortVt,
        closure: Closure,
    ) -> RddHandle {
        shuffled("sort_by", &[(self, write)], read, closure, Some(sort))
    }
}

#[track_caller]
fn shuffled(
    operator: &'static str,
    parents: &[(&RddHandle, &'static WriteVt)],
    read: &'static ReadVt,
    closure: Closure,
    sort: Option<&'static SortVt>,
) -> RddHandle {
    let context = &parents[0].0.arc().context;
    let widest = parents.iter().map(|(parent, _)| parent.arc().partitions).max().unwrap_or(0);
    let inputs = parents.iter().map(|(_, write)| ShuffleInput { shuffle: context.arc().next_shuffle_id(), write });
    let kind = Kind::Shuffled(Shuffled { inputs: inputs.collect(), read, closure, sort, bounds: OnceLock::new() });
    Node::create(
        context,
        NewNode {
            operator,
            elem: read.out,
            partitions: widest.min(context.arc().parallelism()).max(1),
            parents: parents.iter().map(|(parent, _)| Arc::clone(parent.arc())).collect(),
            kind,
            location: Location::caller(),
        },
    )
}
