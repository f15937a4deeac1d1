//! Joins by key. Both RDDs are brought to the partitions of their keys; there, the rows of `other` become a table and the
//! rows of `self` flow past it, so that what comes of one key has the order of `self`.

use super::Rdd;
use super::partition_by::ByKey;
use crate::batch::{Batch, Elem, append, take_row};
use crate::closure::Closure;
use crate::codec::Codec;
use crate::data::{Data, Key};
use crate::hash::hash_key;
use crate::pipeline::{Cursor, ProbeVt, Step};
use crate::shuffle::ReadVt;
use crate::table::{Buckets, find_rows, hash_pairs, upsert_rows};
use std::any::TypeId;
use std::hash::Hash;
use std::marker::PhantomData;

/// The values of a key in the table, and whether a row has met them.
pub(super) struct Matches<W> {
    pub(super) values: Values<W>,
    met: bool,
}

/// Most keys have one value: it needs no allocation of its own.
pub(super) enum Values<W> {
    One(W),
    Many(Vec<W>),
}

impl<W: 'static> Values<W> {
    #[inline]
    pub(super) fn as_slice(&self) -> &[W] {
        match self {
            Values::One(value) => std::slice::from_ref(value),
            Values::Many(values) => values,
        }
    }

    #[cold]
    fn push(&mut self, value: W) {
        if let Values::Many(values) = self {
            return append(values, value);
        }
        if let Values::One(first) = std::mem::replace(self, Values::Many(Vec::new()))
            && let Values::Many(values) = self
        {
            append(values, first);
            append(values, value);
        }
    }
}

/// How a row is made of a pair of rows that meet; none if such pairs are not asked for.
pub(super) type Both<K, V, W, R> = Option<fn(K, V, W) -> R>;

/// Which rows a join gives.
pub(super) trait Shape<K, V, W> {
    type Row;
    /// A pair of rows that meet.
    const BOTH: Both<K, V, W, Self::Row>;
    /// A row of `self` that meets none.
    fn left_only(_: K, _: V) -> Option<Self::Row> {
        None
    }
    /// A row of `other` that meets none.
    const RIGHT_ONLY: Option<fn(K, W) -> Self::Row> = None;
}

pub(super) struct Inner;
pub(super) struct LeftOuter;
struct RightOuter;
struct FullOuter;
struct Without;

impl<K, V, W> Shape<K, V, W> for Inner {
    type Row = (K, (V, W));
    const BOTH: Both<K, V, W, Self::Row> = Some(|key, value, other| (key, (value, other)));
}

impl<K, V, W> Shape<K, V, W> for LeftOuter {
    type Row = (K, (V, Option<W>));
    const BOTH: Both<K, V, W, Self::Row> = Some(|key, value, other| (key, (value, Some(other))));

    fn left_only(key: K, value: V) -> Option<Self::Row> {
        Some((key, (value, None)))
    }
}

impl<K, V, W> Shape<K, V, W> for RightOuter {
    type Row = (K, (Option<V>, W));
    const BOTH: Both<K, V, W, Self::Row> = Some(|key, value, other| (key, (Some(value), other)));
    const RIGHT_ONLY: Option<fn(K, W) -> Self::Row> = Some(|key, other| (key, (None, other)));
}

impl<K, V, W> Shape<K, V, W> for FullOuter {
    type Row = (K, (Option<V>, Option<W>));
    const BOTH: Both<K, V, W, Self::Row> = Some(|key, value, other| (key, (Some(value), Some(other))));
    const RIGHT_ONLY: Option<fn(K, W) -> Self::Row> = Some(|key, other| (key, (None, Some(other))));

    fn left_only(key: K, value: V) -> Option<Self::Row> {
        Some((key, (Some(value), None)))
    }
}

impl<K, V, W> Shape<K, V, W> for Without {
    type Row = (K, V);
    const BOTH: Both<K, V, W, Self::Row> = None;

    fn left_only(key: K, value: V) -> Option<Self::Row> {
        Some((key, value))
    }
}

struct Join<K, V, W, S>(PhantomData<(K, V, W, S)>);

