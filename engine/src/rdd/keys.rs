//! `keys`: the key of every pair.

use super::Rdd;
use crate::batch::{Batch, Elem, map_rows};
use crate::closure::Closure;
use crate::pipeline::{OpVt, Step};
use std::marker::PhantomData;

struct Keys<K, V>(PhantomData<(K, V)>);

impl<K: 'static, V: 'static> Keys<K, V> {
    const OP: &'static OpVt = &OpVt { name: "keys", out: Elem::<K>::VT, state: None, run: run::<K, V> };
}

unsafe fn run<K, V>(_: *const u8, _: *mut u8, input: &mut Batch, out: &mut Batch) -> Step {
    // SAFETY: the table's types are those of the batches.
    unsafe { map_rows::<(K, V), K>(input, out, |(key, _)| key) }
    Step::Done
}

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// The key of every pair.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(4, 7).key_by(|x| x % 2);
    /// assert_eq!(pairs.keys().collect()?, [0, 1, 0]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn keys(&self) -> Rdd<K> {
        Rdd::from_handle(self.handle.narrow(Keys::<K, V>::OP, Closure::none()))
    }
}
