//! `count`: the number of rows.

use super::Rdd;
use crate::error::Result;
use crate::job::{Action, Output, Sink, run};
use crate::node::{RddHandle, call_site};
use std::panic::Location;

impl RddHandle {
    #[inline(never)]
    #[track_caller]
    fn count(&self) -> Result<u64> {
        let call_site = call_site(Location::caller());
        let action = Action { node: self.arc(), name: "count", call_site, partitions: None, sink: Sink::Count };
        Ok(run(action)?.iter().map(Output::count).sum())
    }
}

impl<T: 'static> Rdd<T> {
    /// Counts the rows.
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(2).range(0, 1000).count()?, 1000);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn count(&self) -> Result<u64> {
        self.handle.count()
    }
}
