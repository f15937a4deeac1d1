//! `values`: the value of every pair.

use super::Rdd;
use crate::batch::{Batch, Elem, map_rows};
use crate::closure::Closure;
use crate::pipeline::{OpVt, Step};
use std::marker::PhantomData;

struct Values<K, V>(PhantomData<(K, V)>);

impl<K: 'static, V: 'static> Values<K, V> {
    const OP: &'static OpVt = &OpVt { name: "values", out: Elem::<V>::VT, state: None, run: run::<K, V> };
}

unsafe fn run<K, V>(_: *const u8, _: *mut u8, input: &mut Batch, out: &mut Batch) -> Step {
    // SAFETY: the table's types are those of the batches.
    unsafe { map_rows::<(K, V), V>(input, out, |(_, value)| value) }
    Step::Done
}

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// The value of every pair.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(4, 7).key_by(|x| x % 2);
    /// assert_eq!(pairs.values().collect()?, [4, 5, 6]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn values(&self) -> Rdd<V> {
        Rdd::from_handle(self.handle.narrow(Values::<K, V>::OP, Closure::none()))
    }
}
