//! `take` and `first`: the first rows, from as few partitions as possible.

use super::Rdd;
use crate::batch::{Batch, take_row};
use crate::codec::{Codec, CodecVt};
use crate::data::Data;
use crate::error::{Error, Result};
use crate::job::{Action, Output, Sink, run};
use crate::node::{RddHandle, call_site};
use std::panic::Location;

impl RddHandle {
    /// The first `n` rows: from the first partition, then from twice as many partitions at a time.
    #[inline(never)]
    #[track_caller]
    pub(super) fn take(&self, name: &'static str, codec: &'static CodecVt, n: usize) -> Result<Batch> {
        let node = self.arc();
        let at = call_site(Location::caller());
        let mut rows = Batch::new(node.elem);
        let (mut next, mut width) = (0, 1);
        loop {
            let end = node.partitions.min(next + width);
            let partitions = Some(if n == 0 { Vec::new() } else { (next..end).collect() });
            let sink = Sink::Gather { limit: n - rows.rows(), codec };
            let outputs = run(Action { node, name, call_site: at.clone(), partitions, sink })?;
            for mut part in outputs.into_iter().filter_map(Output::into_rows) {
                let wanted = n - rows.rows();
                part.move_rows(&mut rows, wanted);
            }
            if rows.rows() >= n || end == node.partitions {
                return Ok(rows);
            }
            next = end;
            width *= 2;
        }
    }

    #[inline(never)]
    #[track_caller]
    fn first(&self, codec: &'static CodecVt) -> Result<Batch> {
        let rows = self.take("first", codec, 1)?;
        if rows.is_empty() { Err(empty("first")) } else { Ok(rows) }
    }
}

/// The error of an action that needs at least one row.
#[cold]
pub(super) fn empty(action: &str) -> Error {
    Error::Invalid(format!("{action}: the RDD is empty"))
}

impl<T: 'static> Rdd<T> {
    /// The first `n` rows; computes no more partitions and rows than needed.
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(2).range(0, 1000).take(3)?, [0, 1, 2]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn take(&self, n: usize) -> Result<Vec<T>>
    where
        T: Data,
    {
        // SAFETY: an `Rdd<T>`'s node has rows `T`.
        self.handle.take("take", Codec::<T>::VT, n).map(|rows| unsafe { rows.into_vec() })
    }

    /// The first row; an error if there is none.
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(2).range(7, 9).first()?, 7);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn first(&self) -> Result<T>
    where
        T: Data,
    {
        // SAFETY: an `Rdd<T>`'s node has rows `T`; there is one.
        self.handle.first(Codec::<T>::VT).map(|mut rows| unsafe { take_row(&mut rows) })
    }
}
