//! Adding a shuffle to the lineage.

use super::{KeptRows, ReadVt, WriteVt};
use crate::closure::Closure;
use crate::node::{Kind, NewNode, Node, RddHandle, ShuffleInput, Shuffled, Spread};
use crate::partitioner::Partitioner;
use crate::pipeline::ProbeVt;
use crate::sort::SortVt;
use std::any::TypeId;
use std::panic::Location;
use std::sync::{Arc, OnceLock};

/// A parent of a shuffled RDD, and its map side.
type Input<'a> = (&'a RddHandle, &'static WriteVt);

impl RddHandle {
    /// An RDD made of the map outputs of `self`, whose partitions follow from whole rows.
    #[inline(never)]
    #[track_caller]
    pub fn shuffled(
        &self,
        operator: &'static str,
        write: &'static WriteVt,
        read: &'static ReadVt,
        closure: Closure,
    ) -> RddHandle {
        New { operator, read, closure, sort: None, probe: None, key: None, into: None }.node(&[(self, write)])
    }

    /// The same, in `n` partitions.
    #[inline(never)]
    #[track_caller]
    pub fn shuffled_into(
        &self,
        operator: &'static str,
        n: usize,
        write: &'static WriteVt,
        read: &'static ReadVt,
        closure: Closure,
    ) -> RddHandle {
        if n == 0 {
            return self.failed(operator, read.out, "a shuffle makes at least one partition");
        }
        New { operator, read, closure, sort: None, probe: None, key: None, into: Some(n) }.node(&[(self, write)])
    }

    /// The pairs of `self` in the `n` partitions of their keys; `self` if they are there already.
    #[inline(never)]
    #[track_caller]
    pub(crate) fn partitioned(
        &self,
        n: usize,
        write: &'static WriteVt,
        read: &'static ReadVt,
        key: TypeId,
    ) -> RddHandle {
        if n == 0 {
            return self.failed("partition_by", read.out, "a shuffle makes at least one partition");
        }
        if self.arc().partitioner == Some(Partitioner::hash(n, key)) {
            return self.clone();
        }
        let (operator, closure) = ("partition_by", Closure::none());
        New { operator, read, closure, sort: None, probe: None, key: Some(key), into: Some(n) }.node(&[(self, write)])
    }

    /// An RDD of pairs made of the map outputs of `self`, in the partitions of their keys. If the pairs of `self` are in
    /// these partitions already, nothing is shuffled.
    #[inline]
    #[track_caller]
    pub fn by_key<K: 'static>(
        &self,
        operator: &'static str,
        write: &'static WriteVt,
        read: &'static ReadVt,
        closure: Closure,
    ) -> RddHandle {
        by_key(operator, &[(self, write)], read, closure, TypeId::of::<K>())
    }

    /// An RDD of pairs made of the map outputs of several RDDs, in the partitions of their keys; inputs that are in these
    /// partitions already are not shuffled.
    #[inline]
    #[track_caller]
    pub fn cogrouped<K: 'static>(
        operator: &'static str,
        inputs: &[Input<'_>],
        read: &'static ReadVt,
        closure: Closure,
    ) -> RddHandle {
        by_key(operator, inputs, read, closure, TypeId::of::<K>())
    }

    /// An RDD of the rows of `self` that go past a table of the rows of `other`, both in the partitions of their keys.
    #[inline]
    #[track_caller]
    pub fn joined<K: 'static>(
        &self,
        write: &'static WriteVt,
        other: Input<'_>,
        read: &'static ReadVt,
        probe: &'static ProbeVt,
        closure: Closure,
    ) -> RddHandle {
        join(&[(self, write), other], read, probe, closure, TypeId::of::<K>())
    }

    /// An RDD of the rows of `self`, sorted.
    #[inline(never)]
    #[track_caller]
    pub fn sorted(
        &self,
        operator: &'static str,
        write: &'static WriteVt,
        read: &'static ReadVt,
        sort: &'static SortVt,
        closure: Closure,
    ) -> RddHandle {
        New { operator, read, closure, sort: Some(sort), probe: None, key: None, into: None }.node(&[(self, write)])
    }
}

