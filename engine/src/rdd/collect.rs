//! `collect`: all rows on the driver.

use super::Rdd;
use crate::batch::Batch;
use crate::codec::{Codec, CodecVt};
use crate::data::Data;
use crate::error::Result;
use crate::job::{Action, Output, Sink, run};
use crate::node::{RddHandle, call_site};
use std::panic::Location;

impl RddHandle {
    /// All rows, in the order of partitions.
    #[inline(never)]
    #[track_caller]
    pub(super) fn collect(&self, name: &'static str, codec: &'static CodecVt) -> Result<Batch> {
        let call_site = call_site(Location::caller());
        let sink = Sink::Gather { limit: usize::MAX, codec };
        let outputs = run(Action { node: self.arc(), name, call_site, partitions: None, sink })?;
        let mut rows = Batch::new(self.arc().elem);
        rows.reserve(outputs.iter().map(Output::rows).sum());
        for mut part in outputs.into_iter().filter_map(Output::into_rows) {
            part.move_rows(&mut rows, usize::MAX);
        }
        Ok(rows)
    }
}

impl<T: 'static> Rdd<T> {
    /// Brings all rows to the driver.
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(2).range(0, 3).collect()?, [0, 1, 2]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[doc(alias = "to_list")]
    #[track_caller]
    pub fn collect(&self) -> Result<Vec<T>>
    where
        T: Data,
    {
        // SAFETY: an `Rdd<T>`'s node has rows `T`.
        self.handle.collect("collect", Codec::<T>::VT).map(|rows| unsafe { rows.into_vec() })
    }
}
