//! `map`: one row for each row.

use super::{Rdd, WithEnv};
use crate::batch::{Batch, Elem, map_rows};
use crate::closure::Closure;
use crate::pipeline::{OpVt, Step};
use std::marker::PhantomData;

struct Map<T, U, F>(PhantomData<(T, U, F)>);

impl<T: 'static, U: 'static, F: Fn(T) -> U> Map<T, U, F> {
    const OP: &'static OpVt = &OpVt { name: "map", out: Elem::<U>::VT, state: None, run: run::<T, U, F> };
}

unsafe fn run<T, U, F: Fn(T) -> U>(f: *const u8, _: *mut u8, input: &mut Batch, out: &mut Batch) -> Step {
    // SAFETY: the table's types are those of the closure and the batches.
    unsafe {
        let f = &*(f as *const F);
        map_rows::<T, U>(input, out, f);
    }
    Step::Done
}

impl<T: 'static> Rdd<T> {
    /// Applies `f` to every row.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 4);
    /// assert_eq!(rdd.map(|x| x * x).collect()?, [0, 1, 4, 9]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn map<U: 'static, F: Fn(T) -> U + Send + Sync + 'static>(&self, f: F) -> Rdd<U> {
        Rdd::from_handle(self.handle.narrow(Map::<T, U, F>::OP, Closure::plain::<F, fn(T) -> U>(f, "map")))
    }
}

impl<T: 'static, O: 'static> WithEnv<T, O> {
    /// [`Rdd::map`] with captured variables.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 3);
    /// assert_eq!(rdd.with_env((&5i64,)).map(|(n,)| move |x| x + n).collect()?, [5, 6, 7]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn map<U: 'static, G, F>(self, factory: G) -> Rdd<U>
    where
        G: Fn(O) -> F,
        F: Fn(T) -> U + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure(factory);
        Rdd::from_handle(rdd.handle.narrow(Map::<T, U, F>::OP, closure))
    }
}
