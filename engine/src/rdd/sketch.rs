//! How an [`Aggregator`] runs: over all rows for an action, over the values of each key for a transformation. The map side
//! fills sketches, the reduce side or the driver merges them, in the order of the partitions.

use super::Rdd;
use super::group_by_key::merge_by_key;
use crate::batch::{Batch, Elem, drain_rows, take_row};
use crate::capture::SavedEnv;
use crate::closure::Closure;
use crate::codec::Codec;
use crate::data::{Data, Key};
use crate::error::{Error, Result};
use crate::hash::hash_key;
use crate::job::{FoldVt, LeaveOut, StepFn};
use crate::shuffle::{ReadVt, WriteVt};
use crate::stats::Aggregator;
use crate::table::{Buckets, upsert_rows};
use std::hash::Hash;
use std::marker::PhantomData;

/// Over all rows.
struct Sketch<T, A>(PhantomData<(T, A)>);

impl<T: 'static, A: Aggregator<T>> Sketch<T, A> {
    const ADD: &'static FoldVt = &Self::vt(add::<T, A>);
    const MERGE: &'static FoldVt = &Self::vt(merge::<T, A>);

    const fn vt(step: StepFn) -> FoldVt {
        FoldVt {
            acc: Elem::<A::Sketch>::VT,
            codec: Codec::<A::Sketch>::VT,
            step,
            step_selected: None,
            bad_rows: LeaveOut::Never,
        }
    }
}

unsafe fn add<T, A: Aggregator<T>>(aggregator: *const u8, input: &mut Batch, acc: &mut Batch) -> Option<&'static str> {
    // SAFETY: the table's types are those of aggregator, rows and sketch; `acc` has one row where it is looked at.
    unsafe {
        let aggregator = &*(aggregator as *const A);
        if acc.is_empty() {
            acc.push(aggregator.zero());
        }
        let sketch = &mut *(acc.row(0) as *mut A::Sketch);
        drain_rows::<T>(input, |value| aggregator.add(sketch, value));
    }
    None
}

unsafe fn merge<T, A: Aggregator<T>>(
    aggregator: *const u8,
    input: &mut Batch,
    acc: &mut Batch,
) -> Option<&'static str> {
    // SAFETY: as in `add`; the rows are sketches.
    unsafe {
        let aggregator = &*(aggregator as *const A);
        drain_rows::<A::Sketch>(input, |other| match acc.is_empty() {
            true => acc.push(other),
            false => aggregator.merge(&mut *(acc.row(0) as *mut A::Sketch), other),
        });
    }
    None
}

/// Over the values of each key.
struct SketchByKey<K, V, A>(PhantomData<(K, V, A)>);

impl<K: Key, V: 'static, A: Aggregator<V>> SketchByKey<K, V, A> {
    const WRITE: &'static WriteVt = &WriteVt {
        input: Elem::<(K, V)>::VT,
        stored: Elem::<(K, A::Sketch)>::VT,
        codec: Codec::<(K, A::Sketch)>::VT,
        add: Some(add_by_key::<K, V, A>),
        keys: None,
    };
    const READ: &'static ReadVt = &ReadVt::merged(Elem::<(K, A::Sketch)>::VT, &[merge_sketches_by_key::<K, V, A>]);
}

unsafe fn add_by_key<K: Hash + Eq, V, A: Aggregator<V>>(
    aggregator: *const u8,
    input: &mut Batch,
    tables: &mut Buckets,
) {
    // SAFETY: the tables' types are those of aggregator and rows.
    unsafe {
        let aggregator = &*(aggregator as *const A);
        merge_by_key::<K, V, A::Sketch>(
            input,
            tables,
            || aggregator.zero(),
            |sketch, value| aggregator.add(sketch, value),
        )
    }
}

unsafe fn merge_sketches_by_key<K: Hash + Eq, V, A: Aggregator<V>>(
    aggregator: *const u8,
    input: &mut Batch,
    tables: &mut Buckets,
) {
    // SAFETY: the tables' types are those of aggregator and rows; `update` gets the address of an initialised row.
    unsafe {
        let aggregator = &*(aggregator as *const A);
        upsert_rows::<(K, A::Sketch), (K, A::Sketch)>(
            input,
            tables,
            None,
            |row| hash_key(&row.0),
            |row, known| row.0 == known.0,
            |row| row,
            |_, known, (_, other)| aggregator.merge(&mut (*known).1, other),
        )
    }
}

/// The aggregator as the closure of an operator: the tasks get a copy of it.
#[track_caller]
fn shipped<V, A: Aggregator<V>>(aggregator: A) -> Closure {
    let env = SavedEnv::new(&(&aggregator,));
    // SAFETY: the environment's values have the type `(A,)`.
    unsafe { Closure::from_env::<(A,), _, A>(env, &|(aggregator,): (A,)| aggregator) }
}

impl<T: 'static> Rdd<T> {
    /// The sketch of all rows; of none if there are no partitions.
    #[track_caller]
    pub(super) fn sketch<A: Aggregator<T>>(&self, name: &'static str, aggregator: A) -> Result<A::Sketch> {
        let zero = aggregator.zero();
        let closure = shipped::<T, A>(aggregator);
        let mut rows = self.handle.fold_with(name, Sketch::<T, A>::ADD, Sketch::<T, A>::MERGE, closure, None)?;
        // SAFETY: the accumulator has rows of the sketch's type.
        Ok(if rows.is_empty() { zero } else { unsafe { take_row(&mut rows) } })
    }
}

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// The sketch of each key's values.
    #[track_caller]
    pub(super) fn sketch_by_key<A>(&self, name: &'static str, aggregator: A) -> Rdd<(K, A::Sketch)>
    where
        K: Key,
        A: Aggregator<V>,
    {
        let (write, read) = (SketchByKey::<K, V, A>::WRITE, SketchByKey::<K, V, A>::READ);
        Rdd::from_handle(self.handle.by_key::<K>(name, write, read, shipped::<V, A>(aggregator)))
    }

    /// What stands for an RDD of sketches that cannot be made: the first action tells why.
    #[track_caller]
    pub(super) fn refused<U: Data>(&self, name: &'static str, error: Error) -> Rdd<U> {
        Rdd::from_handle(self.handle.failed(name, Elem::<U>::VT, &error.to_string()))
    }
}

/// Names the operator that an error belongs to.
pub(super) fn of_operator(name: &str, error: Error) -> Error {
    Error::Invalid(format!("{name}: {error}"))
}