impl<K, V, W, S> Join<K, V, W, S>
where
    K: Key + Clone,
    V: Data + Clone,
    W: Data + Clone,
    S: Shape<K, V, W, Row: 'static> + 'static,
{
    const READ: &'static ReadVt = &ReadVt::concatenated(Elem::<S::Row>::VT);

    const fn op(name: &'static str) -> ProbeVt {
        ProbeVt {
            name,
            out: Elem::<S::Row>::VT,
            left: Elem::<(K, V)>::VT,
            table: Elem::<(K, Matches<W>)>::VT,
            hash: Some([hash_pairs::<K, V>, hash_pairs::<K, W>]),
            key: Some((TypeId::of::<K>, std::mem::offset_of!((K, Matches<W>), 0))),
            codec: Codec::<(K, W)>::VT,
            build: Some(build::<K, W>),
            probe: probe::<K, V, W, S>,
            borrows: false,
            rest: if S::RIGHT_ONLY.is_some() { Some(rest::<K, V, W, S>) } else { None },
        }
    }

    #[track_caller]
    fn of(left: &Rdd<(K, V)>, right: &Rdd<(K, W)>, op: &'static ProbeVt) -> Rdd<S::Row> {
        let other = (&right.handle, ByKey::<K, W>::WRITE);
        Rdd::from_handle(left.handle.joined::<K>(ByKey::<K, V>::WRITE, other, Self::READ, op, Closure::none()))
    }
}

pub(super) unsafe fn build<K: Hash + Eq, W: 'static>(_: *const u8, input: &mut Batch, tables: &mut Buckets) {
    // SAFETY: the table's types are those of the rows.
    unsafe {
        upsert_rows::<(K, W), (K, Matches<W>)>(
            input,
            tables,
            Some(std::mem::offset_of!((K, W), 0)),
            |row| hash_key(&row.0),
            |row, known| row.0 == known.0,
            |(key, value)| (key, Matches { values: Values::One(value), met: false }),
            |_, known, (_, value)| (*known).1.values.push(value),
        )
    }
}

/// Finds in the tables what each row of `left` meets.
///
/// # Safety
/// `left` holds rows of type `(K, V)`, the tables such of type `(K, Matches<W>)`.
pub(super) unsafe fn find_matches<K: Hash + Eq, V, W>(left: &mut Batch, tables: &mut Buckets, cursor: &mut Cursor) {
    // SAFETY: passed on from the caller.
    unsafe {
        find_rows::<(K, V), (K, Matches<W>)>(
            left,
            tables,
            &mut cursor.found,
            std::mem::offset_of!((K, V), 0),
            |row| hash_key(&row.0),
            |row, known| row.0 == known.0,
        );
    }
}

unsafe fn probe<K, V, W, S>(
    _: *const u8,
    left: &mut Batch,
    tables: &mut Buckets,
    cursor: &mut Cursor,
    out: &mut Batch,
) -> Step
where
    K: Hash + Eq + Clone,
    V: Clone,
    W: Clone + 'static,
    S: Shape<K, V, W>,
{
    // SAFETY: batches and table have the types of the operator's table. `found` was made for the batch's rows, the next of
    // which is number `row`; the table's rows stay where they are. `limit` rows were reserved.
    unsafe {
        if cursor.found.is_empty() {
            find_matches::<K, V, W>(left, tables, cursor);
        }
        out.reserve(out.limit);
        let target = out.ptr as *mut S::Row;
        while !left.is_empty() && out.len < out.limit {
            let found = cursor.found[cursor.row] as *mut (K, Matches<W>);
            if found.is_null() {
                cursor.row += 1;
                let (key, value) = take_row::<(K, V)>(left);
                if let Some(row) = S::left_only(key, value) {
                    target.add(out.len).write(row);
                    out.len += 1;
                }
                continue;
            }
            let Some(both) = S::BOTH else {
                cursor.row += 1;
                drop(take_row::<(K, V)>(left));
                continue;
            };
            (*found).1.met = true;
            let others = (*found).1.values.as_slice();
            while cursor.met + 1 < others.len() && out.len < out.limit {
                let (key, value) = (*(left.row(0) as *const (K, V))).clone();
                target.add(out.len).write(both(key, value, others[cursor.met].clone()));
                out.len += 1;
                cursor.met += 1;
            }
            if out.len == out.limit {
                break;
            }
            let other = others[cursor.met].clone();
            cursor.row += 1;
            cursor.met = 0;
            let (key, value) = take_row::<(K, V)>(left);
            target.add(out.len).write(both(key, value, other));
            out.len += 1;
        }
    }
    if left.is_empty() { Step::Done } else { Step::More }
}

unsafe fn rest<K: Clone, V, W: Clone + 'static, S: Shape<K, V, W>>(
    tables: &mut Buckets,
    cursor: &mut Cursor,
    out: &mut Batch,
) -> Step {
    let table = tables.rows_mut();
    let Some(right_only) = S::RIGHT_ONLY else { return Step::Done };
    // SAFETY: the table's rows have the type of the operator's table, and are dropped when all their values are said; room
    // for each row is made.
    unsafe {
        while !table.is_empty() {
            let (key, matches) = &*(table.row(0) as *const (K, Matches<W>));
            let values = if matches.met { &[] } else { matches.values.as_slice() };
            while cursor.met < values.len() {
                if out.len >= out.limit {
                    return Step::More;
                }
                out.push(right_only(key.clone(), values[cursor.met].clone()));
                cursor.met += 1;
            }
            drop(take_row::<(K, Matches<W>)>(table));
            cursor.met = 0;
        }
    }
    Step::Done
}

