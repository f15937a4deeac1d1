//! `top_by_key`: the largest values of each key.

use super::Rdd;
use crate::data::{Data, Key};
use crate::stats::Largest;

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// The `n` largest values of each key, the largest first; of equal values, earlier ones first. Each key keeps less than
    /// `2 * n` values in memory.
    ///
    /// As in Spark. DPark's `topByKey` takes the smallest ones, unless told `reverse`.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 10).map(|x| (x % 2, x));
    /// assert_eq!(pairs.top_by_key(2).collect_as_map()?[&0], [8, 6]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn top_by_key(&self, n: usize) -> Rdd<(K, Vec<V>)>
    where
        K: Key,
        V: Data + Ord,
    {
        let candidates = self.sketch_by_key("top_by_key", Largest(n));
        candidates.with_env((&n,)).map_values(|(n,)| move |candidates| Largest(n).of(candidates))
    }
}
