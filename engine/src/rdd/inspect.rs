//! `inspect`: a look at every row on its way.

use super::{Rdd, WithEnv};
use crate::batch::{Batch, Elem};
use crate::closure::Closure;
use crate::pipeline::{OpVt, Step};
use std::marker::PhantomData;

struct Inspect<T, F>(PhantomData<(T, F)>);

impl<T: 'static, F: Fn(&T)> Inspect<T, F> {
    const OP: &'static OpVt = &OpVt { name: "inspect", out: Elem::<T>::VT, state: None, run: run::<T, F> };
}

unsafe fn run<T, F: Fn(&T)>(f: *const u8, _: *mut u8, input: &mut Batch, out: &mut Batch) -> Step {
    // SAFETY: the table's types are those of the closure and the rows, which stay where they are while they are looked at.
    unsafe {
        let f = &*(f as *const F);
        std::slice::from_raw_parts(input.row(0) as *const T, input.rows()).iter().for_each(f);
    }
    input.append_to(out);
    Step::Done
}

impl<T: 'static> Rdd<T> {
    /// Calls `f` with every row, where the rows are and whenever they are computed, and passes the rows on as they are;
    /// the partitioner is kept.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 3).inspect(|x| println!("saw {x}"));
    /// assert_eq!(rdd.sum()?, 3);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn inspect<F: Fn(&T) + Send + Sync + 'static>(&self, f: F) -> Rdd<T> {
        Rdd::from_handle(
            self.handle.narrow_keeping_keys(Inspect::<T, F>::OP, Closure::plain::<F, fn(&T)>(f, "inspect")),
        )
    }
}

impl<T: 'static, O: 'static> WithEnv<T, O> {
    /// [`Rdd::inspect`] with captured variables.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(2);
    /// let seen = ctx.accumulator(0);
    /// let rdd = ctx.range(0, 4).with_env((&seen,)).inspect(|(seen,)| move |x| seen.add(*x));
    /// assert_eq!((rdd.count()?, seen.value()), (4, 6));
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn inspect<G, F>(self, factory: G) -> Rdd<T>
    where
        G: Fn(O) -> F,
        F: Fn(&T) + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure(factory);
        Rdd::from_handle(rdd.handle.narrow_keeping_keys(Inspect::<T, F>::OP, closure))
    }
}
