//! `join_with`: a join whose pairs of rows are looked at where they are. A join makes a row of each pair, so it clones values; here a
//! closure gets references and emits what it wants, and not even a cached value is cloned.

use super::flat_map_with::Emitter;
use super::join::{Matches, build, find_matches};
use super::partition_by::ByKey;
use super::{Rdd, WithEnv};
use crate::batch::{Batch, Elem};
use crate::closure::Closure;
use crate::codec::Codec;
use crate::data::{Data, Key};
use crate::pipeline::{Cursor, ProbeVt, Step};
use crate::shuffle::ReadVt;
use crate::table::{Buckets, hash_pairs};
use std::any::TypeId;
use std::hash::Hash;
use std::marker::PhantomData;

struct JoinWith<K, V, W, U, F>(PhantomData<(K, V, W, U, F)>);

impl<K, V, W, U, F> JoinWith<K, V, W, U, F>
where
    K: Key,
    V: Data,
    W: Data,
    U: 'static,
    F: Fn((&K, (&V, &W)), &mut Emitter<'_, U>),
{
    const READ: &'static ReadVt = &ReadVt::concatenated(Elem::<U>::VT);
    const OP: &'static ProbeVt = &ProbeVt {
        name: "join_with",
        out: Elem::<U>::VT,
        left: Elem::<(K, V)>::VT,
        table: Elem::<(K, Matches<W>)>::VT,
        hash: Some([hash_pairs::<K, V>, hash_pairs::<K, W>]),
        key: Some((TypeId::of::<K>, std::mem::offset_of!((K, Matches<W>), 0))),
        codec: Codec::<(K, W)>::VT,
        build: Some(build::<K, W>),
        probe: probe::<K, V, W, U, F>,
        borrows: true,
        rest: None,
    };

    #[track_caller]
    fn of(left: &Rdd<(K, V)>, right: &Rdd<(K, W)>, closure: Closure) -> Rdd<U> {
        let other = (&right.handle, ByKey::<K, W>::WRITE);
        Rdd::from_handle(left.handle.joined::<K>(ByKey::<K, V>::WRITE, other, Self::READ, Self::OP, closure))
    }
}

/// Shows every row of `left` with each that it meets to the closure, until `out` is full. All that is emitted for one pair fits
/// in any case.
unsafe fn probe<K, V, W, U, F>(
    f: *const u8,
    left: &mut Batch,
    tables: &mut Buckets,
    cursor: &mut Cursor,
    out: &mut Batch,
) -> Step
where
    K: Hash + Eq,
    W: 'static,
    F: Fn((&K, (&V, &W)), &mut Emitter<'_, U>),
{
    // SAFETY: closure, batches and table have the types of the operator's table. `found` was made for the batch's rows, which stay
    // until they are cleared, as the table's do.
    unsafe {
        if cursor.found.is_empty() {
            find_matches::<K, V, W>(left, tables, cursor);
        }
        let f = &*(f as *const F);
        let limit = out.limit;
        let mut emitter = Emitter::<U>::new(out);
        let rows = left.row(0) as *const (K, V);
        while cursor.row < cursor.found.len() {
            let found = cursor.found[cursor.row] as *const (K, Matches<W>);
            let others = if found.is_null() { &[] } else { (*found).1.values.as_slice() };
            let (key, value) = &*rows.add(cursor.row);
            while cursor.met < others.len() {
                if emitter.len() >= limit {
                    emitter.finish();
                    return Step::More;
                }
                f((key, (value, &others[cursor.met])), &mut emitter);
                cursor.met += 1;
            }
            cursor.row += 1;
            cursor.met = 0;
        }
        emitter.finish();
    }
    left.clear();
    Step::Done
}

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// [`Rdd::join`], whose rows `f` gets by reference, with an [`Emitter`] for what it makes of them: what `join` and
    /// [`Rdd::flat_map_with`] give, but no value is cloned, those of a cached RDD included. (Flink's join with a
    /// `FlatJoinFunction`.)
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(2);
    /// let links = ctx.parallelize([('a', vec!['b', 'c']), ('b', vec!['a'])]).cache();
    /// let ranks = ctx.parallelize([('a', 1.0), ('b', 3.0)]);
    /// let shares = links.join_with(&ranks, |(_, (targets, rank)), out| {
    ///     targets.iter().for_each(|target| out.emit((*target, rank / targets.len() as f64)))
    /// });
    /// assert_eq!(shares.sort_by_key().collect()?, [('a', 3.0), ('b', 0.5), ('c', 0.5)]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn join_with<W, U, F>(&self, other: &Rdd<(K, W)>, f: F) -> Rdd<U>
    where
        K: Key,
        V: Data,
        W: Data,
        U: 'static,
        F: Fn((&K, (&V, &W)), &mut Emitter<'_, U>) + Send + Sync + 'static,
    {
        let closure = Closure::plain::<F, fn((&K, (&V, &W)), &mut Emitter<'_, U>)>(f, "join_with");
        JoinWith::<K, V, W, U, F>::of(self, other, closure)
    }
}

impl<K: 'static, V: 'static, O: 'static> WithEnv<(K, V), O> {
    /// [`Rdd::join_with`] with captured variables.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(2);
    /// let (prices, amounts) = (ctx.parallelize([(1, 20), (2, 5)]), ctx.parallelize([(1, 3), (2, 1)]));
    /// let large = prices.with_env((&10,)).join_with(&amounts, |(least,)| {
    ///     move |(key, (price, amount)), out| {
    ///         if price * amount > least {
    ///             out.emit(*key)
    ///         }
    ///     }
    /// });
    /// assert_eq!(large.collect()?, [1]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn join_with<W, U, G, F>(self, other: &Rdd<(K, W)>, factory: G) -> Rdd<U>
    where
        K: Key,
        V: Data,
        W: Data,
        U: 'static,
        G: Fn(O) -> F,
        F: Fn((&K, (&V, &W)), &mut Emitter<'_, U>) + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure(factory);
        JoinWith::<K, V, W, U, F>::of(&rdd, other, closure)
    }
}
