//! `foreach`: a side effect for each row.

use super::{Rdd, WithEnv};
use crate::batch::{Batch, Elem, drain_rows};
use crate::closure::Closure;
use crate::codec::Codec;
use crate::error::Result;
use crate::job::{FoldVt, LeaveOut};
use crate::node::RddHandle;
use std::marker::PhantomData;

struct Foreach<T, F>(PhantomData<(T, F)>);

impl<T: 'static, F: Fn(T)> Foreach<T, F> {
    const FOLD: &'static FoldVt = &FoldVt {
        acc: Elem::<()>::VT,
        codec: Codec::<()>::VT,
        step: step::<T, F>,
        step_selected: None,
        bad_rows: LeaveOut::Untouched,
    };
}

unsafe fn step<T, F: Fn(T)>(f: *const u8, input: &mut Batch, _: &mut Batch) -> Option<&'static str> {
    // SAFETY: the table's types are those of the closure and the rows. (There are no results to be merged.)
    unsafe { drain_rows::<T>(input, &*(f as *const F)) }
    None
}

impl RddHandle {
    #[inline(never)]
    #[track_caller]
    fn foreach(&self, vt: &'static FoldVt, closure: Closure) -> Result<()> {
        self.fold("foreach", vt, closure, None).map(drop)
    }
}

impl<T: 'static> Rdd<T> {
    /// Calls `f` with every row, where the rows are. What it does counts as often as a task runs: one that fails is run again.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicI64, Ordering};
    /// static SUM: AtomicI64 = AtomicI64::new(0);
    /// dpark::DparkContext::local(2).range(0, 3).foreach(|x| {
    ///     SUM.fetch_add(x, Ordering::Relaxed);
    /// })?;
    /// assert_eq!(SUM.load(Ordering::Relaxed), 3);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn foreach<F: Fn(T) + Send + Sync + 'static>(&self, f: F) -> Result<()> {
        self.handle.foreach(Foreach::<T, F>::FOLD, Closure::plain::<F, fn(T)>(f, "foreach"))
    }
}

impl<T: 'static, O: 'static> WithEnv<T, O> {
    /// [`Rdd::foreach`] with captured variables.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(2);
    /// let total = ctx.accumulator(0);
    /// ctx.range(0, 4).with_env((&total,)).foreach(|(total,)| move |x| total.add(x))?;
    /// assert_eq!(total.value(), 6);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn foreach<G, F>(self, factory: G) -> Result<()>
    where
        G: Fn(O) -> F,
        F: Fn(T) + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure(factory);
        rdd.handle.foreach(Foreach::<T, F>::FOLD, closure)
    }
}