macro_rules! op {
    ($shape:ident, $name:literal) => {
        const { &Join::<K, V, W, $shape>::op($name) }
    };
}

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// For every key that both RDDs have, each pair of a value from `self` and one from `other`: those of one key in the
    /// order of `self`, then of `other`; the keys come in no order, but always the same one. The smaller RDD should be
    /// `other`: its rows are held in memory. What is partitioned by these keys already is not shuffled.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(2);
    /// let (ages, names) = (ctx.parallelize([(1, 30)]), ctx.parallelize([(1, "Ann".to_string()), (2, "Bo".to_string())]));
    /// assert_eq!(names.join(&ages).collect()?, [(1, ("Ann".to_string(), 30))]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn join<W>(&self, other: &Rdd<(K, W)>) -> Rdd<(K, (V, W))>
    where
        K: Key + Clone,
        V: Data + Clone,
        W: Data + Clone,
    {
        Join::<K, V, W, Inner>::of(self, other, op!(Inner, "join"))
    }

    /// [`Rdd::join`], and the pairs of `self` whose key `other` does not have, with `None`.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(1);
    /// let (a, b) = (ctx.parallelize([(1, 'a'), (2, 'b')]), ctx.parallelize([(2, 20)]));
    /// assert_eq!(a.left_outer_join(&b).sort_by_key().collect()?, [(1, ('a', None)), (2, ('b', Some(20)))]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn left_outer_join<W>(&self, other: &Rdd<(K, W)>) -> Rdd<(K, (V, Option<W>))>
    where
        K: Key + Clone,
        V: Data + Clone,
        W: Data + Clone,
    {
        Join::<K, V, W, LeftOuter>::of(self, other, op!(LeftOuter, "left_outer_join"))
    }

    /// [`Rdd::join`], and the pairs of `other` whose key `self` does not have, with `None`.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(1);
    /// let (a, b) = (ctx.parallelize([(2, 'b')]), ctx.parallelize([(1, 10), (2, 20)]));
    /// assert_eq!(a.right_outer_join(&b).sort_by_key().collect()?, [(1, (None, 10)), (2, (Some('b'), 20))]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn right_outer_join<W>(&self, other: &Rdd<(K, W)>) -> Rdd<(K, (Option<V>, W))>
    where
        K: Key + Clone,
        V: Data + Clone,
        W: Data + Clone,
    {
        Join::<K, V, W, RightOuter>::of(self, other, op!(RightOuter, "right_outer_join"))
    }

    /// [`Rdd::join`], and the pairs of either RDD whose key the other one does not have. (DPark's `outerJoin`.)
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(1);
    /// let (a, b) = (ctx.parallelize([(1, 'a')]), ctx.parallelize([(2, 20)]));
    /// assert_eq!(a.full_outer_join(&b).sort_by_key().collect()?, [(1, (Some('a'), None)), (2, (None, Some(20)))]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[doc(alias = "outer_join")]
    #[allow(clippy::type_complexity, reason = "the type shows what the rows are")]
    #[track_caller]
    pub fn full_outer_join<W>(&self, other: &Rdd<(K, W)>) -> Rdd<(K, (Option<V>, Option<W>))>
    where
        K: Key + Clone,
        V: Data + Clone,
        W: Data + Clone,
    {
        Join::<K, V, W, FullOuter>::of(self, other, op!(FullOuter, "full_outer_join"))
    }

    /// [`Rdd::full_outer_join`] by DPark's name.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(1);
    /// let (a, b) = (ctx.parallelize([(1, 'a')]), ctx.parallelize([(1, 10)]));
    /// assert_eq!(a.outer_join(&b).collect()?, [(1, (Some('a'), Some(10)))]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[allow(clippy::type_complexity, reason = "the type shows what the rows are")]
    #[track_caller]
    pub fn outer_join<W>(&self, other: &Rdd<(K, W)>) -> Rdd<(K, (Option<V>, Option<W>))>
    where
        K: Key + Clone,
        V: Data + Clone,
        W: Data + Clone,
    {
        self.full_outer_join(other)
    }

    /// The pairs whose key `other` does not have.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(1);
    /// let (a, b) = (ctx.parallelize([(1, 'a'), (2, 'b')]), ctx.parallelize([(2, 20)]));
    /// assert_eq!(a.subtract_by_key(&b).collect()?, [(1, 'a')]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn subtract_by_key<W>(&self, other: &Rdd<(K, W)>) -> Rdd<(K, V)>
    where
        K: Key + Clone,
        V: Data + Clone,
        W: Data + Clone,
    {
        Join::<K, V, W, Without>::of(self, other, op!(Without, "subtract_by_key"))
    }
}
