//! `key_by`: pairs of a key computed from the row, and the row.

use super::{Rdd, WithEnv};
use crate::batch::{Batch, Elem, map_rows};
use crate::closure::Closure;
use crate::pipeline::{OpVt, Step};
use std::marker::PhantomData;

struct KeyBy<T, K, F>(PhantomData<(T, K, F)>);

impl<T: 'static, K: 'static, F: Fn(&T) -> K> KeyBy<T, K, F> {
    const OP: &'static OpVt = &OpVt { name: "key_by", out: Elem::<(K, T)>::VT, state: None, run: run::<T, K, F> };
}

unsafe fn run<T, K, F: Fn(&T) -> K>(f: *const u8, _: *mut u8, input: &mut Batch, out: &mut Batch) -> Step {
    // SAFETY: the table's types are those of the closure and the batches.
    unsafe {
        let f = &*(f as *const F);
        map_rows::<T, (K, T)>(input, out, |row| (f(&row), row));
    }
    Step::Done
}

impl<T: 'static> Rdd<T> {
    /// Makes pairs: the key that `f` computes from the row, and the row.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(1).range(3, 5);
    /// assert_eq!(rdd.key_by(|x| x % 2).collect()?, [(1, 3), (0, 4)]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn key_by<K: 'static, F: Fn(&T) -> K + Send + Sync + 'static>(&self, f: F) -> Rdd<(K, T)> {
        Rdd::from_handle(self.handle.narrow(KeyBy::<T, K, F>::OP, Closure::plain::<F, fn(&T) -> K>(f, "key_by")))
    }
}

impl<T: 'static, O: 'static> WithEnv<T, O> {
    /// [`Rdd::key_by`] with captured variables.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(1).range(3, 5);
    /// assert_eq!(rdd.with_env((&3i64,)).key_by(|(n,)| move |x| x % n).collect()?, [(0, 3), (1, 4)]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn key_by<K: 'static, G, F>(self, factory: G) -> Rdd<(K, T)>
    where
        G: Fn(O) -> F,
        F: Fn(&T) -> K + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure(factory);
        Rdd::from_handle(rdd.handle.narrow(KeyBy::<T, K, F>::OP, closure))
    }
}
