//! `to_local_iter`: all rows on the driver, one partition at a time.

use super::Rdd;
use crate::batch::Batch;
use crate::codec::{Codec, CodecVt};
use crate::data::Data;
use crate::error::Result;
use crate::event::CallSite;
use crate::job::{Action, Output, Sink, run};
use crate::node::{RddHandle, call_site};
use std::iter::FusedIterator;
use std::panic::Location;

/// The rows of an RDD; see [`Rdd::to_local_iter`].
pub struct LocalIter<T> {
    partitions: Partitions,
    rows: std::vec::IntoIter<T>,
}

/// The partitions of an RDD that were not computed yet.
struct Partitions {
    rdd: RddHandle,
    codec: &'static CodecVt,
    next: usize,
    call_site: CallSite,
}

impl Partitions {
    /// Computes the next partition.
    #[inline(never)]
    fn next(&mut self) -> Option<Result<Batch>> {
        let node = self.rdd.arc();
        if self.next >= node.partitions {
            return None;
        }
        let partitions = Some(vec![self.next]);
        let (call_site, sink) = (self.call_site.clone(), Sink::Gather { limit: usize::MAX, codec: self.codec });
        let outputs = run(Action { node, name: "to_local_iter", call_site, partitions, sink });
        // After an error there is nothing more to come.
        self.next = if outputs.is_ok() { self.next + 1 } else { usize::MAX };
        let rows = |outputs: Vec<Output>| outputs.into_iter().find_map(Output::into_rows);
        Some(outputs.map(|outputs| rows(outputs).unwrap_or_else(|| Batch::new(node.elem))))
    }
}

impl RddHandle {
    #[inline(never)]
    #[track_caller]
    fn local_partitions(&self, codec: &'static CodecVt) -> Partitions {
        Partitions { rdd: self.clone(), codec, next: 0, call_site: call_site(Location::caller()) }
    }
}

impl<T> Iterator for LocalIter<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        loop {
            if let Some(row) = self.rows.next() {
                return Some(Ok(row));
            }
            match self.partitions.next()? {
                // SAFETY: an `Rdd<T>`'s node has rows `T`.
                Ok(rows) => self.rows = unsafe { rows.into_vec::<T>() }.into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl<T> FusedIterator for LocalIter<T> {}

impl<T> std::fmt::Debug for LocalIter<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Partitions { rdd, next, .. } = &self.partitions;
        if *next < rdd.arc().partitions {
            write!(f, "iterator over the rows of {rdd:?}; partition {next} is computed next")
        } else {
            write!(f, "iterator over the rows of {rdd:?}; no partition is left to compute")
        }
    }
}

impl<T: 'static> Rdd<T> {
    /// An iterator over all rows. It computes a partition, by a job of its own, when it gets there: the driver holds one at a
    /// time. After an error it ends.
    ///
    /// ```
    /// let mut rows = dpark::DparkContext::local(2).range(0, 1000).to_local_iter();
    /// assert_eq!(rows.next().transpose()?, Some(0)); // so far one partition is computed
    /// assert_eq!(rows.sum::<dpark::Result<i64>>()?, 499_500);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    #[doc(alias = "toLocalIterator")]
    pub fn to_local_iter(&self) -> LocalIter<T>
    where
        T: Data,
    {
        LocalIter { partitions: self.handle.local_partitions(Codec::<T>::VT), rows: Vec::new().into_iter() }
    }
}
