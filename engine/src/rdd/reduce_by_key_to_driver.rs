//! `reduce_by_key_to_driver`: the combined value of each key on the driver, without a shuffle.

use super::reduce_by_key::ReduceByKey;
use super::{Rdd, WithEnv};
use crate::batch::{Batch, drain_rows};
use crate::closure::Closure;
use crate::data::{Data, Key};
use crate::error::Result;
use crate::job::{Action, Output, Sink, merged, run};
use crate::node::{RddHandle, call_site};
use crate::shuffle::{ReadVt, WriteVt};
use crate::table::Buckets;
use std::collections::HashMap;
use std::panic::Location;

impl RddHandle {
    /// Combines rows by key in each partition, and then, on the driver, what came out, in the order of the partitions.
    #[inline(never)]
    #[track_caller]
    pub(super) fn combine_to_driver(
        &self,
        name: &'static str,
        write: &'static WriteVt,
        read: &'static ReadVt,
        closure: Closure,
    ) -> Result<Batch> {
        let call_site = call_site(Location::caller());
        let sink = Sink::Combine { write, closure: closure.clone() };
        let outputs = run(Action { node: self.arc(), name, call_site, partitions: None, sink })?;
        merged(name, || {
            let mut table = Buckets::new(read.out, 1);
            for mut part in outputs.into_iter().filter_map(Output::into_rows) {
                if let [merge, ..] = read.merge {
                    // SAFETY: closure, rows and table have the types of the tables.
                    unsafe { merge(closure.ptr(), &mut part, &mut table) }
                }
            }
            Ok(std::mem::replace(table.rows_mut(), Batch::new(read.out)))
        })
    }
}

/// A map of pairs that are on the driver.
///
/// # Safety
/// The batch holds rows of type `(K, V)`.
pub(super) unsafe fn into_map<K: Key, V>(mut pairs: Batch) -> HashMap<K, V> {
    let mut map = HashMap::with_capacity(pairs.rows());
    // SAFETY: passed on from the caller.
    unsafe {
        drain_rows::<(K, V)>(&mut pairs, |(key, value)| {
            map.insert(key, value);
        })
    }
    map
}

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// Combines all values of each key with `f`, which must be associative, and brings the result to the driver as a map.
    /// There is no shuffle: that is quick if there are few keys; [`Rdd::reduce_by_key`] is for many.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 5).key_by(|x| x % 2);
    /// let sums = pairs.reduce_by_key_to_driver(|a, b| a + b)?;
    /// assert_eq!((sums[&0], sums[&1]), (6, 4));
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn reduce_by_key_to_driver<F>(&self, f: F) -> Result<HashMap<K, V>>
    where
        K: Key,
        V: Data,
        F: Fn(V, V) -> V + Send + Sync + 'static,
    {
        self.reduced_map::<F>(Closure::plain::<F, fn(V, V) -> V>(f, "reduce_by_key_to_driver"))
    }

    #[track_caller]
    fn reduced_map<F>(&self, closure: Closure) -> Result<HashMap<K, V>>
    where
        K: Key,
        V: Data,
        F: Fn(V, V) -> V + Send + Sync + 'static,
    {
        let (write, read) = (ReduceByKey::<K, V, F>::WRITE, ReduceByKey::<K, V, F>::READ);
        let pairs = self.handle.combine_to_driver("reduce_by_key_to_driver", write, read, closure);
        // SAFETY: the tables have rows of this type.
        pairs.map(|pairs| unsafe { into_map(pairs) })
    }
}

impl<K: 'static, V: 'static, O: 'static> WithEnv<(K, V), O> {
    /// [`Rdd::reduce_by_key_to_driver`] with captured variables.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 9).key_by(|x| x % 2);
    /// let capped = pairs.with_env((&10i64,)).reduce_by_key_to_driver(|(most,)| move |a, b| (a + b).min(most))?;
    /// assert_eq!(capped[&0], 10);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn reduce_by_key_to_driver<G, F>(self, factory: G) -> Result<HashMap<K, V>>
    where
        K: Key,
        V: Data,
        G: Fn(O) -> F,
        F: Fn(V, V) -> V + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure(factory);
        rdd.reduced_map::<F>(closure)
    }
}