#[inline(never)]
#[track_caller]
fn by_key(
    operator: &'static str,
    inputs: &[Input<'_>],
    read: &'static ReadVt,
    closure: Closure,
    key: TypeId,
) -> RddHandle {
    New { operator, read, closure, sort: None, probe: None, key: Some(key), into: None }.node(inputs)
}

#[inline(never)]
#[track_caller]
fn join(
    inputs: &[Input<'_>],
    read: &'static ReadVt,
    probe: &'static ProbeVt,
    closure: Closure,
    key: TypeId,
) -> RddHandle {
    New { operator: probe.name, read, closure, sort: None, probe: Some(probe), key: Some(key), into: None }.node(inputs)
}

/// What a new shuffled RDD is made of, besides its inputs.
struct New {
    operator: &'static str,
    read: &'static ReadVt,
    closure: Closure,
    sort: Option<&'static SortVt>,
    probe: Option<&'static ProbeVt>,
    /// The keys' type, if partitions follow from the hash of keys.
    key: Option<TypeId>,
    /// The number of partitions, if the operator was told.
    into: Option<usize>,
}

impl New {
    #[track_caller]
    fn node(self, inputs: &[Input<'_>]) -> RddHandle {
        let New { operator, read, closure, sort, probe, key, into } = self;
        let context = &inputs[0].0.arc().context;
        let partitions = into.unwrap_or_else(|| partitions(inputs, key));
        let partitioner = key.map(|key| Partitioner::hash(partitions, key));
        let pieces = match sort {
            // There are no ranges to be found for one partition.
            Some(_) if partitions == 1 => 1,
            None if probe.is_none() && !read.is_keyed() => 1,
            _ => pieces(partitions),
        };
        let input = |(parent, write): &Input<'_>| {
            let narrow = partitioner.is_some() && parent.arc().partitioner == partitioner;
            let in_pieces = narrow && parent.arc().in_pieces;
            ShuffleInput { shuffle: context.arc().next_shuffle_id(), write, narrow, in_pieces }
        };
        let shuffled = Shuffled {
            inputs: inputs.iter().map(input).collect(),
            read,
            closure,
            sort,
            ranges: OnceLock::new(),
            kept: KeptRows::default(),
            pieces,
            probe,
        };
        // Rows in pieces of the same partitions are in the same pieces: their number follows from that of the partitions.
        let in_pieces = partitioner.is_some() && pieces > 1 && shuffled.is_in_pieces();
        // What a closure makes of two rows need not be pairs.
        let keyed = probe.is_none_or(|probe| !probe.borrows);
        let spread = Spread { partitioner, in_pieces, shuffle_into: None };
        let kind = Kind::Shuffled(Box::new(shuffled));
        let new = NewNode {
            operator,
            elem: read.out,
            partitions,
            parents: inputs.iter().map(|(parent, _)| Arc::clone(parent.arc())).collect(),
            kind,
            location: Location::caller(),
        };
        Node::create_spread(context, new, if keyed { spread } else { Spread::default() })
    }
}

/// The pieces of each of so many partitions. There are some hundred tables at most on a map side.
fn pieces(partitions: usize) -> usize {
    match 128 / partitions.max(1) {
        0 | 1 => 1,
        most => 1 << most.min(64).ilog2(),
    }
}

/// The number of partitions of a shuffle: what was asked for (`shuffle_into`), else that of an input that is partitioned by
/// the same keys, else as many as the widest input has, up to the default parallelism.
fn partitions(inputs: &[Input<'_>], key: Option<TypeId>) -> usize {
    let nodes = || inputs.iter().map(|(parent, _)| parent.arc());
    let asked = nodes().filter_map(|node| node.shuffle_into).max();
    let placed = |partitioner: &Partitioner| key.is_some_and(|key| partitioner.places(key));
    let known = nodes().filter_map(|node| node.partitioner.filter(placed)).map(|known| known.num_partitions()).max();
    asked.or(known).unwrap_or_else(|| {
        let widest = nodes().map(|node| node.partitions).max().unwrap_or(0);
        widest.min(inputs[0].0.arc().context.arc().parallelism()).max(1)
    })
}
