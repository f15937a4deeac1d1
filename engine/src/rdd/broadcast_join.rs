//! `broadcast_join`: a join with an RDD so small that every task can have all of it. Nothing of `self` is moved.

use super::join::{Inner, LeftOuter, Shape};
use super::{Rdd, index::parameters};
use crate::batch::{Batch, Elem, drain_rows, take_row};
use crate::broadcast::Broadcast;
use crate::codec::Codec;
use crate::data::{Data, Key};
use crate::error::Result;
use crate::hash::KeyHashes;
use crate::pipeline::{OpVt, StateVt, Step};
use std::alloc::Layout;
use std::collections::HashMap;
use std::hash::Hash;
use std::marker::PhantomData;

/// The values of every key of the small RDD, in its order.
type Values<K, W> = HashMap<K, Vec<W>, KeyHashes>;

struct BroadcastJoin<K, V, W, S>(PhantomData<(K, V, W, S)>);

impl<K: Key + Clone, V: Clone + 'static, W: Data + Clone, S: Shape<K, V, W, Row: 'static> + 'static>
    BroadcastJoin<K, V, W, S>
{
    const fn op(name: &'static str) -> OpVt {
        OpVt { name, out: Elem::<S::Row>::VT, state: Some(MET), run: run::<K, V, W, S> }
    }

    #[track_caller]
    fn of(left: &Rdd<(K, V)>, small: &Rdd<(K, W)>, op: &'static OpVt) -> Result<Rdd<S::Row>> {
        let mut rows = small.handle.collect(op.name, Codec::<(K, W)>::VT)?;
        let mut values = Values::<K, W>::default();
        // SAFETY: an `Rdd<(K, W)>`'s node has rows `(K, W)`.
        unsafe { drain_rows::<(K, W)>(&mut rows, |(key, value)| values.entry(key).or_default().push(value)) }
        let values = left.context().broadcast(values);
        let closure = parameters((&values,), |(values,)| values);
        Ok(Rdd::from_handle(left.handle.narrow_keeping_keys(op, closure)))
    }
}

/// How many values the first row of the input has met already.
const MET: &StateVt = &StateVt { layout: Layout::new::<usize>(), init, drop: forget };

unsafe fn init(state: *mut u8, _: u64) {
    // SAFETY: the memory is laid out for a number.
    unsafe { (state as *mut usize).write(0) }
}

unsafe fn forget(_: *mut u8) {}

unsafe fn run<K, V, W, S>(values: *const u8, state: *mut u8, input: &mut Batch, out: &mut Batch) -> Step
where
    K: Hash + Eq + Clone + 'static,
    V: Clone,
    W: Clone + 'static,
    S: Shape<K, V, W>,
{
    // SAFETY: the table's types are those of broadcast, state and batches; `limit` rows are reserved before they are written.
    unsafe {
        let values = (*(values as *const Broadcast<Values<K, W>>)).value();
        let met = &mut *(state as *mut usize);
        out.reserve(out.limit);
        let target = out.ptr as *mut S::Row;
        while !input.is_empty() && out.len < out.limit {
            let row = &*(input.row(0) as *const (K, V));
            let others = values.get(&row.0).map_or(&[][..], Vec::as_slice);
            while *met + 1 < others.len() && out.len < out.limit {
                let (key, value) = row.clone();
                if let Some(both) = S::BOTH {
                    target.add(out.len).write(both(key, value, others[*met].clone()));
                    out.len += 1;
                }
                *met += 1;
            }
            if out.len == out.limit {
                break;
            }
            let last = others.last().cloned();
            *met = 0;
            let (key, value) = take_row::<(K, V)>(input);
            let row = match last {
                Some(other) => S::BOTH.map(|both| both(key, value, other)),
                None => S::left_only(key, value),
            };
            if let Some(row) = row {
                target.add(out.len).write(row);
                out.len += 1;
            }
        }
    }
    if input.is_empty() { Step::Done } else { Step::More }
}

macro_rules! op {
    ($shape:ident, $name:literal) => {
        const { &BroadcastJoin::<K, V, W, $shape>::op($name) }
    };
}

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// [`Rdd::join`] with a small RDD: its rows are collected now, by a job of its own, and broadcast as a map, and the rows
    /// of `self` meet it where they are. Nothing is shuffled, and order, partitions and partitioner of `self` are kept. (Also
    /// called a map-side join; DPark's `innerJoin`.)
    ///
    /// The job is why this returns a result. It runs here and not with the first action so that `small` is computed once
    /// however many actions follow, and so that its failure is told where the join was asked for. The map counts in the
    /// memory budget until the joined RDD goes.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(2);
    /// let visits = ctx.parallelize([(2, "mon"), (1, "tue"), (3, "wed"), (2, "thu")].map(|(k, v)| (k, v.to_string())));
    /// let names = ctx.parallelize([(1, "Ann".to_string()), (2, "Bo".to_string())]);
    /// let rows = visits.broadcast_join(&names)?.map(|(_, (day, name))| format!("{name} {day}")).collect()?;
    /// assert_eq!(rows, ["Bo mon", "Ann tue", "Bo thu"]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[doc(alias = "map_side_join")]
    #[track_caller]
    pub fn broadcast_join<W>(&self, small: &Rdd<(K, W)>) -> Result<Rdd<(K, (V, W))>>
    where
        K: Key + Clone,
        V: Clone,
        W: Data + Clone,
    {
        BroadcastJoin::<K, V, W, Inner>::of(self, small, op!(Inner, "broadcast_join"))
    }

    /// [`Rdd::broadcast_join`] by DPark's name.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(1);
    /// let (a, b) = (ctx.parallelize([(2, 'b'), (1, 'a')]), ctx.parallelize([(1, 10), (1, 11)]));
    /// assert_eq!(a.inner_join(&b)?.collect()?, [(1, ('a', 10)), (1, ('a', 11))]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn inner_join<W>(&self, small: &Rdd<(K, W)>) -> Result<Rdd<(K, (V, W))>>
    where
        K: Key + Clone,
        V: Clone,
        W: Data + Clone,
    {
        BroadcastJoin::<K, V, W, Inner>::of(self, small, op!(Inner, "inner_join"))
    }

    /// [`Rdd::broadcast_join`], and the pairs of `self` whose key `small` does not have, with `None`. (The other outer joins
    /// have no such form: no task alone could tell which rows of `small` meet none.)
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(1);
    /// let (a, b) = (ctx.parallelize([(2, 'b'), (1, 'a')]), ctx.parallelize([(1, 10)]));
    /// assert_eq!(a.broadcast_left_outer_join(&b)?.collect()?, [(2, ('b', None)), (1, ('a', Some(10)))]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[allow(clippy::type_complexity, reason = "the type shows what the rows are")]
    #[track_caller]
    pub fn broadcast_left_outer_join<W>(&self, small: &Rdd<(K, W)>) -> Result<Rdd<(K, (V, Option<W>))>>
    where
        K: Key + Clone,
        V: Clone,
        W: Data + Clone,
    {
        BroadcastJoin::<K, V, W, LeftOuter>::of(self, small, op!(LeftOuter, "broadcast_left_outer_join"))
    }
}
