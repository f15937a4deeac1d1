//! `foreach_partition`: a side effect for each partition.

use super::map_partitions::{Running, next};
use super::{Rdd, WithEnv};
use crate::batch::Elem;
use crate::closure::Closure;
use crate::error::Result;
use crate::job::{Action, Sink, run};
use crate::node::{RddHandle, call_site};
use crate::pipeline::{PartitionsVt, Rows, Upstream};
use std::iter::Empty;
use std::marker::PhantomData;
use std::panic::Location;

struct ForeachPartition<T, F>(PhantomData<(T, F)>);

impl<T: 'static, F: Fn(Rows<T>)> ForeachPartition<T, F> {
    const OP: &'static PartitionsVt = &PartitionsVt {
        name: "foreach_partition",
        out: Elem::<()>::VT,
        state: Running::<Empty<()>>::STATE,
        open: open::<T, F>,
        next: next::<Empty<()>>,
    };
}

unsafe fn open<T, F: Fn(Rows<T>)>(f: *const u8, upstream: Upstream, _: *mut u8) {
    // SAFETY: the table's types are those of closure and upstream.
    unsafe { (*(f as *const F))(Rows::new(upstream)) }
}

impl RddHandle {
    #[inline(never)]
    #[track_caller]
    fn foreach_partition(&self, op: &'static PartitionsVt, closure: Closure) -> Result<()> {
        let call_site = call_site(Location::caller());
        let calls = self.partitions(op, closure);
        run(Action { node: calls.arc(), name: op.name, call_site, partitions: None, sink: Sink::Count }).map(drop)
    }
}

impl<T: 'static> Rdd<T> {
    /// Calls `f` once for each partition, where the rows are, with an iterator over them: the place for what is made once for
    /// many rows, such as a connection. It sees the whole partition, so a panic in it is no bad row that `--err` could leave out.
    ///
    /// ```
    /// use std::sync::Mutex;
    /// static SUMS: Mutex<Vec<i64>> = Mutex::new(Vec::new());
    /// dpark::DparkContext::local(2).range(0, 4).foreach_partition(|rows| SUMS.lock().unwrap().push(rows.sum()))?;
    /// let mut sums = SUMS.lock().unwrap().clone();
    /// sums.sort();
    /// assert_eq!(sums, [1, 5]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn foreach_partition<F: Fn(Rows<T>) + Send + Sync + 'static>(&self, f: F) -> Result<()> {
        let closure = Closure::plain::<F, fn(Rows<T>)>(f, "foreach_partition");
        self.handle.foreach_partition(ForeachPartition::<T, F>::OP, closure)
    }
}

impl<T: 'static, O: 'static> WithEnv<T, O> {
    /// [`Rdd::foreach_partition`] with captured variables.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(2);
    /// let rows_seen = ctx.accumulator(0);
    /// ctx.range(0, 5).with_env((&rows_seen,)).foreach_partition(|(rows_seen,)| move |rows| rows_seen.add(rows.count()))?;
    /// assert_eq!(rows_seen.value(), 5);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn foreach_partition<G, F>(self, factory: G) -> Result<()>
    where
        G: Fn(O) -> F,
        F: Fn(Rows<T>) + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure(factory);
        rdd.handle.foreach_partition(ForeachPartition::<T, F>::OP, closure)
    }
}
