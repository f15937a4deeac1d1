//! `join`: the pairs of values that two RDDs have for the same key. Both are grouped by key on their map sides; the reduce
//! side puts the groups together and yields their product row by row.

use super::Rdd;
use super::flat_map::FlatMap;
use super::group_by_key::{Grouping, merge_by_key};
use crate::batch::{Batch, Elem};
use crate::closure::Closure;
use crate::data::{Data, Key};
use crate::shuffle::ReadVt;
use crate::table::Buckets;
use std::hash::Hash;
use std::marker::PhantomData;

struct Cogroup<K, V, W>(PhantomData<(K, V, W)>);

/// All values of a key on the left and on the right.
type Groups<V, W> = (Vec<V>, Vec<W>);

impl<K: Key, V: Data, W: Data> Cogroup<K, V, W> {
    const READ: &'static ReadVt =
        &ReadVt { out: Elem::<(K, Groups<V, W>)>::VT, merge: &[left::<K, V, W>, right::<K, V, W>] };
}

unsafe fn left<K: Hash + Eq, V, W>(_: *const u8, input: &mut Batch, tables: &mut Buckets) {
    // SAFETY: the tables' types are those of the rows.
    unsafe {
        merge_by_key::<K, Vec<V>, Groups<V, W>>(input, tables, Default::default, |groups, mut more| {
            groups.0.append(&mut more)
        })
    }
}

unsafe fn right<K: Hash + Eq, V, W>(_: *const u8, input: &mut Batch, tables: &mut Buckets) {
    // SAFETY: the tables' types are those of the rows.
    unsafe {
        merge_by_key::<K, Vec<W>, Groups<V, W>>(input, tables, Default::default, |groups, mut more| {
            groups.1.append(&mut more)
        })
    }
}

/// The product of one key's groups.
struct Product<K, V, W> {
    key: K,
    groups: Groups<V, W>,
    next: usize,
}

impl<K: Clone, V: Clone, W: Clone> Iterator for Product<K, V, W> {
    type Item = (K, (V, W));

    fn next(&mut self) -> Option<(K, (V, W))> {
        let (left, right) = &self.groups;
        let width = right.len().max(1);
        let (value, other) = (left.get(self.next / width)?, right.get(self.next % width)?);
        self.next += 1;
        Some((self.key.clone(), (value.clone(), other.clone())))
    }
}

fn product<K, V, W>((key, groups): (K, Groups<V, W>)) -> Product<K, V, W> {
    Product { key, groups, next: 0 }
}

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// For every key that both RDDs have, each pair of a value from `self` and one from `other`.
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
        let other = (&other.handle, Grouping::<K, W>::WRITE);
        let groups = self.handle.cogrouped("cogroup", Grouping::<K, V>::WRITE, other, Cogroup::<K, V, W>::READ);
        type Factory<K, V, W> = fn((K, Groups<V, W>)) -> Product<K, V, W>;
        Rdd::from_handle(flatten(&groups, product::<K, V, W> as Factory<K, V, W>))
    }
}

#[track_caller]
fn flatten<T: 'static, I: IntoIterator<Item: 'static> + 'static>(
    groups: &crate::node::RddHandle,
    f: fn(T) -> I,
) -> crate::node::RddHandle {
    groups.narrow(FlatMap::<T, I, fn(T) -> I>::JOIN, Closure::plain::<fn(T) -> I, fn(T) -> I>(f, "join"))
}
