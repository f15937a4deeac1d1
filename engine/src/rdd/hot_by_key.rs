//! `hot_by_key`: the values of each key that occur most often.

use super::Rdd;
use crate::data::Key;

fn once<T>(row: T) -> (T, u64) {
    (row, 1)
}

fn by_key<K, V>(((key, value), count): ((K, V), u64)) -> (K, (V, u64)) {
    (key, (value, count))
}

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// The `n` values of each key that occur most often, with their counts, the most frequent first: [`Rdd::hot`] for the
    /// values of each key.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).parallelize([('a', 1), ('a', 2), ('b', 7), ('a', 2)]);
    /// let hot = pairs.hot_by_key(1).collect_as_map()?;
    /// assert_eq!((&hot[&'a'][..], &hot[&'b'][..]), (&[(2, 2)][..], &[(7, 1)][..]));
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn hot_by_key(&self, n: usize) -> Rdd<(K, Vec<(V, u64)>)>
    where
        K: Key,
        V: Key,
    {
        let counts = self.map(once::<(K, V)>).reduce_by_key(|a, b| a + b);
        counts.map(by_key::<K, V>).top_by_key_by(n, |value| value.1)
    }
}
